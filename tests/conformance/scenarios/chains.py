"""Two plugins in a chain: order of callbacks, local replies, filter state, a shared VM that traps."""

from ..scenario import Plug, Scenario, Send, Shutdown, maker

S = maker("chains")


def pair(a: str = "", b: str = "", vm_b: str = "vm1") -> tuple[Plug, Plug]:
    """Return the plugins A and B, by default in one VM."""
    return Plug(a, name="A", root_id="a"), Plug(b, name="B", root_id="b", vm_id=vm_b)


SCENARIOS: list[Scenario] = [
    S("GET through two plugins of one VM", [Send()], plugins=pair("x", "y"), show_start=True),
    S(
        "POST with trailers through two plugins",
        [Send("POST", "/trailers", chunks=[b"aaaa", b"bb"], trailers=[("x-rt", "1")])],
        plugins=pair("x", "y"),
    ),
    S(
        "first plugin replies from request headers",
        [Send()],
        plugins=pair(
            """
            on_request_headers:
                get_header_map_value REQUEST_HEADERS x-a
                send_local_response 403 d A _ -1
            """
        ),
    ),
    S(
        "second plugin replies from request headers",
        [Send()],
        plugins=pair(
            b="""
            on_request_headers:
                send_local_response 403 d B _ -1
            """
        ),
    ),
    S(
        "second plugin replies from response headers",
        [Send()],
        plugins=pair(
            b="""
            on_response_headers:
                send_local_response 503 d B _ -1
            """
        ),
    ),
    S(
        "first plugin replies from response headers, after the second",
        [Send()],
        plugins=pair(
            """
            on_response_headers:
                send_local_response 503 d A _ -1
            """
        ),
    ),
    S(
        "a property that the first plugin sets is seen by the second, in another VM",
        [Send()],
        plugins=pair(
            """
            on_request_headers:
                set_property pa 1
                replace_header_map_value REQUEST_HEADERS x-from-a 1
            """,
            """
            on_request_headers:
                get_property pa
                get_header_map_value REQUEST_HEADERS x-from-a
            on_log:
                get_property pa
            """,
            "vmB",
        ),
    ),
    S(
        "first plugin traps, the second shares its VM",
        [Send(), Send()],
        plugins=pair(
            """
            on_request_headers:
                trap
            """
        ),
    ),
    S(
        "first plugin traps, the second has a VM of its own",
        [Send(), Send()],
        plugins=pair(
            """
            on_request_headers:
                trap
            """,
            "",
            "vmB",
        ),
    ),
    S(
        "first plugin pauses, the second waits",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        plugins=pair(
            """
            on_request_headers:
                set_tick_period_milliseconds 200
                return 1
            on_tick:
                set_effective_context stream
                continue_stream REQUEST
                set_tick_period_milliseconds 0
            """,
            "y",
        ),
    ),
    S(
        "second plugin buffers, the first has let the chunks go",
        [Send("POST", chunks=[b"aaa", b"bbb"])],
        plugins=pair(
            "x",
            """
            on_request_body#1:
                return 1
            on_request_body#2:
                return 1
            """,
        ),
    ),
    S(
        "second plugin buffers the response, the first sees it whole",
        [Send("GET", "/chunked")],
        plugins=pair(
            "x",
            """
            on_response_body#1:
                return 1
            on_response_body#2:
                return 1
            on_response_body#3:
                return 1
            """,
        ),
    ),
    S(
        "both change headers, in order",
        [Send()],
        plugins=pair(
            """
            on_request_headers:
                add_header_map_value REQUEST_HEADERS x-who a
            on_response_headers:
                add_header_map_value RESPONSE_HEADERS x-who a
            """,
            """
            on_request_headers:
                get_header_map_value REQUEST_HEADERS x-who
                add_header_map_value REQUEST_HEADERS x-who b
            on_response_headers:
                add_header_map_value RESPONSE_HEADERS x-who b
            """,
        ),
    ),
    S("shutdown of two plugins in one VM: newest root first", [Shutdown()], plugins=pair("x", "y")),
]
