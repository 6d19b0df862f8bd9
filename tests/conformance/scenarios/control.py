"""Streams that other callbacks and other kinds of contexts resume, close or answer, some of which crash Envoy."""

from collections.abc import Sequence
from typing import Any

from ..scenario import Scenario, Send, Step, Tcp, Wait, maker

_make = maker("control")

_REPLY = "send_local_response 403 d b _ -1"
_CALL = "http_call up :method=GET&:path=/cb&:authority=cb _ _ 900"
_TICK = "set_tick_period_milliseconds 60"
_ONCE = "set_tick_period_milliseconds 0; set_effective_context stream"
_BACK = "set_effective_context stream"
_CHUNKED = [Send("GET", "/chunked")]
_UPLOAD = [Send("POST", "/trailers", chunks=[b"aaa", b"bbb"], trailers=[("x-rt", "1")])]
_GET = [Send()]
_GRPC = "grpc_call g svc Unary _ hello 1000"
_STREAM = "grpc_stream g svc Stream _; grpc_send 6 bye 0"


def _s(name: str, script: str, steps: Sequence[Step] = _GET, **options: Any) -> Scenario:
    return _make(name, [*steps, Wait(0.3), Send("GET", "/after", script="on_log: get_property response/code")], script, **options)


#: Effect of a callback on the stream, by name.
_EFFECTS = {
    "a reply": _REPLY, "two replies": f"{_REPLY}; send_local_response 404 e c _ -1", "close_stream REQUEST": "close_stream REQUEST", "close_stream RESPONSE": "close_stream RESPONSE", "continue RESPONSE": "continue_stream RESPONSE", "continue REQUEST twice": "continue_stream REQUEST; continue_stream REQUEST",
    "continue and a reply": f"continue_stream REQUEST; {_REPLY}", "a reply and continue": f"{_REPLY}; continue_stream REQUEST", "a reply and the headers": f"{_REPLY}; get_header_map_pairs REQUEST_HEADERS; add_header_map_value REQUEST_HEADERS x-a 1", "clear_route_cache and continue": "clear_route_cache; continue_stream REQUEST",
}  # fmt: skip
#: Root callbacks that run while a request is paused: the call that triggers each, and the beginning of its rule.
_ROOTS = {
    "a queue's callback": ("on_configure: register_shared_queue q\non_request_headers: resolve_shared_queue vm1 q; enqueue_shared_queue $ m; return 1\n", "on_queue_ready: set_effective_context stream; {}"),
    "a gRPC answer": (f"on_request_headers: {_GRPC}; return 1\n", "on_grpc_receive: set_effective_context stream; {}"),
    "a gRPC stream's end": (f"on_request_headers: {_STREAM}; return 1\n", "on_grpc_close: set_effective_context stream; {}"),
    "a tick": (f"on_request_headers: {_TICK}; return 1\n", f"on_tick: {_ONCE}; {{}}"),
}


def _held() -> list[Scenario]:
    return [_s(f"{root} while a request is held: {deed}", start + form.format(call)) for root, (start, form) in _ROOTS.items() for deed, call in _EFFECTS.items()]


#: The same after the response, when the stream has ended.
_ENDED = {
    "a tick": ("on_log: set_tick_period_milliseconds 500\n", f"on_tick: {_ONCE}; {{}}"),
    "an HTTP call's response": (f"on_log: {_CALL.replace('/cb', '/latency=0.4')}\n", f"on_http_call_response: {_BACK}; {{}}"),
    "a call of the request": ("on_request_headers: http_call up :method=GET&:path=/latency=0.5&:authority=cb _ _ 900\n", f"on_http_call_response: {_BACK}; {{}}"),
    "a gRPC timeout": ("on_log: grpc_call g svc Hang _ hello 400\n", f"on_grpc_close: {_BACK}; {{}}"),
}
_LATE = {
    "a reply": _REPLY, "close_stream": "close_stream REQUEST; close_stream RESPONSE", "continue": "continue_stream REQUEST; continue_stream RESPONSE", "the headers": "get_header_map_pairs REQUEST_HEADERS; get_header_map_pairs RESPONSE_HEADERS; add_header_map_value RESPONSE_HEADERS x 1",
    "the bodies": "get_buffer_bytes HTTP_REQUEST_BODY 0 9; get_buffer_bytes HTTP_RESPONSE_BODY 0 9; set_buffer_bytes HTTP_RESPONSE_BODY 0 9 NEW", "properties": "get_property response/code; get_property request/path; set_property a b", "done": "done", "clear_route_cache": "clear_route_cache", "a trap": "trap",
}  # fmt: skip


def _ended() -> list[Scenario]:
    return [_s(f"{root} after the stream: {deed}", start + form.format(call), [Send(), Wait(0.9)]) for root, (start, form) in _ENDED.items() for deed, call in _LATE.items()]


#: Callbacks of the stream itself.
_OWN = {
    "on_request_headers": _GET, "on_request_body": [Send("POST", body=b"abc")], "on_request_trailers": _UPLOAD, "on_response_headers": _CHUNKED, "on_response_body": _CHUNKED, "on_response_trailers": _UPLOAD, "on_log": _GET, "on_done": _GET, "on_delete": _GET,
}  # fmt: skip
_MIXED = {
    "close_stream, then the other one": "close_stream RESPONSE; close_stream REQUEST", "a reply, then the response is resumed": f"{_REPLY}; continue_stream RESPONSE", "a reply, then the request is resumed": f"{_REPLY}; continue_stream REQUEST", "both resumed": "continue_stream REQUEST; continue_stream RESPONSE", "the root's context": "set_effective_context 1; send_local_response 403 d b _ -1", "three replies": f"{_REPLY}; {_REPLY}; {_REPLY}",
}  # fmt: skip
#: Sent before there is a response, or after everything: covered elsewhere, or the same as another one.
_KNOWN = {"on_log", "on_done", "on_delete"}


def _own() -> list[Scenario]:
    return [_s(f"{callback}: {deed}", f"{callback}: {call}", steps) for callback, steps in _OWN.items() for deed, call in _MIXED.items() if callback not in _KNOWN or "replies" not in deed]


def _tcp(name: str, script: str, moves: Sequence[Any] = (b"one", 0.1, "read")) -> Scenario:
    return _make(f"network filter: {name}", [Tcp(list(moves)), Wait(0.2), Tcp([b"two", 0.1, "read"]), Wait(0.2)], script, kind="tcp")


_NETWORK = {"a reply": _REPLY, "continue DOWNSTREAM": "continue_stream DOWNSTREAM", "continue UPSTREAM": "continue_stream UPSTREAM", "close both": "close_stream DOWNSTREAM; close_stream UPSTREAM", "close DOWNSTREAM twice": "close_stream DOWNSTREAM; close_stream DOWNSTREAM", "continue and close": "continue_stream DOWNSTREAM; close_stream DOWNSTREAM", "close and continue": "close_stream DOWNSTREAM; continue_stream DOWNSTREAM", "continue REQUEST": "continue_stream REQUEST"}

SCENARIOS: list[Scenario] = [
    *_held(),
    *_ended(),
    *_own(),
    *(_tcp(f"{callback}: {deed}", f"{callback}: {call}", (b"QUIT", 0.1, "read", "read") if "upstream_connection" in callback else (b"one", 0.1, "read")) for callback in ("on_new_connection", "on_downstream_data", "on_upstream_data", "on_downstream_connection_close", "on_upstream_connection_close", "on_log", "on_done") for deed, call in _NETWORK.items()),
    *(_tcp(f"a tick while data is held: {deed}", f"on_downstream_data: {_TICK}; return 1\non_tick: {_ONCE}; {call}", (b"one", 0.3, "read", 0.2)) for deed, call in _NETWORK.items()),
    *(_tcp(f"a tick after the connection: {deed}", f"on_log#1: {_TICK.replace('60', '20')}\non_tick: {_ONCE}; {call}") for deed, call in _NETWORK.items()),
    *(_tcp(f"a tick: {deed}", f"on_downstream_data#1: {_TICK}; return 1\non_tick: {_ONCE}; {call}; continue_stream DOWNSTREAM") for deed, call in (("reads the data", "get_buffer_bytes DOWNSTREAM_DATA 0 9"), ("writes the data", "set_buffer_bytes DOWNSTREAM_DATA 0 9 NEW"), ("reads the other data", "get_buffer_bytes UPSTREAM_DATA 0 9"))),
    *(_s(f"request trailers return {status}, then a tick {deed}", f"on_request_trailers: {_TICK}; return {status}\non_tick: {_ONCE}; {call}", _UPLOAD) for status in (1, 2, 3) for deed, call in (("continues", "continue_stream REQUEST"), ("replies", _REPLY), ("reads the body", "get_buffer_bytes HTTP_REQUEST_BODY 0 9; continue_stream REQUEST"), ("adds a trailer", "add_header_map_value REQUEST_TRAILERS x-n 1; continue_stream REQUEST"))),
    *(_s(f"response trailers return {status}, then a tick {deed}", f"on_response_trailers: {_TICK}; return {status}\non_tick: {_ONCE}; {call}", _UPLOAD) for status in (1, 2, 3) for deed, call in (("continues", "continue_stream RESPONSE"), ("replies", _REPLY), ("reads the body", "get_buffer_bytes HTTP_RESPONSE_BODY 0 9; continue_stream RESPONSE"), ("adds a trailer", "add_header_map_value RESPONSE_TRAILERS x-n 1; continue_stream RESPONSE"))),
    *(_s(f"{callback} returns {status}", f"{callback}: return {status}", _UPLOAD) for callback in ("on_request_headers", "on_request_body", "on_request_trailers", "on_response_headers", "on_response_body", "on_response_trailers") for status in (2, 3, 4, 5, 99)),
    *(_s(f"{callback} returns {status}, StopIteration allowed", f"{callback}: return {status}", _UPLOAD, plug={"options": {"allow_on_headers_stop_iteration": True}}) for callback in ("on_request_headers", "on_response_headers") for status in (1, 2, 3, 4)),
    *(_s(f"over HTTP/2: {callback}: {deed}", f"{callback}: {call}", [Send("POST", "/trailers", body=b"abc", trailers=[("x-t", "1")], http2=True)]) for callback in ("on_request_headers", "on_request_body", "on_response_headers", "on_response_body", "on_response_trailers") for deed, call in (("close_stream", "close_stream REQUEST"), ("two replies", f"{_REPLY}; {_REPLY}"), ("the response is resumed", "continue_stream RESPONSE"), ("a reply and a pause", f"{_REPLY}; return 1"))),
]  # fmt: skip
