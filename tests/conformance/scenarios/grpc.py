"""gRPC calls and streams, and gRPC that is proxied."""

from ..http2 import frame
from ..scenario import Scenario, Send, maker

S = maker("grpc")


def _call(method: str) -> Send:
    headers = [("content-type", "application/grpc"), ("te", "trailers")]
    return Send("POST", f"/svc/{method}", headers=headers, body=frame(b"hello"), http2=True)


def _failing(outcome: str, call: str) -> Scenario:
    """A request waits for a call that fails, and reads the available information about the failure."""
    script = f"""
        on_request_headers:
            grpc_call {call}
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """
    return S(f"call: {outcome}", [Send()], script)


def _watched(outcome: str, start: str, more: str = "on_tick: return 0") -> Scenario:
    """A request waits for the end of a gRPC stream, and reads all messages and metadata."""
    script = f"""
        on_request_headers: {start}; return 1
        on_grpc_receive_initial_metadata:
            get_header_map_pairs GRPC_RECEIVE_INITIAL_METADATA
        on_grpc_receive:
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99
        on_grpc_receive_trailing_metadata:
            get_header_map_pairs GRPC_RECEIVE_TRAILING_METADATA
        on_grpc_close:
            get_status
            set_effective_context stream
            continue_stream REQUEST
        {more}
        """
    return S(f"stream: {outcome}", [Send()], script)


_GRPC = _call("Unary")

SCENARIOS: list[Scenario] = [
    S(
        "call: answered",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Unary x-md=1 hello 1000
            return 1
        on_grpc_receive:
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99
            get_buffer_status GRPC_RECEIVE_BUFFER
            get_status
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    _failing("error in trailers only", "g svc Fail _ hello 1000"),
    _failing("error after headers", "g svc FailLate _ hello 1000"),
    _failing("HTTP 500", "g svc Http500 _ hello 1000"),
    _failing("timeout", "g svc Hang _ hello 150"),
    _failing("reset after headers", "g svc Reset _ hello 1000"),
    _failing("nobody listens", "deadg svc Unary _ hello 1000"),
    S(
        "call: unknown cluster",
        [Send()],
        """
        on_request_headers:
            grpc_call nocluster svc Unary _ hello 1000
        """,
    ),
    S(
        "call: cancel, close and send with tokens of all kinds",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Hang _ h 1000
            grpc_send 5 x 0
            grpc_cancel 5
            grpc_cancel 5
            grpc_close 5
            grpc_call g svc Hang _ h 1000
            grpc_close 9
            grpc_cancel 4
            grpc_close 4
            grpc_send 4 x 0
            grpc_send 6 x 0
            grpc_cancel 6
            grpc_close 6
            grpc_cancel 7
            grpc_close 7
        """,
    ),
    S(
        "stream: two messages each way, server ends",
        [Send()],
        """
        on_request_headers:
            grpc_stream g svc Stream x-md=1
            grpc_send 6 one 0
            return 1
        on_grpc_receive_initial_metadata:
            get_header_map_pairs GRPC_RECEIVE_INITIAL_METADATA
        on_grpc_receive:
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 99
            grpc_send 6 bye 0
        on_grpc_receive_trailing_metadata:
            get_header_map_pairs GRPC_RECEIVE_TRAILING_METADATA
        on_grpc_close#1:
            get_status
            set_effective_context stream
            continue_stream REQUEST
            grpc_send 6 late 0
            grpc_close 6
        """,
    ),
    _watched("the server's initial metadata comes first", "grpc_stream g svc Early _"),
    _watched("a message after the server's initial metadata", "grpc_stream g svc Early _; set_tick_period_milliseconds 100", "on_tick: set_tick_period_milliseconds 0; grpc_send 6 bye 0"),
    _watched("the server's initial metadata and a message at once", "grpc_stream g svc Early _; grpc_send 6 bye 1"),
    _watched("client ends with a message", "grpc_stream g svc Stream _; grpc_send 6 one 1"),
    _watched("grpc_close after a message", "grpc_stream g svc Stream _; grpc_send 6 one 0; grpc_close 6; grpc_send 6 two 0; grpc_close 6"),
    S(
        "stream: cancelled",
        [Send()],
        """
        on_request_headers:
            grpc_stream g svc Stream _
            grpc_send 6 one 0
            grpc_cancel 6
            grpc_cancel 6
            grpc_send 6 x 0
        """,
    ),
    _watched("nobody listens", "grpc_stream deadg svc Stream _; grpc_send 6 one 0"),
    S(
        "stream: unknown cluster",
        [Send()],
        """
        on_request_headers:
            grpc_stream nocluster svc Stream _
        """,
    ),
    S("proxied: unary over HTTP/2", [_GRPC], routes="grpc"),
    S("proxied: trailers only", [_call("Fail")], routes="grpc"),
    S("proxied: reset after headers", [_call("Reset")], routes="grpc"),
    S(
        "proxied: local reply with a gRPC status",
        [_GRPC],
        """
        on_request_headers:
            send_local_response 403 d denied x-lr=1 7
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
        """,
        routes="grpc",
    ),
    S(
        "proxied: local reply without a gRPC status",
        [_GRPC],
        """
        on_request_headers:
            send_local_response 403 d denied _ -1
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
        """,
        routes="grpc",
    ),
    S(
        "GET over HTTP/2",
        [Send("GET", "/x", headers=[("accept", "*/*")], http2=True)],
        """
        on_request_headers:
            get_header_map_pairs REQUEST_HEADERS
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S("POST over HTTP/2 with its body in one frame", [Send("POST", "/x", body=b"hello", http2=True)]),
    S(
        "POST over HTTP/2 with trailers",
        [Send("POST", "/trailers", body=b"hello", trailers=[("x-rt", "1")], http2=True)],
    ),
]
