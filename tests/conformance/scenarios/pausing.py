"""Pausing and resuming in every callback, and the effect of each kind of pause on the data."""

from ..scenario import Scenario, Send, maker

S = maker("pausing")

SCENARIOS: list[Scenario] = [
    S(
        "paused in request headers, resumed by a tick",
        [Send()],
        """
        on_request_headers:
            set_tick_period_milliseconds 60
            return 1
        on_tick:
            set_effective_context stream
            get_header_map_value REQUEST_HEADERS :path
            continue_stream REQUEST
            get_header_map_value REQUEST_HEADERS :path
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "paused in request headers with a body coming, resumed by a tick",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_headers:
            set_tick_period_milliseconds 200
            return 1
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "request headers return 3 (stop all and buffer), resumed by a tick",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_headers:
            set_tick_period_milliseconds 300
            return 3
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "request headers return 2, which is Continue",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        """
        on_request_headers:
            return 2
        """,
    ),
    S(
        "request headers return 77, which stops all",
        [Send()],
        """
        on_request_headers:
            set_tick_period_milliseconds 60
            return 77
        on_tick:
            set_effective_context stream
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "paused in request headers, client leaves",
        [Send(leave=0.15)],
        """
        on_request_headers:
            return 1
        """,
    ),
    S(
        "paused in response headers, resumed by a tick",
        [Send("GET", "/chunked")],
        """
        on_response_headers:
            set_tick_period_milliseconds 150
            return 1
        on_tick:
            set_effective_context stream
            get_header_map_value RESPONSE_HEADERS :status
            replace_header_map_value RESPONSE_HEADERS x-late 1
            continue_stream RESPONSE
            get_header_map_value RESPONSE_HEADERS :status
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "request body returns 1 (buffer) until its end, then is replaced",
        [Send("POST", chunks=[b"aaaa", b"bbbbb", b"cc"])],
        """
        on_request_body#1:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 1
        on_request_body#2:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 1
        on_request_body#3:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 1
        on_request_body#4:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            set_buffer_bytes HTTP_REQUEST_BODY 0 9999 REPLACED
        """,
    ),
    S(
        "request body returns 2 (watermark) once",
        [Send("POST", chunks=[b"aaaa", b"bbbbb", b"cc"])],
        """
        on_request_body#1:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 2
        on_request_body#2:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
        on_request_body#3:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
        """,
    ),
    S(
        "request body returns 3 (no buffer) once",
        [Send("POST", chunks=[b"aaaa", b"bbbbb", b"cc"])],
        """
        on_request_body#1:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 3
        on_request_body#2:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            return 0
        on_request_body#3:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
        """,
    ),
    S(
        "request body buffered to its end, resumed by a tick",
        [Send("POST", chunks=[b"aaaa", b"bb"])],
        """
        on_request_body#1:
            return 1
        on_request_body#2:
            return 1
        on_request_body#3:
            set_tick_period_milliseconds 60
            return 1
        on_tick:
            set_effective_context stream
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "first chunk of the request buffered, then released",
        [Send("POST", chunks=[b"aaaa", b"bb", b"cc"])],
        """
        on_request_body#1:
            return 1
        """,
    ),
    S(
        "paused in request trailers, resumed by a tick",
        [Send("POST", chunks=[b"aaaa"], trailers=[("x-rt", "1")])],
        """
        on_request_trailers:
            set_tick_period_milliseconds 60
            get_header_map_value REQUEST_TRAILERS x-rt
            return 1
        on_tick:
            set_effective_context stream
            get_header_map_value REQUEST_TRAILERS x-rt
            replace_header_map_value REQUEST_TRAILERS x-add 9
            continue_stream REQUEST
            set_tick_period_milliseconds 0
        """,
    ),
    S(
        "body buffered until the trailers, changed there",
        [Send("POST", chunks=[b"aaaa", b"bb"], trailers=[("x-rt", "1")])],
        """
        on_request_body:
            return 1
        on_request_trailers:
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
            set_buffer_bytes HTTP_REQUEST_BODY 0 2 ZZ
            get_buffer_bytes HTTP_REQUEST_BODY 0 100
        """,
    ),
    S(
        "request trailers made at the end of the body",
        [Send("POST", chunks=[b"aaaa", b"bb"])],
        """
        on_request_body#1:
            add_header_map_value REQUEST_TRAILERS x-a b
        on_request_body#3:
            add_header_map_value REQUEST_TRAILERS x-a b
            get_header_map_pairs REQUEST_TRAILERS
        """,
    ),
    S(
        "response trailers made at the end of the body",
        [Send("GET", "/chunked")],
        """
        on_response_body#1:
            add_header_map_value RESPONSE_TRAILERS x-a b
        on_response_body#4:
            add_header_map_value RESPONSE_TRAILERS x-a b
            get_header_map_pairs RESPONSE_TRAILERS
        """,
    ),
    S(
        "continue_stream twice from a call response is harmless",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 500
            return 1
        on_http_call_response:
            set_effective_context stream
            continue_stream REQUEST
            continue_stream REQUEST
        """,
    ),
]
