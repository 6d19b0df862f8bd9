"""Plain HTTP/1.1 streams: every order of callbacks without a filter that interferes."""

from ..scenario import Raw, Scenario, Send, maker

S = maker("streams")

SCENARIOS: list[Scenario] = [
    S(
        "GET with an answer of five bytes",
        [Send()],
    ),
    S(
        "every header map read in every callback",
        [Send("GET", "/a?b=c", headers=[("X-Dup", "One"), ("x-dup", "two"), ("X-MiXed", "CaSe")])],
        """
        on_request_headers:
            get_header_map_pairs REQUEST_HEADERS
            get_header_map_size REQUEST_HEADERS
            get_header_map_value REQUEST_HEADERS :path
            get_header_map_value REQUEST_HEADERS :PATH
            get_header_map_value REQUEST_HEADERS Host
            get_header_map_value REQUEST_HEADERS :authority
            get_header_map_value REQUEST_HEADERS x-dup
            get_header_map_value REQUEST_HEADERS nope
            get_header_map_pairs REQUEST_TRAILERS
            get_header_map_pairs RESPONSE_HEADERS
            get_header_map_pairs RESPONSE_TRAILERS
            get_header_map_value RESPONSE_HEADERS :status
            get_header_map_size RESPONSE_HEADERS
            get_header_map_size REQUEST_TRAILERS
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
            get_header_map_value RESPONSE_HEADERS :status
            get_header_map_pairs REQUEST_HEADERS
            get_header_map_value REQUEST_HEADERS :path
            get_header_map_size REQUEST_HEADERS
        on_log:
            get_header_map_pairs REQUEST_HEADERS
            get_header_map_pairs RESPONSE_HEADERS
            get_header_map_pairs RESPONSE_TRAILERS
            get_header_map_pairs REQUEST_TRAILERS
            get_header_map_value RESPONSE_TRAILERS zz
            get_header_map_value REQUEST_TRAILERS zz
            get_header_map_size REQUEST_HEADERS
            get_header_map_size RESPONSE_HEADERS
            get_header_map_value REQUEST_HEADERS :path
            add_header_map_value REQUEST_HEADERS a b
            replace_header_map_value RESPONSE_HEADERS a b
        on_done:
            get_header_map_pairs REQUEST_HEADERS
            get_header_map_pairs RESPONSE_HEADERS
            get_header_map_value REQUEST_HEADERS :path
        on_delete:
            get_header_map_pairs REQUEST_HEADERS
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S(
        "POST with a content-length",
        [Send("POST", body=b"hello world")],
    ),
    S(
        "POST in three chunks",
        [Send("POST", chunks=[b"aaaa", b"bbbbb", b"cc"])],
    ),
    S(
        "POST in chunks, trailers both ways",
        [Send("POST", "/trailers", chunks=[b"aaaa", b"bb"], trailers=[("x-rt", "1")])],
        """
        on_request_trailers:
            get_header_map_pairs REQUEST_TRAILERS
            get_header_map_value REQUEST_TRAILERS x-rt
        on_response_trailers:
            get_header_map_pairs RESPONSE_TRAILERS
        """,
    ),
    S(
        "answer in chunks",
        [Send("GET", "/chunked")],
    ),
    S(
        "answer without a body",
        [Send("GET", "/nobody")],
    ),
    S(
        "answer 204",
        [Send("GET", "/204")],
    ),
    S(
        "HEAD",
        [Send("HEAD")],
    ),
    S(
        "upstream closes without an answer",
        [Send("GET", "/close")],
    ),
    S(
        "upstream ends in the middle of the body",
        [Send("GET", "/rstmid")],
    ),
    S(
        "client leaves while it sends its body",
        [Send("POST", chunks=[b"aaaa"], leave=0.15)],
    ),
    S(
        "client leaves while the upstream thinks",
        [Send("GET", "/slow", leave=0.15)],
    ),
    S(
        "upstream answers before it has the body",
        [Send("POST", "/early", chunks=[b"aaaa", b"bbb"], leave=0.15)],
    ),
    S(
        "HTTP/1.0 is refused before the filters",
        [Raw(b"GET / HTTP/1.0\r\nhost: h.test\r\n\r\n")],
        why_not="the areas wire and edge send such bytes",
    ),
    S(
        "a request line that is none",
        [Raw(b"GARBAGE\r\n\r\n", like=Send("GAR BAGE"))],
    ),
    S(
        "HTTP/1.1 without host",
        [Raw(b"GET / HTTP/1.1\r\n\r\n", like=Send(authority=""))],
    ),
]
