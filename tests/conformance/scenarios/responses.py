"""Further responses: raw bytes of upstreams, filters that change the framing of a body, and HTTP/2."""

from collections.abc import Sequence
from typing import Any

from ..raw_responses import RAW_RESPONSES
from ..scenario import Http2, Scenario, Step, Wire, maker
from .framing import SEE_RESPONSE
from .wire import QUICK, request_head

_make = maker("responses")
_SHORT = "on_log: get_property response/code; get_property response/code_details; get_property response/flags; get_property response/size; get_property response/total_size"


def _s(name: str, steps: Sequence[Step], script: str = SEE_RESPONSE, **options: Any) -> Scenario:
    return _make(name, steps, script, hcm={**QUICK, **options.pop("hcm", {})}, **options)


def _get(path: str, method: str = "GET", *headers: str, body: bytes = b"") -> Wire:
    return Wire(request_head(f"{method} {path} HTTP/1.1", *headers) + body, f"{method} {path}", wait=0.8)


def _h2(path: str, method: str = "GET", body: bytes | None = None) -> Http2:
    pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "h.test")]
    return Http2(pseudo, body, name=f"{method} {path}", wait=0.8)


_PATHS = ("/", "/chunked", "/trailers", "/nobody", "/204", "/frame/304")


def _edit(statement: str, callback: str = "on_response_headers", paths: Sequence[str] = _PATHS) -> Scenario:
    """GET and HEAD requests for the usual responses, each of which the filter edits in the same way."""
    steps = [_get(p, m) for p in paths for m in ("GET", "HEAD")]
    return _s(f"{callback}: {statement}", steps, f"{callback}: {statement}\n{_SHORT}")


_EDITS = (
    "replace_header_map_value RESPONSE_HEADERS content-length 3", "add_header_map_value RESPONSE_HEADERS content-length 5", "add_header_map_value RESPONSE_HEADERS transfer-encoding chunked", "add_header_map_value RESPONSE_HEADERS transfer-encoding identity", "replace_header_map_value RESPONSE_HEADERS :status 204", "replace_header_map_value RESPONSE_HEADERS :status 304", "replace_header_map_value RESPONSE_HEADERS :status 205", "replace_header_map_value RESPONSE_HEADERS :status 103",
    "remove_header_map_value RESPONSE_HEADERS transfer-encoding", "add_header_map_value RESPONSE_HEADERS connection close", "add_header_map_value RESPONSE_HEADERS connection x-up", "add_header_map_value RESPONSE_HEADERS trailer x-t", "add_header_map_value RESPONSE_TRAILERS x-t 1", "remove_header_map_value RESPONSE_HEADERS :status", "add_header_map_value RESPONSE_HEADERS te trailers", "replace_header_map_value RESPONSE_HEADERS date _", "remove_header_map_value RESPONSE_HEADERS server",
)  # fmt: skip
_BODY_EDITS = ("set_buffer_bytes HTTP_RESPONSE_BODY 0 100 LONGER-THAN-BEFORE", "set_buffer_bytes HTTP_RESPONSE_BODY 0 100 _", "set_buffer_bytes HTTP_RESPONSE_BODY 0 0 PRE", "set_buffer_bytes HTTP_RESPONSE_BODY 9999 0 POST", "add_header_map_value RESPONSE_TRAILERS x-t 1", "add_header_map_value RESPONSE_HEADERS x-late 1", "remove_header_map_value RESPONSE_HEADERS content-length")
_REQUEST_EDITS = ("set_buffer_bytes HTTP_REQUEST_BODY 0 100 LONGER-THAN-BEFORE", "set_buffer_bytes HTTP_REQUEST_BODY 0 100 _", "set_buffer_bytes HTTP_REQUEST_BODY 0 0 PRE", "add_header_map_value REQUEST_TRAILERS x-t 1", "add_header_map_value REQUEST_HEADERS x-late 1", "remove_header_map_value REQUEST_HEADERS content-length")
_POSTS = [_get("/p", "POST", "content-length: 3", body=b"abc"), _get("/p", "POST", "transfer-encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"), _get("/p", "POST", "transfer-encoding: chunked", body=b"3\r\nabc\r\n0\r\nx-r: 1\r\n\r\n"), _get("/p", "PUT", "content-length: 0"), _get("/p", "DELETE", "content-length: 3", body=b"abc"), _get("/p", "GET", "content-length: 3", body=b"abc")]


def _reply(code: int, body: str, headers: str, where: str, steps: Sequence[Step]) -> Scenario:
    return _s(f"{where}: a reply {code} with {body} and {headers}", steps, f"{where}: send_local_response {code} d {body} {headers} -1; return 1\n{_SHORT}")


SCENARIOS: list[Scenario] = [
    _s("bytes of an upstream", [_get(path) for path in RAW_RESPONSES]),
    _s("bytes of an upstream, to HEAD", [_get(path, "HEAD") for path in RAW_RESPONSES if not path.startswith("/more/trailers")], _SHORT),
    _s("bytes of an upstream, to POST", [_get(path, "POST", "content-length: 3", body=b"abc") for path in list(RAW_RESPONSES)[::4]], _SHORT),
    _s("informational responses, the filter looks", [_get(p) for p in ("/more/103-twice", "/more/100-103", "/more/199", "/raw/103-then-200")], SEE_RESPONSE, hcm={"proxy_100_continue": True}),
    *(_edit(statement) for statement in _EDITS),
    *(_edit(statement, "on_response_body") for statement in _BODY_EDITS),
    _edit("add_header_map_value RESPONSE_TRAILERS x-more 1", "on_response_trailers", ["/trailers"]),
    _edit("remove_header_map_value RESPONSE_TRAILERS x-tr", "on_response_trailers", ["/trailers"]),
    _edit("set_header_map_pairs RESPONSE_TRAILERS a=1&b=2", "on_response_trailers", ["/trailers"]),
    _edit("add_header_map_value RESPONSE_HEADERS x-late 1", "on_response_trailers", ["/trailers"]),
    *(_s(f"on_request_body: {statement}", _POSTS, f"on_request_body: {statement}\n{_SHORT}") for statement in _REQUEST_EDITS[3:]),
    *(_s(f"on_request_body: {statement}", _POSTS[1:3], f"on_request_body: {statement}\n{_SHORT}") for statement in _REQUEST_EDITS[:3]),
    *(_s(f"on_request_headers: {statement}", _POSTS, f"on_request_headers: {statement}\n{_SHORT}") for statement in ("remove_header_map_value REQUEST_HEADERS content-length", "replace_header_map_value REQUEST_HEADERS content-length 9", "add_header_map_value REQUEST_HEADERS transfer-encoding chunked", "add_header_map_value REQUEST_TRAILERS x-t 1", "replace_header_map_value REQUEST_HEADERS :method GET", "replace_header_map_value REQUEST_HEADERS :method HEAD")),
    *(_reply(code, body, headers, "on_response_headers", [_get("/"), _get("/chunked"), _get("/", "HEAD"), _get("/204")]) for code, body, headers in ((204, "bbbb", "_"), (304, "bbbb", "_"), (403, "_", "_"), (200, "bbbb", "content-length=9"), (500, "bbbb", "x-a=1&x-a=2"), (302, "_", "location=/there"))),
    *(_reply(code, body, headers, "on_request_body", _POSTS[:3]) for code, body, headers in ((204, "bbbb", "_"), (401, "bbbb", "www-authenticate=Basic"), (200, "_", "set-cookie=a&set-cookie=b"))),
    *(_reply(code, body, headers, "on_response_body", [_get("/"), _get("/chunked"), _get("/trailers")]) for code, body, headers in ((403, "bbbb", "_"), (204, "_", "_"))),
    *(_reply(code, body, headers, "on_response_trailers", [_get("/trailers")]) for code, body, headers in ((403, "bbbb", "_"),)),
    *(_reply(code, body, headers, "on_request_headers", [_get("/"), _get("/", "HEAD"), _get("/p", "POST", "content-length: 3", body=b"abc"), _h2("/"), _h2("/", "HEAD")]) for code, body, headers in ((206, "bbbb", "content-range=x"), (204, "bbbb", "_"), (304, "bbbb", "_"), (205, "bbbb", "_"), (200, "bbbb", "connection=close"), (200, "bbbb", "server=me&date=d"), (200, "bbbb", "content-type=_"), (200, "bbbb", "Content-Type=text/x"), (418, "repeat:b:3000", "_"), (200, "bbbb", ":status=500"), (200, "bbbb", "transfer-encoding=gzip"))),
    _s("HTTP/2: framed answers", [_h2(p, m) for p in ("/", "/chunked", "/trailers", "/nobody", "/204", "/frame/304", "/frame/304-length-5", "/frame/205", "/frame/chunks-empty", "/frame/hop-by-hop", "/frame/keep-alive", "/frame/names-case", "/rstmid", "/close", "/more/103-twice", "/more/connection-names") for m in ("GET", "HEAD")]),
    _s("HTTP/2: headers of a filter", [_h2("/"), _h2("/chunked")], "on_response_headers: add_header_map_value RESPONSE_HEADERS connection close; add_header_map_value RESPONSE_HEADERS keep-alive 5; add_header_map_value RESPONSE_HEADERS transfer-encoding chunked; add_header_map_value RESPONSE_HEADERS upgrade x; add_header_map_value RESPONSE_HEADERS X-Upper 1\n" + _SHORT),
    *(_s(f"HTTP/2: on_response_headers: {statement}", [_h2("/"), _h2("/chunked"), _h2("/", "HEAD")], f"on_response_headers: {statement}\n{_SHORT}") for statement in ("replace_header_map_value RESPONSE_HEADERS :status 204", "add_header_map_value RESPONSE_HEADERS x-a a%00b", "add_header_map_value RESPONSE_HEADERS x%20a 1", "remove_header_map_value RESPONSE_HEADERS content-length")),
    _s("reason phrases", [_get(f"/status={code}") for code in (*range(200, 209), 226, *range(300, 309), *range(400, 432), 444, 451, 499, *range(500, 512), 598, 599)], "on_log: get_property response/code"),
    _s("an early answer", [Wire([request_head("POST /early HTTP/1.1", "content-length: 9") + b"abc", 0.3, b"defghi"], "half a body"), Wire([request_head("POST /early HTTP/1.1", "transfer-encoding: chunked") + b"3\r\nabc\r\n", 0.3, b"0\r\n\r\n"], "chunks")], _SHORT),
    _s("a filter answers before the body", [Wire([request_head("POST / HTTP/1.1", "content-length: 9") + b"abc", 0.3, b"defghi"], "half a body"), Wire([request_head("POST / HTTP/1.1", "transfer-encoding: chunked") + b"3\r\nabc\r\n", 0.3, b"0\r\n\r\n"], "chunks")], f"on_request_body: send_local_response 413 d big _ -1; return 1\n{_SHORT}"),
]  # fmt: skip
