"""An upstream's answer as bytes, for what no `Response` can say."""

from __future__ import annotations

import re

from ...messages import Response
from ..http.connection.chunks import Body
from ..http.connection.http1 import parse_head

__all__ = ["RawResponse"]

_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})(?: .*)?\Z")


class RawResponse(Response):
    """An answer over HTTP/1 that is sent byte by byte as it stands; the connection ends behind it.

    Parameters
    ----------
    data
        All bytes of the answer.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self.data = data

    def decode(self, method: str) -> Response | None:
        """What Envoy's codec reads, interim responses left out; None if it cannot read it.

        `reset` says that the body ended in the middle.
        """
        rest = self.data
        while True:
            found = _END.search(rest)
            if found is None:
                return None
            first, _, lines = rest[: found.start()].partition(b"\n")
            status = _STATUS.match(first.rstrip(b"\r"))
            head = parse_head(b"GET / HTTP/1.1\n" + lines) if lines else parse_head(b"GET / HTTP/1.1")
            if status is None or head.broken or any(b" " in n or not n for n, _ in head.headers):
                return None
            rest = rest[found.end() :]
            code = int(status[1])
            if not 100 <= code < 200 or code == 101:
                break
        response = Response(code)
        response.headers.raw = head.headers
        told = {name for name, _ in head.headers}
        response.until_close = not told & {b"content-length", b"transfer-encoding"} and code not in (101, 204, 304)
        if code == 101:
            response.chunks, response.body, response.reset = [rest], rest, True
        elif method != "HEAD" and code not in (204, 304):
            self._read_body(response, rest)
        return response

    @staticmethod
    def _read_body(response: Response, rest: bytes) -> None:
        told, coding = response.headers.get("content-length"), response.headers.get("transfer-encoding")
        if response.until_close:
            response.chunks = [rest] if rest else []
            response.body = rest
            return
        body = Body(int(told) if told and told.isdigit() else None, chunked=coding is not None)
        buffer = bytearray(rest)
        response.body = body.take(buffer)
        if coding is not None:
            response.chunks = [response.body] if response.body else []
            response.trailers.raw = body.trailers or []
        response.reset = not body.done
