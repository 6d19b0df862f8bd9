"""Buffer limits, real StopIteration, the connection manager's timeouts."""

from ..scenario import Raw, Scenario, Send, maker

S = maker("limits")

SIX = (b"a" * 600, b"b" * 600, b"c" * 600)

SCENARIOS: list[Scenario] = [
    S(
        "request body returns 1 beyond the limit",
        [Send("POST", chunks=SIX)],
        """
        on_request_body:
            return 1
        """,
        limit=1000,
        plug={"options": {"allow_on_headers_stop_iteration": True}},
    ),
    S(
        "request headers return 1, more body than the limit, resumed by a tick",
        [Send("POST", chunks=SIX)],
        """
        on_request_headers:
            set_tick_period_milliseconds 400
            return 1
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
        limit=1000,
    ),
    S(
        "request headers return 3, more body than the limit",
        [Send("POST", chunks=SIX)],
        """
        on_request_headers:
            return 3
        """,
        limit=1000,
    ),
    S(
        "request body returns 2 beyond the limit, resumed by a tick",
        [Send("POST", chunks=SIX)],
        """
        on_request_body#1:
            set_tick_period_milliseconds 400
            return 2
        on_request_body:
            return 2
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
        limit=1000,
    ),
    S(
        "response body returns 1 beyond the limit",
        [Send("GET", "/big=5000")],
        """
        on_response_body:
            return 1
        """,
        limit=1000,
    ),
    S(
        "response body returns 2 beyond the limit, resumed by a tick",
        [Send("GET", "/big=5000")],
        """
        on_response_body#1:
            set_tick_period_milliseconds 200
            return 2
        on_response_body:
            return 2
        on_tick:
            set_effective_context stream
            continue_stream RESPONSE
            set_tick_period_milliseconds 0
        """,
        limit=1000,
    ),
    S(
        "response headers return 1, more body than the limit, resumed by a tick",
        [Send("GET", "/big=5000")],
        """
        on_response_headers:
            set_tick_period_milliseconds 200
            return 1
        on_tick:
            set_effective_context stream
            continue_stream RESPONSE
            set_tick_period_milliseconds 0
        """,
        limit=1000,
    ),
    S(
        "response headers return 3, more body than the limit",
        [Send("GET", "/big=5000")],
        """
        on_response_headers:
            return 3
        """,
        limit=1000,
    ),
    S(
        "bodies beyond the limit pass through",
        [Send("POST", "/big=5000", body=b"q" * 5000)],
        limit=1000,
    ),
    S(
        "set_buffer_bytes beyond the limit",
        [Send("POST", chunks=[b"abc"])],
        """
        on_request_body#1:
            set_buffer_bytes HTTP_REQUEST_BODY 0 99999 repeat:x:5000
        """,
        limit=1000,
    ),
    S(
        "real StopIteration in request headers, body continues",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_headers:
            return 1
        on_request_body#1:
            get_header_map_value REQUEST_HEADERS :path
            replace_header_map_value REQUEST_HEADERS x-late 1
            return 1
        on_request_body#2:
            get_header_map_value REQUEST_HEADERS :path
            replace_header_map_value REQUEST_HEADERS x-late 1
            return 1
        on_request_body#3:
            get_header_map_value REQUEST_HEADERS :path
            replace_header_map_value REQUEST_HEADERS x-late 1
        """,
        plug={"options": {"allow_on_headers_stop_iteration": True}},
    ),
    S(
        "real StopIteration in request headers, no body, resumed by a tick",
        [Send()],
        """
        on_request_headers:
            set_tick_period_milliseconds 60
            return 1
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
        plug={"options": {"allow_on_headers_stop_iteration": True}},
    ),
    S(
        "real StopIteration in response headers, body continues at its end",
        [Send("GET", "/chunked")],
        """
        on_response_headers:
            return 1
        on_response_body#1:
            return 1
        on_response_body#2:
            return 1
        on_response_body#3:
            return 1
        on_response_body#4:
            get_header_map_value RESPONSE_HEADERS :status
            replace_header_map_value RESPONSE_HEADERS x-late 1
            get_buffer_bytes HTTP_RESPONSE_BODY 0 99
        """,
        plug={"options": {"allow_on_headers_stop_iteration": True}},
    ),
    S(
        "Expect: 100-continue",
        [Send("POST", headers=[("expect", "100-continue")], body=b"abc")],
    ),
    S(
        "two requests pipelined",
        [Raw(b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n")],
        why_not="the areas wire and edge send such bytes",
    ),
    S(
        "request timeout while paused in request headers",
        [Send("POST", chunks=[b"aaa"])],
        """
        on_request_headers:
            return 1
        """,
        timeouts={"request_timeout": 0.3},
    ),
    S(
        "stream idle timeout while paused in request headers",
        [Send()],
        """
        on_request_headers:
            return 1
        """,
        timeouts={"stream_idle_timeout": 0.3},
    ),
]
