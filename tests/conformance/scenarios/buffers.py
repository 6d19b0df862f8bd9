"""Body buffers: reading parts, prepending, replacing, appending, and callbacks without buffers."""

from ..scenario import Scenario, Send, maker

S = maker("buffers")

SCENARIOS: list[Scenario] = [
    S(
        "every way to set and get a part of the body",
        [Send("POST", chunks=[b"abcdef"])],
        """
        on_request_body:
            get_buffer_bytes HTTP_REQUEST_BODY 0 0
            get_buffer_bytes HTTP_REQUEST_BODY 2 3
            get_buffer_bytes HTTP_REQUEST_BODY 100 5
            get_buffer_bytes HTTP_REQUEST_BODY 4 100
            get_buffer_bytes HTTP_REQUEST_BODY 3000000000 2000000000
            get_buffer_status HTTP_REQUEST_BODY
            set_buffer_bytes HTTP_REQUEST_BODY 0 0 PRE
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
            set_buffer_bytes HTTP_REQUEST_BODY 9999 0 APP
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
            set_buffer_bytes HTTP_REQUEST_BODY 0 5 X
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
            set_buffer_bytes HTTP_REQUEST_BODY 2 1 Z
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
            set_buffer_bytes HTTP_REQUEST_BODY 2 0 _
            set_buffer_bytes HTTP_REQUEST_BODY 0 3 _
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
        """,
    ),
    S(
        "append at the exact end",
        [Send("POST", chunks=[b"abcdef"])],
        """
        on_request_body:
            set_buffer_bytes HTTP_REQUEST_BODY 6 0 TAIL
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
        """,
    ),
    S(
        "append at the exact end with a length",
        [Send("POST", chunks=[b"abcdef"])],
        """
        on_request_body:
            set_buffer_bytes HTTP_REQUEST_BODY 6 10 TAIL
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
        """,
    ),
    S(
        "longer body with the old content-length",
        [Send("POST", body=b"abc")],
        """
        on_request_body:
            set_buffer_bytes HTTP_REQUEST_BODY 0 99 MUCHLONGERBODY
        """,
    ),
    S(
        "longer body without content-length",
        [Send("POST", body=b"abc")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS content-length
        on_request_body:
            set_buffer_bytes HTTP_REQUEST_BODY 0 99 MUCHLONGERBODY
        """,
    ),
    S(
        "data appended to the end of the body",
        [Send("POST", body=b"abc")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS content-length
        on_request_body:
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
            set_buffer_bytes HTTP_REQUEST_BODY 0 0 ADDED
        """,
    ),
    S(
        "response body replaced and added to",
        [Send()],
        """
        on_response_headers:
            remove_header_map_value RESPONSE_HEADERS content-length
        on_response_body#1:
            set_buffer_bytes HTTP_RESPONSE_BODY 0 99 NEWBODY
        on_response_body#2:
            set_buffer_bytes HTTP_RESPONSE_BODY 0 0 +END
        """,
    ),
    S(
        "longer response body with the old content-length",
        [Send()],
        """
        on_response_body:
            set_buffer_bytes HTTP_RESPONSE_BODY 0 99 LONGERBODY
        """,
    ),
    S(
        "buffers outside their phase",
        [Send()],
        """
        on_request_headers:
            get_buffer_bytes HTTP_REQUEST_BODY 0 10
            get_buffer_status HTTP_REQUEST_BODY
            set_buffer_bytes HTTP_REQUEST_BODY 0 0 x
            get_buffer_bytes HTTP_RESPONSE_BODY 0 10
            set_buffer_bytes HTTP_RESPONSE_BODY 0 0 x
            get_buffer_bytes DOWNSTREAM_DATA 0 1
            get_buffer_bytes UPSTREAM_DATA 0 1
            get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 1
            get_buffer_bytes GRPC_RECEIVE_BUFFER 0 1
            get_buffer_bytes VM_CONFIGURATION 0 99
            get_buffer_bytes PLUGIN_CONFIGURATION 0 9
            get_buffer_bytes CALL_DATA 0 9
            get_buffer_bytes 9 0 1
            get_buffer_status VM_CONFIGURATION
            get_buffer_status PLUGIN_CONFIGURATION
            get_buffer_status 9
            set_buffer_bytes VM_CONFIGURATION 0 0 x
            set_buffer_bytes CALL_DATA 0 0 x
            set_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 0 x
        """,
    ),
    S(
        "request body requested in response callbacks",
        [Send("POST", body=b"abc")],
        """
        on_response_headers:
            get_buffer_bytes HTTP_REQUEST_BODY 0 10
            get_buffer_status HTTP_REQUEST_BODY
            set_buffer_bytes HTTP_REQUEST_BODY 0 0 q
        on_log:
            get_buffer_bytes HTTP_REQUEST_BODY 0 10
            get_buffer_bytes HTTP_RESPONSE_BODY 0 10
        """,
    ),
    S(
        "buffered request body asked for later",
        [Send("POST", chunks=[b"abc", b"def"])],
        """
        on_request_body#1:
            return 1
        on_request_body#2:
            return 1
        on_request_body#3:
            return 0
        on_response_headers:
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
        on_log:
            get_buffer_bytes HTTP_REQUEST_BODY 0 99
        """,
    ),
]
