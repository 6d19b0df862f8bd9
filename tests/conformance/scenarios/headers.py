"""Header maps: writing, inline headers, pseudo-headers, headers that the codec refuses, routes."""

from ..scenario import Scenario, Send, maker

S = maker("headers")

_BOTH = """
    get_header_map_value REQUEST_HEADERS :path
    add_header_map_value REQUEST_HEADERS x-b 1
    get_header_map_value RESPONSE_HEADERS :status
    add_header_map_value RESPONSE_HEADERS x-b 1
"""
_TICK = """
    set_tick_period_milliseconds 0
    set_effective_context stream
    continue_stream {}
"""


def _kept() -> list[tuple]:
    """Return cases in which a map stays available because its callback paused. `continue_stream` removes the request's map."""
    post = Send("POST", "/trailers", chunks=[b"aa"], trailers=[("x-rt", "1")])
    get, pause = Send("GET", "/trailers"), "set_tick_period_milliseconds 150\n return 1\n"
    after = f"on_response_headers:{_BOTH}on_log:{_BOTH}on_done:{_BOTH}on_delete:{_BOTH}"
    body = f"on_request_body:{_BOTH}on_request_trailers:{_BOTH}"
    response = f"on_response_body:{_BOTH}on_response_trailers:{_BOTH}on_log:{_BOTH}on_done:{_BOTH}"
    stop = {"allow_on_headers_stop_iteration": True}
    return [
        ("real StopIteration: request headers stay", [post], f"on_request_headers:\n return 1\n{body}{after}", stop),
        ("real StopIteration: response headers stay", [get], f"on_response_headers:\n return 1\n{response}", stop),
        (
            "resumed response: its headers stay",
            [get],
            f"on_response_headers:\n {pause}on_tick:{_TICK.format('RESPONSE')}{_BOTH}{response}",
            {},
        ),
        (
            "resumed request: its headers are gone",
            [post],
            f"on_request_headers:\n {pause}on_tick:{_TICK.format('REQUEST')}{_BOTH}{body}{after}",
            {},
        ),
        (
            "resumed trailers: the response's stay, the request's are gone",
            [post],
            f"""
            on_request_trailers:
                {pause}
            on_response_trailers:
                {pause}
            on_tick#1:
                {_TICK.format("REQUEST")}
                get_header_map_value REQUEST_TRAILERS x-rt
            on_tick#2:
                {_TICK.format("RESPONSE")}
                get_header_map_value RESPONSE_TRAILERS x-tr
            on_log:
                get_header_map_value REQUEST_TRAILERS x-rt
                add_header_map_value RESPONSE_TRAILERS a b
                get_header_map_pairs RESPONSE_TRAILERS
            """,
            {},
        ),
    ]


SCENARIOS: list[Scenario] = [
    S(
        "all headers replaced, without x-forwarded-proto",
        [Send("GET", "/p")],
        """
        on_request_headers:
            set_header_map_pairs REQUEST_HEADERS :method=POST&:path=/sp&:authority=zz&:scheme=http
        """,
    ),
    S(
        ":scheme removed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS :scheme
        """,
    ),
    S(
        "x-forwarded-proto removed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS x-forwarded-proto
        """,
    ),
    S(
        "set, add and remove; case; empty values",
        [Send("GET", "/p", headers=[("x-dup", "a"), ("x-dup", "b"), ("x-gone", "1"), ("x-gone", "2")])],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS X-New V1
            add_header_map_value REQUEST_HEADERS x-new V2
            get_header_map_value REQUEST_HEADERS x-new
            replace_header_map_value REQUEST_HEADERS x-dup ONE
            add_header_map_value REQUEST_HEADERS Empty _
            get_header_map_value REQUEST_HEADERS empty
            remove_header_map_value REQUEST_HEADERS x-gone
            get_header_map_value REQUEST_HEADERS x-gone
            remove_header_map_value REQUEST_HEADERS not-there
            replace_header_map_value REQUEST_HEADERS :path /changed?x%3d1
            get_header_map_value REQUEST_HEADERS :path
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "add to headers that have one value only",
        [Send("GET", "/p", headers=[("user-agent", "a"), ("cookie", "c=1"), ("accept", "x")])],
        """
        on_request_headers:
            add_header_map_value REQUEST_HEADERS :path /two
            get_header_map_value REQUEST_HEADERS :path
            add_header_map_value REQUEST_HEADERS :method POST
            add_header_map_value REQUEST_HEADERS user-agent b
            get_header_map_value REQUEST_HEADERS user-agent
            add_header_map_value REQUEST_HEADERS cookie c%3d2
            get_header_map_value REQUEST_HEADERS cookie
            add_header_map_value REQUEST_HEADERS accept y
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        ":method removed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS :method
            get_header_map_value REQUEST_HEADERS :method
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        ":path removed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS :path
            get_header_map_value REQUEST_HEADERS :path
        """,
    ),
    S(
        ":authority removed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            remove_header_map_value REQUEST_HEADERS :authority
            get_header_map_value REQUEST_HEADERS :authority
        """,
    ),
    S(
        "a pseudo-header that nobody knows",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS :foo bar
            get_header_map_value REQUEST_HEADERS :foo
        """,
    ),
    S(
        "host is :authority",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS host other
            get_header_map_value REQUEST_HEADERS :authority
            get_header_map_value REQUEST_HEADERS host
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "a name with a space",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS bad%20name v
            get_header_map_value REQUEST_HEADERS bad%20name
        """,
    ),
    S(
        "a value with a line break",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS x-crlf a%0d%0ab
            get_header_map_value REQUEST_HEADERS x-crlf
        """,
    ),
    S(
        "a value with NUL",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS x-nul a%00b
            get_header_map_value REQUEST_HEADERS x-nul
        """,
    ),
    S(
        "an empty name",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS _ v
            add_header_map_value REQUEST_HEADERS _ v
            get_header_map_value REQUEST_HEADERS _
            remove_header_map_value REQUEST_HEADERS _
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "set_header_map_pairs replaces all",
        [Send("GET", "/p")],
        """
        on_request_headers:
            set_header_map_pairs REQUEST_HEADERS :method=POST&:path=/sp&:authority=zz&X-A=1&x-a=2
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "set_header_map_pairs with an empty map",
        [Send("GET", "/p")],
        """
        on_request_headers:
            set_header_map_pairs REQUEST_HEADERS _
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "set_header_map_pairs with bytes that are no map",
        [Send("GET", "/p")],
        """
        on_request_headers:
            set_header_map_pairs REQUEST_HEADERS raw:%01%00%00%00zz
            get_header_map_pairs REQUEST_HEADERS
        """,
    ),
    S(
        "maps that are not there, and numbers that are no map",
        [Send("GET", "/p")],
        """
        on_request_headers:
            get_header_map_value 8 a
            get_header_map_value 99 a
            get_header_map_value GRPC_RECEIVE_INITIAL_METADATA a
            get_header_map_value GRPC_RECEIVE_TRAILING_METADATA a
            get_header_map_pairs GRPC_RECEIVE_INITIAL_METADATA
            get_header_map_pairs GRPC_RECEIVE_TRAILING_METADATA
            get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS
            get_header_map_pairs HTTP_CALL_RESPONSE_TRAILERS
            get_header_map_pairs 8
            get_header_map_value HTTP_CALL_RESPONSE_HEADERS a
            get_header_map_value HTTP_CALL_RESPONSE_TRAILERS a
            add_header_map_value RESPONSE_HEADERS a b
            add_header_map_value HTTP_CALL_RESPONSE_HEADERS a b
            set_header_map_pairs RESPONSE_HEADERS a=b
            remove_header_map_value RESPONSE_HEADERS a
        """,
    ),
    S(
        "response status and headers changed",
        [Send("GET", "/dup")],
        """
        on_response_headers:
            get_header_map_pairs RESPONSE_HEADERS
            replace_header_map_value RESPONSE_HEADERS :status 201
            remove_header_map_value RESPONSE_HEADERS set-cookie
            add_header_map_value RESPONSE_HEADERS x-a 1
            add_header_map_value RESPONSE_HEADERS x-a 2
            replace_header_map_value RESPONSE_HEADERS x-dup only
            get_header_map_value RESPONSE_HEADERS x-dup
            remove_header_map_value RESPONSE_HEADERS content-length
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S(
        "response :status removed",
        [Send("GET", "/dup")],
        """
        on_response_headers:
            remove_header_map_value RESPONSE_HEADERS :status
            get_header_map_pairs RESPONSE_HEADERS
        """,
    ),
    S(
        "response :status that is no number",
        [Send("GET", "/dup")],
        """
        on_response_headers:
            replace_header_map_value RESPONSE_HEADERS :status abc
            get_header_map_value RESPONSE_HEADERS :status
        """,
    ),
    S(
        "response headers in the body callback",
        [Send("GET", "/chunked")],
        """
        on_response_body:
            get_header_map_value RESPONSE_HEADERS :status
            replace_header_map_value RESPONSE_HEADERS x y
        """,
    ),
    S(
        "request headers in the body callback",
        [Send("POST", "/p", body=b"abc")],
        """
        on_request_body:
            get_header_map_value REQUEST_HEADERS :path
            replace_header_map_value REQUEST_HEADERS x y
        """,
    ),
    S(
        "paused in request headers, no body callback comes",
        [Send("POST", "/p", body=b"abc", leave=0.15)],
        """
        on_request_headers:
            return 1
        """,
    ),
    S(
        ":path changed selects another route",
        [Send("GET", "/p")],
        """
        on_request_headers:
            get_property route_name
            get_property xds/route_name
            get_property cluster_name
            get_property xds/cluster_name
            replace_header_map_value REQUEST_HEADERS :path /alt
            get_property xds/route_name
            get_property xds/cluster_name
        on_response_headers:
            get_property xds/route_name
            get_property xds/cluster_name
        """,
        routes="several",
    ),
    S(
        "a header added selects another route",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS x-route alt
        on_response_headers:
            get_property xds/route_name
            get_property xds/cluster_name
        """,
        routes="several",
    ),
    S(
        "clear_route_cache as foreign function",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS x-route alt
            call_foreign_function clear_route_cache _
        on_response_headers:
            get_property xds/route_name
        """,
        routes="several",
    ),
    S(
        "ABI 0.1.0: :path changed",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS :path /alt
        on_response_headers:
            get_property xds/route_name
        """,
        routes="several",
        plug={"module": "scripted-0.1.0"},
    ),
    S(
        "ABI 0.1.0: :path changed and clear_route_cache",
        [Send("GET", "/p")],
        """
        on_request_headers:
            replace_header_map_value REQUEST_HEADERS :path /alt
            clear_route_cache
        on_response_headers:
            get_property xds/route_name
        """,
        routes="several",
        plug={"module": "scripted-0.1.0"},
    ),
    *(S(name, steps, script, plug={"options": options}) for name, steps, script, options in _kept()),
]
