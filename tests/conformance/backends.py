"""The upstream of the scenarios: one handler for both proxies, so that both get the same responses.

The path selects the response. `/` and unknown paths give 200 "hello"; the names of the others describe theirs.
"""

from wasmnb.messages import Headers, Request, Response

SLOW = 0.5  # seconds


def handler(request: Request) -> Response:
    """Return the response for a request's path."""
    path = request.path.split("?")[0]
    if path.startswith("/big="):
        return _plain(b"z" * int(path.removeprefix("/big=")))
    make = _RESPONSES.get(path)
    return make(request) if make else Response(200, Headers([("content-length", "5"), ("x-up", "1")]), b"hello")


def early(request: Request) -> Response | None:
    """Return a response before the body has arrived, or None."""
    if request.path == "/early":
        return Response(200, Headers([("content-length", "5"), ("connection", "close")]), b"early")
    return None


def _plain(body: bytes, *headers: tuple[str, str]) -> Response:
    return Response(200, Headers([("content-length", str(len(body))), *headers]), body)


def _chunks(request: Request) -> Response:
    chunks = [b"aaaa", b"bbbb", b"cccc"]
    return Response(200, Headers([("transfer-encoding", "chunked"), ("x-up", "1")]), chunks=chunks)


def _trailers(request: Request) -> Response:
    headers = Headers([("transfer-encoding", "chunked"), ("x-up", "1"), ("trailer", "x-tr")])
    return Response(200, headers, chunks=[b"aaaa"], trailers=Headers([("x-tr", "tval")]))


def _cut(request: Request) -> Response:
    return Response(200, Headers([("content-length", "100")]), b"abcde", reset=True)


def _slow(request: Request) -> Response:
    return Response(200, Headers([("content-length", "4")]), b"slow", latency=SLOW)


def _duplicates(request: Request) -> Response:
    return _plain(b"ok", ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-dup", "one"), ("x-dup", "two"))


_RESPONSES = {
    "/chunked": _chunks,
    "/trailers": _trailers,
    "/nobody": lambda r: Response(200, Headers([("content-length", "0")])),
    "/204": lambda r: Response(204),
    "/close": lambda r: Response(0),
    "/rstmid": _cut,
    "/slow": _slow,
    "/later": lambda r: Response(200, Headers([("content-length", "5")]), b"later", latency=0.1),
    "/dup": _duplicates,
}
