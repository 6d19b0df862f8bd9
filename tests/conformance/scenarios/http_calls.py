"""HTTP callouts: responses, failures, timeouts, and streams that have ended before the response."""

from ..scenario import Scenario, Send, Wait, maker

S = maker("http calls")


def _failing(outcome: str, call: str) -> Scenario:
    """A request waits for a call that fails, and reads the available information about the failure."""
    script = f"""
        on_request_headers:
            http_call {call}
            return 1
        on_http_call_response:
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_header_map_value HTTP_CALL_RESPONSE_HEADERS :status
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 100
            get_status
            set_effective_context stream
            continue_stream REQUEST
        """
    return S(outcome, [Send()], script)


SCENARIOS: list[Scenario] = [
    S(
        "paused in request headers, resumed by a call response",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test reqbody _ 1000
            get_header_map_value REQUEST_HEADERS :path
            return 1
        on_http_call_response:
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_header_map_pairs HTTP_CALL_RESPONSE_TRAILERS
            get_header_map_value HTTP_CALL_RESPONSE_HEADERS :status
            get_header_map_value HTTP_CALL_RESPONSE_HEADERS x-up
            get_header_map_size HTTP_CALL_RESPONSE_HEADERS
            get_buffer_status HTTP_CALL_RESPONSE_BODY
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 100
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 2 2
            get_status
            get_header_map_value REQUEST_HEADERS :path
            set_effective_context stream
            get_header_map_value REQUEST_HEADERS :path
            replace_header_map_value REQUEST_HEADERS x-new 1
            continue_stream REQUEST
            get_header_map_value REQUEST_HEADERS :path
        """,
    ),
    S(
        "call with body and trailers, answer with trailers",
        [Send()],
        """
        on_request_headers:
            http_call up :method=POST&:path=/trailers&:authority=cb.test&X-Up=A B xt=1 1000
            return 1
        on_http_call_response:
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_header_map_pairs HTTP_CALL_RESPONSE_TRAILERS
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 100
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call times out",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/slow&:authority=cb.test _ _ 100
            return 1
        on_http_call_response:
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_header_map_pairs HTTP_CALL_RESPONSE_TRAILERS
            get_header_map_value HTTP_CALL_RESPONSE_HEADERS :status
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 100
            get_buffer_status HTTP_CALL_RESPONSE_BODY
            get_status
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    _failing("call to a port that nobody listens on", "dead :method=GET&:path=/cb&:authority=cb.test _ _ 100"),
    _failing("callee closes without an answer", "up :method=GET&:path=/close&:authority=cb.test _ _ 100"),
    _failing("callee ends in the middle of its answer", "up :method=GET&:path=/rstmid&:authority=cb.test _ _ 1000"),
    S(
        "calls that cannot be made",
        [Send(), Wait(0.3)],
        """
        on_request_headers:
            http_call nocluster :method=GET&:path=/cb&:authority=cb.test _ _ 100
            http_call up :method=GET&:path=/cb _ _ 100
            http_call up :path=/cb&:authority=a _ _ 100
            http_call up :method=GET&:authority=a _ _ 100
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ -5
            http_call up :method=GET&:path=/later&:authority=cb.test _ _ 0
            get_status
        """,
    ),
    S(
        "stream is gone when the answer comes",
        [Send(), Wait(0.7)],
        """
        on_request_headers:
            http_call up :method=GET&:path=/slow&:authority=cb.test _ _ 2000
        """,
    ),
    S(
        "two calls at once",
        [Send(), Wait(0.3)],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test 1 _ 1000
            http_call up2 :method=GET&:path=/later&:authority=cb.test 2 _ 1000
            return 1
        on_http_call_response:
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "cluster without endpoints fails inline",
        [Send()],
        """
        on_request_headers:
            http_call noep :method=GET&:path=/cb&:authority=cb.test _ _ 100
            return 0
        """,
    ),
    S(
        "host instead of :authority, a scheme, a repeated header",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/cb&host=cb.test&:scheme=https&x-a=1&x-a=2 _ _ 500
            return 1
        on_http_call_response:
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "call from response headers, resumed by its answer",
        [Send()],
        """
        on_response_headers:
            http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 500
            return 1
        on_http_call_response:
            set_effective_context stream
            get_header_map_value RESPONSE_HEADERS :status
            continue_stream RESPONSE
        """,
    ),
    S(
        "call from on_log",
        [Send(), Wait(0.4)],
        """
        on_log:
            http_call up :method=GET&:path=/later&:authority=cb.test _ _ 500
        """,
    ),
    S(
        "content-length without a body",
        [Send()],
        """
        on_request_headers:
            http_call up :method=POST&:path=/cb&:authority=cb.test&content-length=99 _ _ 500
            return 1
        on_http_call_response:
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "answer of three megabytes",
        [Send()],
        """
        on_request_headers:
            http_call up :method=GET&:path=/big%3d3000000&:authority=cb.test _ _ 500
            return 1
        on_http_call_response:
            get_status
            get_buffer_status HTTP_CALL_RESPONSE_BODY
            set_effective_context stream
            continue_stream REQUEST
        """,
    ),
    S(
        "client of the paused stream leaves before the answer",
        [Send(leave=0.15), Wait(0.6)],
        """
        on_request_headers:
            http_call up :method=GET&:path=/slow&:authority=cb.test _ _ 2000
            return 1
        """,
    ),
    S(
        "get_status before any call",
        [Send()],
        """
        on_request_headers:
            get_status
        """,
    ),
    S(
        "call from on_configure",
        [Wait(0.4)],
        """
        on_configure:
            http_call up :method=GET&:path=/later&:authority=cb.test _ _ 500
            get_header_map_value REQUEST_HEADERS x
        on_http_call_response:
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 99
        """,
        show_start=True,
    ),
    S(
        "call from on_vm_start",
        [Wait(0.4)],
        plug={
            "vm_script": """
        on_vm_start:
            http_call up :method=GET&:path=/later&:authority=cb.test _ _ 500
        """
        },
        show_start=True,
    ),
]
