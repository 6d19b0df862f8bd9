"""An upstream's response as raw bytes, for invalid responses that a `Response` can't represent."""

from __future__ import annotations

import re

from ...messages import Response
from ..http.codec.http1 import parse_head
from ..http.connection_manager.chunks import DecodedBody

__all__ = ["RawResponse"]

_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d[ \t]+0*([1-9]\d{2,3})(?:[ \t][^\0]*)?\Z")
#: Interim responses that Envoy forwards. It skips others.
_INTERIM = (100, 102, 103)


class RawResponse(Response):
    """A response over HTTP/1 whose bytes are sent unchanged. Afterwards the upstream closes the connection.

    Parameters
    ----------
    data
        All bytes of the response, beginning with the status line.

    Attributes
    ----------
    interim
        The first interim response (1xx) that `decode` has read, or None.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.data = data
        self.interim: Response | None = None

    def decode(self, method: str) -> Response | None:
        """Return the final response as Envoy's codec reads it, or None if the codec rejects it.

        The response's `reset` is True if the body is incomplete. Its status is 0 if the connection ended before the response.
        """
        rest = self.data
        while True:
            if not rest:
                return Response(0, reset=True)
            blank_line = _END.search(rest)
            if blank_line is None:
                return None
            first, _, lines = rest[: blank_line.start()].partition(b"\n")
            status = _STATUS.match(first.rstrip(b"\r"))
            head = parse_head(b"GET / HTTP/1.1\n" + lines) if lines else parse_head(b"GET / HTTP/1.1")
            if status is None or head.broken or any(b" " in n or not n for n, _ in head.headers):
                return None
            rest = rest[blank_line.end() :]
            code = int(status[1])
            if not 100 <= code < 200 or code == 101:
                break
            if any(name in (b"content-length", b"transfer-encoding") for name, _ in head.headers):
                return None
            if code in _INTERIM and self.interim is None:
                self.interim = Response(code)
                self.interim.headers.raw = head.headers
        response = Response(code)
        response.headers.raw = head.headers
        names = {name for name, _ in head.headers}
        response.until_close = not names & {b"content-length", b"transfer-encoding"} and code not in (101, 204, 304)
        if code == 101:
            response.chunks, response.body, response.reset = [rest], rest, True
        elif method != "HEAD" and code not in (204, 304):
            self._read_body(response, rest)
        return response

    @staticmethod
    def _read_body(response: Response, rest: bytes) -> None:
        length, coding = response.headers.get("content-length"), response.headers.get("transfer-encoding")
        if response.until_close:
            response.chunks = [rest] if rest else []
            response.body = rest
            return
        body = DecodedBody(int(length) if length and length.isdigit() else None, chunked=coding is not None)
        buffer = bytearray(rest)
        response.body = body.take(buffer)
        if coding is not None:
            response.chunks = [response.body] if response.body else []
            response.trailers.raw = body.trailers or []
        response.reset = not body.done
