"""The table of phases: every map and buffer read and written in every callback, and controls in the last callbacks of a stream."""

from wasmnb.abi import PHASES, BufferType, HeaderMapType

from ..scenario import Plug, Scenario, Send, Tcp, maker

S = maker("phases")
M = HeaderMapType

#: A name that each map has in the exchanges below.
KNOWN = {
    M.REQUEST_HEADERS: ":method", M.REQUEST_TRAILERS: "x-rt", M.RESPONSE_HEADERS: ":status", M.RESPONSE_TRAILERS: "x-tr",
    M.GRPC_RECEIVE_INITIAL_METADATA: ":status", M.GRPC_RECEIVE_TRAILING_METADATA: "grpc-status",
    M.HTTP_CALL_RESPONSE_HEADERS: ":status", M.HTTP_CALL_RESPONSE_TRAILERS: "x-tr",
}  # fmt: skip



def attempts(callback: str) -> str:
    """Return every cell of the table's row for a callback. Reads come before writes, because writing trailers creates them.

    Without call data, Envoy returns the buffer that the context has looked up before: here, an empty body.
    """
    body = BufferType.HTTP_REQUEST_BODY if callback != "on_request_body" else BufferType.HTTP_RESPONSE_BODY
    buffers = [body, BufferType.CALL_DATA, *(b for b in BufferType if b not in (body, BufferType.CALL_DATA))]
    return "; ".join(
        [
            *(f"get_header_map_value {m.name} {name}" for m, name in KNOWN.items()),
            *(f"get_buffer_bytes {b.name} 0 100" for b in buffers),
            *(f"set_buffer_bytes {b.name} 0 0 _" for b in buffers),
            *(f"get_header_map_size {m.name}; add_header_map_value {m.name} a b" for m in M),
        ]
    )


_GRPC = "grpc_stream g svc Stream _; grpc_send 6 bye 0"

#: Callback of a root context -> trigger.
_ROOT = {
    "on_http_call_response": "http_call up :method=GET&:path=/trailers&:authority=a _ _ 500",
    "on_grpc_receive_initial_metadata": _GRPC, "on_grpc_receive": _GRPC, "on_grpc_receive_trailing_metadata": _GRPC, "on_grpc_close": _GRPC,
    "on_queue_ready": "register_shared_queue q; enqueue_shared_queue $ item",
    "on_tick": "set_tick_period_milliseconds 50",
}  # fmt: skip

_HTTP = ("on_request_headers", "on_request_body", "on_request_trailers", "on_response_headers", "on_response_body", "on_response_trailers", "on_done", "on_log", "on_delete")
_TCP = ("on_new_connection", "on_downstream_data", "on_upstream_data", "on_downstream_connection_close", "on_upstream_connection_close", "on_done", "on_log", "on_delete")

_POST = Send("POST", "/trailers", chunks=[b"body"], trailers=[("x-rt", "1")])
_BODY = Send("POST", "/chunked", body=b"body")

#: Controls of a stream. `continue_stream` in the request is always allowed; in the response it depends on the stream.
CONTROLS = ("send_local_response 403 d b _ -1", "close_stream REQUEST", "continue_stream REQUEST")


def _in_root(callback: str, tried: str = "") -> str:
    """Return a script in which a request waits for the callback of its root context."""
    rules = {callback: tried or attempts(callback)}
    last = "on_grpc_close" if callback.startswith("on_grpc") else callback
    stop = "set_tick_period_milliseconds 0; " if callback == "on_tick" else ""
    rules[last] = f"{rules.get(last, '')}; {stop}set_effective_context stream; continue_stream REQUEST".removeprefix("; ")
    lines = (f"{name}: {rule}" for name, rule in rules.items())
    return "\n".join([f"on_request_headers: {_ROOT[callback]}; return 1", *lines])


def _at_end(callback: str, control: str) -> Scenario:
    return S(f"{callback}: {control}", [Send(), Send("GET", "/after")], f"{callback}: {control}")


SCENARIOS: list[Scenario] = [
    S("maps and buffers in on_configure", [], f"on_configure: {attempts('on_configure')}", show_start=True),
    *(S(f"maps and buffers in {name}", [_POST], f"{name}: {attempts(name)}") for name in _HTTP),
    *(S(f"maps and buffers in {name}, no trailers", [_BODY], f"{name}: {attempts(name)}") for name in ("on_request_body", "on_response_body")),
    *(S(f"maps and buffers in {name}", [Send()], _in_root(name)) for name in _ROOT),
    S("a gRPC message is written", [Send()], _in_root("on_grpc_receive", "get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99; set_buffer_bytes GRPC_RECEIVE_BUFFER 0 1 XYZ; get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99; set_buffer_bytes GRPC_RECEIVE_BUFFER 99 0 end; get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99; get_buffer_status GRPC_RECEIVE_BUFFER; set_buffer_bytes GRPC_RECEIVE_BUFFER 1 2 q; get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99")),
    S("a gRPC call's message is written", [Send()], "on_request_headers: grpc_call g svc Unary _ hello 1000; return 1\non_grpc_receive: set_buffer_bytes GRPC_RECEIVE_BUFFER 0 1 XYZ; get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99; set_effective_context stream; continue_stream REQUEST"),
    *(S(f"maps and buffers in {name} of a connection", [Tcp([b"hello", "read", b"QUIT", "read"])], f"{name}: {attempts(name)}", kind="tcp") for name in _TCP),
    *(_at_end(name, control) for name in ("on_log", "on_done", "on_delete") for control in CONTROLS),
    *(S(f"{control} in {name} of a connection", [Tcp([b"hello", "read"]), Tcp([b"again", "read"])], f"{name}: {control}", kind="tcp") for name in ("on_log", "on_done", "on_delete") for control in (CONTROLS[0], "close_stream DOWNSTREAM", "close_stream REQUEST")),
    *(S(f"{control} in on_log of an access logger", [Send(), Send("GET", "/after")], plugins=(Plug("on_request_headers: return 0"),), access_log=Plug(f"on_log: {control}", name="logger", root_id="log", vm_id="l")) for control in CONTROLS),
]  # fmt: skip

#: Callbacks with a scenario for their maps and buffers. Metadata, foreign functions and stats sinks need more than a request.
TRIED = frozenset({"on_configure", *_HTTP, *_ROOT, *_TCP})
assert TRIED <= set(PHASES)
