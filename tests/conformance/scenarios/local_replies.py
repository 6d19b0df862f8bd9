"""Local replies from every phase, and `continue_stream` and `close_stream` at expected and unexpected times."""

from ..scenario import Scenario, Send, maker

S = maker("local replies")

SCENARIOS: list[Scenario] = [
    S(
        "a local reply from request headers, with body and headers, returns Pause",
        [Send()],
        """
        on_request_headers:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 1
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
            get_header_map_value RESPONSE_HEADERS :status
        """,
    ),
    S(
        "a local reply from request headers, returns Continue",
        [Send()],
        """
        on_request_headers:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S(
        "a local reply from request headers, with a body still coming",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_headers:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply without details, body or headers",
        [Send()],
        """
        on_request_headers:
            send_local_response 418 _ _ _ -1
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S(
        "a local reply with a gRPC status for a request that is not gRPC",
        [Send()],
        """
        on_request_headers:
            send_local_response 200 d b _ 0
        """,
    ),
    S(
        "a local reply to a gRPC request, with its status",
        [Send("POST", headers=[("content-type", "application/grpc"), ("te", "trailers")], body=b"abc")],
        """
        on_request_headers:
            send_local_response 403 d denied%20msg x-lr=1 7
        """,
    ),
    S(
        "a local reply to a gRPC request, without a status",
        [Send("POST", headers=[("content-type", "application/grpc"), ("te", "trailers")], body=b"abc")],
        """
        on_request_headers:
            send_local_response 403 d denied%20msg _ -1
        """,
    ),
    S(
        "two local replies",
        [Send()],
        """
        on_request_headers:
            send_local_response 403 d1 b1 _ -1
            send_local_response 404 d2 b2 _ -1
        """,
    ),
    S(
        "a local reply with headers that Envoy sets itself",
        [Send()],
        """
        on_request_headers:
            send_local_response 403 d bbbb :status=299&content-length=2&server=me&date=x&x-a=1&x-a=2 -1
        """,
    ),
    S(
        "a local reply with status 0",
        [Send()],
        """
        on_request_headers:
            send_local_response 0 d b _ -1
        """,
    ),
    S(
        "a local reply with status 99",
        [Send()],
        """
        on_request_headers:
            send_local_response 99 d b _ -1
        """,
    ),
    S(
        "a local reply with status 1000",
        [Send()],
        """
        on_request_headers:
            send_local_response 1000 d b _ -1
        """,
    ),
    S(
        "a local reply with status 100",
        [Send()],
        """
        on_request_headers:
            send_local_response 100 d b _ -1
        """,
    ),
    S(
        "a local reply with status 204 and a body",
        [Send()],
        """
        on_request_headers:
            send_local_response 204 d b _ -1
        """,
    ),
    S(
        "a local reply to HEAD",
        [Send("HEAD")],
        """
        on_request_headers:
            send_local_response 403 d bbbb _ -1
        """,
    ),
    S(
        "a local reply from the end of the request body",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_body#3:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 1
        """,
    ),
    S(
        "a local reply from the first chunk of the request body",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_body:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply from request trailers",
        [Send("POST", chunks=[b"aaa", b"bbb"], trailers=[("x-rt", "1")])],
        """
        on_request_trailers:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply from response headers",
        [Send()],
        """
        on_response_headers:
            send_local_response 503 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply from the response body, with headers sent",
        [Send("GET", "/chunked")],
        """
        on_response_body:
            send_local_response 503 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply from the end of a buffered response body",
        [Send("GET", "/chunked")],
        """
        on_response_body#1:
            return 1
        on_response_body#2:
            return 1
        on_response_body#3:
            return 1
        on_response_body#4:
            send_local_response 503 my%20details local%20body x-lr=1&Content-Type=application/json -1
            return 0
        """,
    ),
    S(
        "a local reply from a call response",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 1000
            return 1
        on_http_call_response:
            set_effective_context stream
            send_local_response 401 d b _ -1
        """,
    ),
    S(
        "a local reply from a call response without effective context",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 1000
            return 1
        on_http_call_response:
            send_local_response 401 d b _ -1
        """,
    ),
    S(
        "a local reply from a tick",
        [Send()],
        """
        on_request_headers:
            set_tick_period_milliseconds 50
            return 1
        on_tick:
            set_effective_context stream
            send_local_response 401 d b _ -1
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "a local reply and continue_stream in one callback",
        [Send()],
        """
        on_request_headers:
            send_local_response 401 d b _ -1
            continue_stream REQUEST
        """,
    ),
    S(
        "continue_stream in request headers, returns Continue: sent twice",
        [Send()],
        """
        on_request_headers:
            continue_stream REQUEST
            return 0
        """,
    ),
    S(
        "continue_stream in request headers, returns Pause",
        [Send()],
        """
        on_request_headers:
            continue_stream REQUEST
            return 1
        """,
    ),
    S(
        "continue_stream in response headers, returns Pause: the body hangs",
        [Send()],
        """
        on_response_headers:
            continue_stream RESPONSE
            return 1
        """,
    ),
    S(
        "continue_stream in a body callback that was not paused",
        [Send("POST", body=b"abc")],
        """
        on_request_body:
            continue_stream REQUEST
        """,
    ),
    S(
        "continue_stream(Response) before there is a response",
        [Send()],
        """
        on_request_headers:
            continue_stream RESPONSE
        """,
        why_not="Envoy crashes; the simulated proxy says so",
    ),
    S(
        "a local reply from on_log",
        [Send()],
        """
        on_log:
            send_local_response 403 d b _ -1
        """,
        why_not="Envoy recurses until it crashes; the simulated proxy says so",
    ),
    S(
        "close_stream in request headers, returns Pause",
        [Send()],
        """
        on_request_headers:
            close_stream REQUEST
            return 1
        """,
    ),
    S(
        "close_stream in request headers, returns Continue",
        [Send()],
        """
        on_request_headers:
            close_stream REQUEST
            return 0
        """,
    ),
    S(
        "close_stream in response headers",
        [Send()],
        """
        on_response_headers:
            close_stream RESPONSE
            return 0
        """,
    ),
    S(
        "invalid stream types",
        [Send()],
        """
        on_request_headers:
            continue_stream DOWNSTREAM
            continue_stream UPSTREAM
            continue_stream 4
            close_stream DOWNSTREAM
            close_stream UPSTREAM
            close_stream 4
        """,
    ),
    S(
        "a local reply from on_done",
        [Send()],
        """
        on_done:
            send_local_response 403 my%20details local%20body x-lr=1&Content-Type=application/json -1
        """,
        why_not="Envoy crashes; the simulated proxy says so",
    ),
    S(
        "a local reply, then reads in the same callback",
        [Send()],
        """
        on_request_headers:
            send_local_response 200 d b _ -1
            get_header_map_value RESPONSE_HEADERS :status
            get_header_map_value REQUEST_HEADERS :path
            set_property x 1
        """,
    ),
    S(
        "a local reply changed in the response callbacks",
        [Send()],
        """
        on_request_headers:
            send_local_response 200 d body _ -1
        on_response_headers:
            replace_header_map_value RESPONSE_HEADERS x-added 1
            remove_header_map_value RESPONSE_HEADERS content-length
        on_response_body:
            set_buffer_bytes HTTP_RESPONSE_BODY 0 99 CHANGED
        """,
    ),
]
