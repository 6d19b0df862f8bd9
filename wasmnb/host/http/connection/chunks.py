"""Bodies of requests over HTTP/1, read from bytes.

Facts (Envoy 1.40): a chunk's size stands at the beginning of its line, in hexadecimal; extensions are ignored. What stands between a
chunk's data and the end of its line is skipped. Chunks that are read together reach the filters together.
"""

from __future__ import annotations

import re

from ....abi import Pair
from .problem import Problem, bad_request

__all__ = ["Body"]

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\Z")
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Body:
    """A request's body as it comes in.

    Attributes
    ----------
    done
        Its end has come.
    trailers
        What followed the last chunk; None if nothing did.
    problem
        Why the rest cannot be read.
    """

    def __init__(self, length: int | None, *, chunked: bool, tunnel: bool = False) -> None:
        self.done = not (length or chunked or tunnel)
        self.trailers: list[Pair] | None = None
        self.problem: Problem | None = None
        self._left = length or 0
        self._chunked = chunked
        self._tunnel = tunnel
        self._in_chunk = self._after_chunk = self._in_trailers = False
        self._lines: list[bytes] = []

    def take(self, buffer: bytearray) -> bytes:
        """Take what belongs to the body from the front of the buffer; the data in it."""
        if self._tunnel:
            data = bytes(buffer)
            buffer.clear()
            return data
        if not self._chunked:
            data = self._bytes(buffer)
            self.done = not self._left
            return data
        found = bytearray()
        while not self.done and self.problem is None:
            if self._in_chunk:
                found += self._bytes(buffer)
                if self._left:
                    break
                self._in_chunk, self._after_chunk = False, True
            line = self._line(buffer)
            if line is None:
                break
            self._read_line(line)
        return bytes(found)

    def _bytes(self, buffer: bytearray) -> bytes:
        data = bytes(buffer[: self._left])
        del buffer[: len(data)]
        self._left -= len(data)
        return data

    @staticmethod
    def _line(buffer: bytearray) -> bytes | None:
        at = buffer.find(b"\n")
        if at < 0:
            return None
        line = bytes(buffer[:at])
        del buffer[: at + 1]
        return line

    def _read_line(self, line: bytes) -> None:
        if self._after_chunk:
            self._after_chunk = False
        elif self._in_trailers:
            self._trailer(line)
        else:
            size = _SIZE.match(line)
            if size is None:
                self.problem = bad_request()
                return
            self._left = int(size[1], 16)
            self._in_chunk, self._in_trailers = self._left > 0, self._left == 0

    def _trailer(self, line: bytes) -> None:
        if line.rstrip(b"\r"):
            self._lines.append(line.rstrip(b"\r"))
            return
        pairs = [(n.lower(), v.strip(b" \t")) for n, _, v in (x.partition(b":") for x in self._lines)]
        if any(_CONTROL.search(x) for x in self._lines):
            self.problem = bad_request("invalid_characters")
            return
        if any(b":" not in x for x in self._lines) or not all(_TOKEN.match(n) for n, _ in pairs):
            self.problem = bad_request()
            return
        self.trailers = pairs or None
        self.done = True
