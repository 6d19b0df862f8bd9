"""Calls that crash Envoy, and similar calls that don't."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..scenario import Scenario, Send, Step, Wait, Wire, maker
from .wire import request_head

S = maker("crashes")

_REPLY = "send_local_response 403 d b _ -1"
_CALL = "http_call up :method=GET&:path=/cb&:authority=cb _ _ 500"
_TICK = "set_tick_period_milliseconds 60"
_ONCE = "set_tick_period_milliseconds 0; set_effective_context stream"
_POST = [Send("POST", chunks=[b"aaa", b"bbb"])]
_CHUNKED = [Send("GET", "/chunked")]
_TRAILERS = [Send("GET", "/trailers")]
_GET = [Send()]
_FREED = "Envoy reads memory that it has freed, and crashes or not; the simulated proxy says that it crashes"
_BOTH = [Send("POST", "/trailers", chunks=[b"aaa", b"bbb"], trailers=[("x-rt", "1")])]


def _s(name: str, script: str, steps: Sequence[Step] = _GET, **options: Any) -> Scenario:
    return S(name, [*steps, Send("GET", "/after")], script, **options)


_CLOSE = "close_stream REQUEST"
_RESUME = "continue_stream RESPONSE"

#: Two controls in one callback, and controls in the last callback of a response.
_CONTROLS = {
    "close_stream": _CLOSE,
    "a reply": _REPLY,
    "close_stream twice": f"{_CLOSE}; close_stream RESPONSE",
    "a reply, close_stream": f"{_REPLY}; {_CLOSE}",
    "close_stream, a reply": f"{_CLOSE}; {_REPLY}",
    "two replies": f"{_REPLY}; send_local_response 404 e c _ -1",
    "continue and close_stream": f"{_RESUME}; {_CLOSE}",
}
_POST_BODY = [Send("POST", body=b"abc")]
_UPLOAD = [Send("POST", "/trailers", chunks=[b"aaa"], trailers=[("x-rt", "1")])]

#: Moment, client, and the callback with the controls; `{}` stands for them.
_MOMENTS = (
    ("the headers of a 204", [Send("GET", "/204")], "on_response_headers: {}"),
    ("the headers of a HEAD", [Send("HEAD")], "on_response_headers: {}"),
    ("the last body callback", _CHUNKED, "on_response_body#4: {}"),
    ("response trailers", _TRAILERS, "on_response_trailers: {}"),
    ("response trailers, returns Pause", _TRAILERS, "on_response_trailers: {}; return 1"),
    ("response headers", _CHUNKED, "on_response_headers: {}"),
    ("the body of a request", _POST_BODY, "on_request_body: {}"),
    ("request trailers", _UPLOAD, "on_request_trailers: {}"),
    ("a tick while a request is held", _POST_BODY, f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; {{}}"),
    ("a tick while a response is held", _GET, f"on_response_headers: {_TICK}; return 1\non_tick: {_ONCE}; {{}}"),
    ("a callout's callback while a request is held", _GET, f"on_request_headers: {_CALL}; return 1\non_http_call_response: set_effective_context stream; {{}}"),
)  # fmt: skip


def _combined() -> list[Scenario]:
    """Return scenarios with every control at every moment of a stream. A second stream shows the consequences."""
    scenarios = []
    for moment, steps, script in _MOMENTS:
        for control, call in _CONTROLS.items():
            if call.startswith(_RESUME) and "request" in moment:
                continue  # there is no response: other scenarios
            sent = [replace(step, script=script.format(call)) for step in steps]
            scenarios.append(S(f"{moment}: {control}", [*sent, Send("GET", "/after")], ""))
    return scenarios


SCENARIOS: list[Scenario] = [
    _s("the response is resumed in its own body callback, returns Pause at the end", "on_response_body: continue_stream RESPONSE; return 1", _CHUNKED),
    _s("the response is resumed in its own body callback, returns Continue", "on_response_body: continue_stream RESPONSE", _CHUNKED),
    _s("the response is resumed in its own body callback, content-length", "on_response_body: continue_stream RESPONSE"),
    _s("the response is resumed in its last body callback", "on_response_body#1: return 1\non_response_body#2: return 1\non_response_body#3: return 1\non_response_body: continue_stream RESPONSE", _CHUNKED),
    _s("the response is resumed in its first body callback, returns Pause", "on_response_body#1: continue_stream RESPONSE; return 1", _CHUNKED),
    _s("the response is resumed in its first body callback, returns 3", "on_response_body#1: continue_stream RESPONSE; return 3", _CHUNKED),
    _s("the response is resumed in its headers callback, returns Continue", "on_response_headers: continue_stream RESPONSE", _CHUNKED),
    _s("the response is resumed in its headers callback, returns Pause", "on_response_headers: continue_stream RESPONSE; return 1", _CHUNKED),
    _s("the response is resumed in its trailers callback", "on_response_trailers: continue_stream RESPONSE", _TRAILERS),
    _s("the response is resumed in its trailers callback, returns Pause", "on_response_trailers: continue_stream RESPONSE; return 1", _TRAILERS),
    _s("the response is resumed in a request callback", "on_request_headers: continue_stream RESPONSE"),
    _s("the response is resumed in a request body callback", "on_request_body: continue_stream RESPONSE", _POST),
    _s("the response is resumed in a tick before there is one", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; continue_stream RESPONSE"),
    _s("the response is resumed in a callout's callback before there is one", f"on_request_headers: {_CALL}; return 1\non_http_call_response: set_effective_context stream; continue_stream RESPONSE"),
    _s("the request is resumed in a response callback", "on_response_headers: continue_stream REQUEST"),
    _s("the request is resumed in a response body callback", "on_response_body: continue_stream REQUEST", _CHUNKED),
    _s("the request is resumed in its own body callback", "on_request_body: continue_stream REQUEST", _POST),
    _s("the request is resumed in its own body callback, returns Pause", "on_request_body: continue_stream REQUEST; return 1", _POST),
    _s("the request is resumed in its last body callback", "on_request_body#1: return 1\non_request_body#2: return 1\non_request_body: continue_stream REQUEST", _POST),
    _s("the request is resumed in its trailers callback", "on_request_trailers: continue_stream REQUEST", _BOTH, why_not="Envoy writes the trailers twice, and the upstream reads them as another request; a note says so"),
    _s("the request is resumed in its trailers callback, returns Pause", "on_request_trailers: continue_stream REQUEST; return 1", _BOTH),
    _s("the request is resumed twice in its headers callback", "on_request_headers: continue_stream REQUEST; continue_stream REQUEST; return 1"),
    _s("the request is resumed twice in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; continue_stream REQUEST; continue_stream REQUEST"),
    _s("the response is resumed twice in a tick", f"on_response_headers: {_TICK}; return 1\non_tick: {_ONCE}; continue_stream RESPONSE; continue_stream RESPONSE"),
    _s("the request is resumed in a tick that nobody waits for", f"on_request_headers: {_TICK}\non_tick: {_ONCE}; continue_stream REQUEST", [Send("GET", "/slow")]),
    _s("both are resumed in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; continue_stream REQUEST; continue_stream RESPONSE"),
    _s("the request is resumed after a reply in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; {_REPLY}; continue_stream REQUEST"),
    _s("the response is resumed in on_log", "on_log: continue_stream RESPONSE"),
    _s("the request is resumed in on_log", "on_log: continue_stream REQUEST"),
    _s("the response is resumed in on_done", "on_done: continue_stream RESPONSE"),
    _s("the request is resumed in on_done", "on_done: continue_stream REQUEST"),
    _s("the response is resumed in on_delete", "on_delete: continue_stream RESPONSE"),
    *(
        _s(f"request body returns 3, then a callout's callback {name}", f"on_request_body#1: {_CALL}; return 3\non_http_call_response: set_effective_context stream; {then}\non_request_body: return 3", steps)
        for name, then in (
            ("reads the body", "get_buffer_bytes HTTP_REQUEST_BODY 0 100"), ("writes the body", "set_buffer_bytes HTTP_REQUEST_BODY 0 100 NEW"), ("resumes", "continue_stream REQUEST"), ("reads its length", "get_buffer_status HTTP_REQUEST_BODY"), ("reads the headers", "get_header_map_pairs REQUEST_HEADERS"),
        )
        for steps in ([Send("POST", body=b"abc")],)
    ),
    *(
        _s(f"response body returns 3, then a callout's callback {name}", f"on_response_body#1: {_CALL}; return 3\non_http_call_response: set_effective_context stream; {then}\non_response_body: return 3", why_not=_FREED if "buffer" in then else "")
        for name, then in (("reads the body", "get_buffer_bytes HTTP_RESPONSE_BODY 0 100"), ("writes the body", "set_buffer_bytes HTTP_RESPONSE_BODY 0 100 NEW; continue_stream RESPONSE"), ("resumes", "continue_stream RESPONSE"))
    ),
    *(
        _s(f"request body returns {status}, then a tick {name}", f"on_request_body#1: {_TICK}; return {status}\non_tick: {_ONCE}; {then}\non_request_body: return {status}", [Send("POST", body=b"abc")])
        for status in (1, 2, 3)
        for name, then in (("reads the body", "get_buffer_bytes HTTP_REQUEST_BODY 0 100; continue_stream REQUEST"), ("writes the body", "set_buffer_bytes HTTP_REQUEST_BODY 0 100 NEW; continue_stream REQUEST"))
    ),
    *(
        _s(f"response body returns {status}, then a tick {name}", f"on_response_body#1: {_TICK}; return {status}\non_tick: {_ONCE}; {then}\non_response_body: return {status}")
        for status in (1, 2, 3)
        for name, then in (("reads the body", "get_buffer_bytes HTTP_RESPONSE_BODY 0 100; continue_stream RESPONSE"), ("writes the body", "set_buffer_bytes HTTP_RESPONSE_BODY 0 100 NEW; continue_stream RESPONSE"))
    ),
    _s("request headers pause, a tick reads the body", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; get_buffer_bytes HTTP_REQUEST_BODY 0 100; set_buffer_bytes HTTP_REQUEST_BODY 0 9 NEW; continue_stream REQUEST", [Send("POST", body=b"abc")]),
    _s("the body passes, a tick reads it", f"on_request_body#1: {_TICK}\non_tick: {_ONCE}; get_buffer_bytes HTTP_REQUEST_BODY 0 100", [Send("POST", "/slow", body=b"abc")]),
    _s("two replies in one callback", f"on_request_headers: {_REPLY}; send_local_response 404 e c _ -1; return 1"),
    _s("two replies in one callback, returns Continue", f"on_request_headers: {_REPLY}; send_local_response 404 e c _ -1"),
    _s("two replies in a body callback", f"on_request_body: {_REPLY}; send_local_response 404 e c _ -1; return 1", _POST),
    _s("two replies in a response callback", f"on_response_headers: {_REPLY}; send_local_response 404 e c _ -1; return 1"),
    _s("two replies in a response callback, returns Continue", f"on_response_headers: {_REPLY}; send_local_response 404 e c _ -1"),
    _s("two replies in a response body callback", f"on_response_body: {_REPLY}; send_local_response 404 e c _ -1; return 1", _CHUNKED),
    _s("two replies in a trailers callback", f"on_request_trailers: {_REPLY}; send_local_response 404 e c _ -1; return 1", _BOTH),
    _s("two replies in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; {_REPLY}; send_local_response 404 e c _ -1"),
    _s("two replies in a callout's callback", f"on_request_headers: {_CALL}; return 1\non_http_call_response: set_effective_context stream; {_REPLY}; send_local_response 404 e c _ -1"),
    _s("a reply in two callbacks", f"on_request_headers: {_REPLY}; return 1\non_response_headers: {_REPLY}"),
    _s("a reply in request headers and in the reply's body", f"on_request_headers: {_REPLY}; return 1\non_response_body: {_REPLY}"),
    _s("a reply in both headers callbacks, returns Pause", f"on_request_headers: {_REPLY}; return 1\non_response_headers: {_REPLY}; return 1"),
    _s("a reply, then in a tick another", f"on_request_headers: {_TICK}; {_REPLY}; return 1\non_tick: {_ONCE}; {_REPLY}"),
    _s("a reply in a tick after the response has gone", f"on_request_headers: {_TICK}\non_tick: {_ONCE}; {_REPLY}"),
    _s("a reply in a tick while the response's headers are held", f"on_response_headers: {_TICK}; return 1\non_tick: {_ONCE}; {_REPLY}", _CHUNKED),
    _s("a reply in response trailers", f"on_response_trailers: {_REPLY}", _TRAILERS),
    _s("a reply in response trailers, headers held", f"on_response_headers: return 1\non_response_trailers: {_REPLY}", _TRAILERS, plug={"options": {"allow_on_headers_stop_iteration": True}}),
    _s("a reply in on_log", f"on_log: {_REPLY}"),
    _s("a reply in on_done", f"on_done: {_REPLY}"),
    _s("a reply in on_delete", f"on_delete: {_REPLY}"),
    _s("a reply in on_context_create", f"on_context_create: {_REPLY}"),
    _s("a reply and close_stream", f"on_request_headers: {_REPLY}; close_stream REQUEST; return 1"),
    _s("close_stream and a reply", f"on_request_headers: close_stream REQUEST; {_REPLY}; return 1"),
    _s("close_stream twice", "on_request_headers: close_stream REQUEST; close_stream REQUEST; return 1"),
    _s("close_stream both", "on_request_headers: close_stream REQUEST; close_stream RESPONSE; return 1"),
    _s("close_stream in response headers", "on_response_headers: close_stream RESPONSE"),
    _s("close_stream in response body, returns Pause", "on_response_body: close_stream RESPONSE; return 1", _CHUNKED),
    _s("close_stream in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; close_stream REQUEST"),
    _s("close_stream in a tick, then continue_stream", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; close_stream REQUEST; continue_stream REQUEST"),
    _s("continue_stream in a tick, then close_stream", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; continue_stream REQUEST; close_stream REQUEST"),
    _s("close_stream in on_log", "on_log: close_stream RESPONSE"),
    _s("close_stream in on_done", "on_done: close_stream RESPONSE"),
    _s("a reply and a trap", f"on_request_headers: {_REPLY}; trap"),
    _s("a trap after a reply in a tick", f"on_request_headers: {_TICK}; return 1\non_tick: {_ONCE}; {_REPLY}; trap"),
    _s("a trap in on_log", "on_log: trap"),
    _s("a callout to itself from on_log", f"on_log: {_CALL}\non_http_call_response: get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS", [*_GET, Wait(0.2)]),
    _s("a callout from on_done", f"on_done: {_CALL}\non_http_call_response: get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS", [*_GET, Wait(0.2)]),
    _s("a callout from on_delete", f"on_delete: {_CALL}\non_http_call_response: get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS", [*_GET, Wait(0.2)]),
    _s("a callout without :path", "on_request_headers: http_call up :method=GET&:authority=cb _ _ 500"),
    _s("the request's :path removed", "on_request_headers: remove_header_map_value REQUEST_HEADERS :path"),
    _s("the request's :authority removed", "on_request_headers: remove_header_map_value REQUEST_HEADERS :authority"),
    _s("all request headers replaced by nothing", "on_request_headers: set_header_map_pairs REQUEST_HEADERS _"),
    _s("all response headers replaced by nothing", "on_response_headers: set_header_map_pairs RESPONSE_HEADERS _"),
    _s("a reply 101", "on_request_headers: send_local_response 101 d b _ -1; return 1"),
    _s("response status 101", "on_response_headers: replace_header_map_value RESPONSE_HEADERS :status 101"),
    _s("trailers added to a request without body", "on_request_headers: add_header_map_value REQUEST_TRAILERS x 1"),
    _s("a body written in request headers", "on_request_headers: set_buffer_bytes HTTP_REQUEST_BODY 0 0 abc"),
    _s("a message of 100,000 bytes in a header", "on_response_headers: add_header_map_value RESPONSE_HEADERS x-big repeat:x:70000"),
    _s("a request header of 100,000 bytes", "on_request_headers: add_header_map_value REQUEST_HEADERS x-big repeat:x:70000"),
    _s("a request with two on a connection, a reply 204 with a body", "on_request_headers: send_local_response 204 d bbbb _ -1; return 1", [Wire(request_head("GET /1 HTTP/1.1") + request_head("GET /2 HTTP/1.1"), "two")]),
    *_combined(),
]  # fmt: skip
