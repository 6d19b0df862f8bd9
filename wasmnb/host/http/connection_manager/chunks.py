"""Reading HTTP/1 bodies from bytes.

In Envoy 1.40, a chunk begins with a line that contains its size in hexadecimal, and extensions are ignored. Bytes between a
chunk's data and the end of its line are skipped. Chunks that arrive together are passed to the filters together, or not at all
if the next line is invalid. A line of the trailers that begins with a space continues the previous line.
"""

from __future__ import annotations

import re

from ....abi import Pair
from ....parsing.chunked_body import read_chunk_size
from ....parsing.header_block import TOKEN, parse_header_lines
from .problem import Problem, bad_request

__all__ = ["INVALID_CHARACTERS", "DecodedBody"]

#: Bytes that Envoy refuses anywhere in the head or the trailers of an HTTP/1 message.
INVALID_CHARACTERS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class DecodedBody:
    """The body of a message that arrives in parts.

    Attributes
    ----------
    done
        Whether the end of the body has arrived.
    trailers
        Trailers after the last chunk, or None.
    problem
        Reason why the remaining body can't be read, or None.
    data_lost
        Whether the data before the problem are lost, because the problem is an invalid chunk size.
    """

    def __init__(self, length: int | None, *, chunked: bool, tunnel: bool = False) -> None:
        self.done = not (length or chunked or tunnel)
        self.trailers: list[Pair] | None = None
        self.problem: Problem | None = None
        self._left = length or 0
        self._chunked = chunked
        self._tunnel = tunnel
        self._in_chunk = self._after_chunk = self._in_trailers = self.data_lost = False
        self._lines: list[bytes] = []

    def take(self, buffer: bytearray) -> bytes:
        """Remove the part of the body at the start of the buffer, and return its data."""
        if self._tunnel:
            data = bytes(buffer)
            buffer.clear()
            return data
        if not self._chunked:
            data = self._bytes(buffer)
            self.done = not self._left
            return data
        body = bytearray()
        while not self.done and self.problem is None:
            if self._in_chunk:
                body += self._bytes(buffer)
                if self._left:
                    break
                self._in_chunk, self._after_chunk = False, True
            line = self._line(buffer)
            if line is None:
                break
            self._read_line(line)
        return bytes(body)

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
            size = read_chunk_size(line[:-1], strict=True) if line[-1:] == b"\r" else None
            if size is None:
                self.problem, self.data_lost = bad_request(), line[-1:] == b"\r"
                return
            self._left = size
            self._in_chunk, self._in_trailers = self._left > 0, self._left == 0

    def _trailer(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        if line:
            if line[:1] in (b" ", b"\t") and self._lines:
                self._lines[-1] += line.rstrip(b" \t")
            else:
                self._lines.append(line)
            return
        pairs = [(n.lower(), v) for n, v in parse_header_lines(self._lines, nameless=True)]
        if any(INVALID_CHARACTERS.search(line) for line in self._lines):
            self.problem = bad_request("invalid_characters")
            return
        if len(pairs) < len(self._lines) or not all(TOKEN.fullmatch(n) for n, _ in pairs):
            self.problem = bad_request()
            return
        self.trailers = pairs or None
        self.done = True
