"""gRPC calls and streams, and gRPC that is proxied."""

from ..http2 import frame
from ..scenario import Scenario, Send, Wait, maker

S = maker("grpc")


def _call(method: str) -> Send:
    headers = [("content-type", "application/grpc"), ("te", "trailers")]
    return Send("POST", f"/svc/{method}", headers=headers, body=frame(b"hello"), http2=True)


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
    S(
        "call: error in trailers only",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Fail _ hello 1000
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call: error after headers",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc FailLate _ hello 1000
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call: HTTP 500",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Http500 _ hello 1000
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call: timeout",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Hang _ hello 150
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call: reset after headers",
        [Send()],
        """
        on_request_headers:
            grpc_call g svc Reset _ hello 1000
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call: nobody listens",
        [Send()],
        """
        on_request_headers:
            grpc_call deadg svc Unary _ hello 1000
            return 1
        on_grpc_close:
            get_status
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 9
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
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
    S(
        "stream: client ends with a message",
        [Send()],
        """
        on_request_headers:
            grpc_stream g svc Stream _
            grpc_send 6 one 1
            return 1
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
        """,
    ),
    S(
        "stream: grpc_close after a message",
        [Send()],
        """
        on_request_headers:
            grpc_stream g svc Stream _
            grpc_send 6 one 0
            grpc_close 6
            grpc_send 6 two 0
            grpc_close 6
            return 1
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
        """,
    ),
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
    S(
        "stream: nobody listens",
        [Send()],
        """
        on_request_headers:
            grpc_stream deadg svc Stream _
            grpc_send 6 one 0
            return 1
        on_grpc_receive_initial_metadata:
            get_header_map_pairs GRPC_RECEIVE_INITIAL_METADATA
        on_grpc_receive_trailing_metadata:
            get_header_map_pairs GRPC_RECEIVE_TRAILING_METADATA
        on_grpc_close:
            get_status
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
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
