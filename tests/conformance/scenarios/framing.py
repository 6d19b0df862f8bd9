"""Framing of bodies, and invalid responses of an upstream."""

from ..backends import FRAMES, RAW
from ..scenario import Scenario, Wire, maker
from .wire import QUICK, request_head

_make = maker("framing")

SEE_RESPONSE = """
on_request_headers: return 0
on_response_headers: get_header_map_pairs RESPONSE_HEADERS
on_response_trailers: get_header_map_size RESPONSE_TRAILERS
on_log: get_header_map_pairs RESPONSE_HEADERS; get_property response/code; get_property response/code_details; get_property response/flags; get_property response/size; get_property response/total_size
"""

_DROP = SEE_RESPONSE.replace(
    "on_response_headers:", "on_response_headers: remove_header_map_value RESPONSE_HEADERS content-length;"
)
_BODY = ("/", "/chunked", "/trailers", "/nobody", "/204", "/frame/304", "/frame/205", "/frame/chunks-empty")


def _s(name: str, steps: list[Wire], script: str = SEE_RESPONSE, **options: object) -> Scenario:
    return _make(name, steps, script, hcm=QUICK, **options)


def _get(path: str, method: str = "GET") -> Wire:
    return Wire(request_head(f"{method} {path} HTTP/1.1"), f"{method} {path}")


def _reply(code: int, body: str = "_", headers: str = "_", method: str = "GET") -> Scenario:
    """A local reply, and a second request on the same connection. Its response shows where the body of the first one ends."""
    script = f"on_request_headers: send_local_response {code} d {body} {headers} -1; return 1\n" + "\n".join(
        SEE_RESPONSE.strip().split("\n")[1:]
    )
    steps = [
        Wire(request_head(f"{method} /1 HTTP/1.1"), "one"),
        Wire(request_head(f"{method} /1 HTTP/1.1") + request_head("GET /2 HTTP/1.1"), "two on a connection"),
    ]
    return _s(f"{method}: a local reply {code} with {body} and {headers}", steps, script)


_INJECTED = (
    ":path /a%20b%20HTTP/1.1", ":path /a%20b", ":path a", ":path _", ":path /a%0d%0ax-b:%201", ":path /%e4", ":path /a#b", ":path /a%00b", ":path /a%09b", ":path /a%7fb",
    ":method foo", ":method G%20T", ":method _", ":method G%0d%0aT", ":method get", ":method CONNECT", ":method HEAD", ":method POST", ":authority a%20b", ":authority _", ":authority a%0db", ":scheme https", ":scheme ftp", ":scheme _", "x-b a%0d%0ac:%20d", "x-b a%00b", "x%20b 1", "_ 1",
    "content-length 5", "content-length abc", "transfer-encoding chunked", "transfer-encoding gzip", "connection close", "connection upgrade", "upgrade websocket", "te trailers", "te gzip", "keep-alive timeout=1", "host other", "expect 100-continue", "x_b 1", "X-Upper 1",
)  # fmt: skip
_INJECTED_BACK = (
    ":status 99", ":status 1000", ":status abc", ":status _", ":status 204", ":status 304", ":status 101", ":status 100", ":status 200%20OK", "content-length 1", "content-length 99", "content-length abc", "transfer-encoding gzip", "transfer-encoding chunked", "connection close", "connection keep-alive", "keep-alive timeout=1", "upgrade websocket",
    "x-b a%0d%0ac:%20d", "x-b a%00b", "x%20b 1", "_ 1", "X-Upper 1", "server me", "date then", "x_b 1",
)  # fmt: skip


def _set(direction: str, pair: str, where: str, path: str = "/") -> Scenario:
    script = f"on_{where}: replace_header_map_value {direction} {pair}\n" + "\n".join(
        line for line in SEE_RESPONSE.strip().split("\n") if not line.startswith(f"on_{where}")
    )
    return _s(
        f"{where} set {pair}",
        [
            Wire(request_head(f"GET {path} HTTP/1.1"), "one"),
            Wire(request_head(f"GET {path} HTTP/1.1") + request_head("GET /2 HTTP/1.1"), "two on a connection"),
        ],
        script,
    )


SCENARIOS: list[Scenario] = [
    _s("framed answers", [_get(path) for path in FRAMES]),
    _s("framed answers to HEAD", [_get(path, "HEAD") for path in (*_BODY, *FRAMES)]),
    _s("bytes that are no answer", [_get(path) for path in RAW]),
    _s("bytes that are no answer, to HEAD", [_get(path, "HEAD") for path in RAW]),
    _s("content-length removed by the filter", [_get(path) for path in _BODY]),
    _s("content-length removed by the filter, HEAD", [_get(path, "HEAD") for path in _BODY], _DROP),
    _s("content-length removed by the filter, GET", [_get(path) for path in _BODY], _DROP),
    *(_reply(code, body, headers, method) for code, body, headers, method in (
        (200, "_", "_", "GET"), (200, "_", "_", "HEAD"), (200, "bbbb", "_", "HEAD"), (204, "_", "_", "GET"), (204, "bbbb", "_", "GET"), (304, "bbbb", "_", "GET"), (304, "_", "_", "GET"), (204, "bbbb", "_", "HEAD"),
        (205, "bbbb", "_", "GET"), (101, "_", "_", "GET"), (101, "bbbb", "_", "GET"), (100, "_", "_", "GET"), (199, "_", "_", "GET"), (200, "bbbb", "content-length=2", "GET"), (200, "bbbb", "transfer-encoding=chunked", "GET"), (200, "bbbb", "connection=close", "GET"), (400, "bbbb", "_", "GET"), (200, "_", "content-type=text/html", "GET"),
        (200, "bbbb", "x-b=a%0d%0ac:%20d", "GET"), (999, "b", "_", "GET"), (600, "b", "_", "GET"), (304, "_", "content-length=5", "GET"), (204, "_", "content-length=5", "GET"), (403, "_", "_", "HEAD"), (503, "_", "_", "GET"),
    )),
    *(_set("REQUEST_HEADERS", pair, "request_headers") for pair in _INJECTED),
    *(_set("RESPONSE_HEADERS", pair, "response_headers") for pair in _INJECTED_BACK),
]  # fmt: skip
