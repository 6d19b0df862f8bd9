"""Random scenarios: a filter that edits, buffers, pauses, replies and calls out, and a request through it.

Every pause is ended by a tick long after all bytes have arrived, so that the outcome doesn't depend on real time.
Scripts that make Envoy crash or hang are not generated.
"""

from collections.abc import Sequence

from hypothesis import strategies as st

from .scenario import Plug, Scenario, Send, rules

_NAMES = ("x-a", "x-b", "X-C", "cookie", "user-agent", "accept", "x-dup", "content-type", "x-gone")
_VALUES = ("1", "two", "a%20b", "_", "a%2cb", "repeat:v:300")
_PATHS = ("/", "/chunked", "/trailers", "/nobody", "/204", "/dup", "/close", "/rstmid", "/big=3000", "/alt?x=1")
_PROPERTIES = (
    "request/path", "request/method", "request/headers/x-a", "response/code", "response/code_details", "response/flags",
    "request/size", "response/size", "xds/route_name", "xds/cluster_name", "plugin_name", "upstream/request_attempt_count",
    "response/headers/x-up", "response/trailers/x-tr", "request/protocol",
)  # fmt: skip

_names, _values = st.sampled_from(_NAMES), st.sampled_from(_VALUES)
_reply_headers = st.sampled_from(("_", "x-lr=1", "x-lr=1&x-lr=2", "content-type=application/json"))
_statuses = st.sampled_from((200, 201, 302, 403, 404, 418, 429, 500, 503))


def _edits(kind: str) -> st.SearchStrategy[list[str]]:
    """Return statements that read and write one header map."""
    one = st.one_of(
        st.builds(lambda n: f"get_header_map_value {kind} {n}", _names),
        st.builds(lambda n, v: f"add_header_map_value {kind} {n} {v}", _names, _values),
        st.builds(lambda n, v: f"replace_header_map_value {kind} {n} {v}", _names, _values),
        st.builds(lambda n: f"remove_header_map_value {kind} {n}", _names),
        st.just(f"get_header_map_pairs {kind}"),
        st.just(f"get_header_map_size {kind}"),
        st.builds(lambda p: f"get_property {p}", st.sampled_from(_PROPERTIES)),
        st.builds(lambda n, v: f"set_property {n} {v}", st.sampled_from(("p", "q")), _values),
        st.builds(lambda n: f"get_property {n}", st.sampled_from(("p", "q"))),
    )
    return st.lists(one, max_size=4)


def _buffers(kind: str, *, writable: bool) -> st.SearchStrategy[list[str]]:
    """Return statements that read a body. If it is `writable`, some of them write it."""
    numbers = st.sampled_from((0, 1, 2, 3, 5, 9, 9999))
    statements = [
        st.builds(lambda a, b: f"get_buffer_bytes {kind} {a} {b}", numbers, numbers),
        st.just(f"get_buffer_status {kind}"),
        st.builds(lambda p: f"get_property {p}", st.sampled_from(_PROPERTIES)),
    ]
    if writable:
        statements.append(st.builds(lambda a, b, v: f"set_buffer_bytes {kind} {a} {b} {v}", numbers, numbers, _values))
    return st.lists(st.one_of(statements), max_size=3)


_replies = st.builds(
    lambda code, body, headers, details: f"send_local_response {code} {details} {body} {headers} -1",
    _statuses, st.sampled_from(("_", "b", "repeat:r:200")), _reply_headers, st.sampled_from(("_", "some%20details")),
)  # fmt: skip
_callouts = st.sampled_from(
    (
        "http_call up :method=GET&:path=/cb&:authority=cb _ _ 500",
        "http_call up :method=POST&:path=/trailers&:authority=cb body _ 500",
        "http_call dead :method=GET&:path=/cb&:authority=cb _ _ 500",
        "http_call up :method=GET&:path=/close&:authority=cb _ _ 500",
        "http_call up :method=GET&:path=/slow&:authority=cb _ _ 100",
    )
)


@st.composite
def _script(draw: st.DrawFn) -> str:
    """Draw a script. It pauses a direction at most once, and continues it in the next tick."""
    script: list[str] = []
    pauses = draw(st.sampled_from(((), (), ("request",), ("response",), ("call",), ("request", "response"))))
    replies = draw(
        st.sampled_from((None, None, None, "request_headers", "request_body", "request_trailers", "response_headers"))
    )
    drop = draw(st.booleans())  # remove content-length, so that bodies may change their size

    def rule(callback: str, statements: Sequence[str]) -> None:
        if statements:
            script.extend([f"on_{callback}:", *(f"  {s}" for s in statements)])

    def ending(callback: str, direction: str, choices: tuple[int, ...]) -> list[str]:
        if callback == replies:
            return [draw(_replies), *draw(st.sampled_from(([], ["return 1"])))]
        if callback.endswith("headers") and direction in pauses:
            return ["set_tick_period_milliseconds 250", f"return {draw(st.sampled_from(choices))}"]
        return []

    request = draw(_edits("REQUEST_HEADERS")) + (
        ["remove_header_map_value REQUEST_HEADERS content-length"] if drop else []
    )
    if "call" in pauses and replies != "request_headers":
        request += [draw(_callouts), "return 1"]
        resumed = ["set_effective_context stream", *draw(_edits("REQUEST_HEADERS")), "continue_stream REQUEST"]
        rule("http_call_response", ["get_header_map_pairs HTTP_CALL_RESPONSE_HEADERS", *resumed])
    else:
        request += ending("request_headers", "request", (1, 3, 4))
    rule("request_headers", request)
    rule("request_body#1", draw(_buffers("HTTP_REQUEST_BODY", writable=drop)) + draw(_first_chunk(drop)))
    rule("request_body", draw(_buffers("HTTP_REQUEST_BODY", writable=drop)) + ending("request_body", "", ()))
    rule("request_trailers", draw(_edits("REQUEST_TRAILERS")) + ending("request_trailers", "", ()))
    response = draw(_edits("RESPONSE_HEADERS")) + (
        ["remove_header_map_value RESPONSE_HEADERS content-length"] if drop else []
    )
    rule("response_headers", response + ending("response_headers", "response", (1, 3, 4)))
    rule("response_body#1", draw(_buffers("HTTP_RESPONSE_BODY", writable=drop)) + draw(_first_chunk(drop)))
    rule("response_body", draw(_buffers("HTTP_RESPONSE_BODY", writable=drop)))
    rule("response_trailers", draw(_edits("RESPONSE_TRAILERS")))
    rule("log", draw(_edits("RESPONSE_HEADERS")))
    rule("tick", ["set_tick_period_milliseconds 0", "set_effective_context stream", *_resume(pauses)])
    return "\n".join(script)


def _first_chunk(free: bool) -> st.SearchStrategy[list[str]]:
    """Return the last statement of the first body callback. It may hold its chunk, or drop it if the length may change."""
    return st.sampled_from(([], [], [], ["return 1"], ["return 2"], *([["return 3"]] if free else [])))


def _resume(pauses: Sequence[str]) -> list[str]:
    """Return the statement that continues the direction that was paused first."""
    order = [p for p in pauses if p != "call"]
    return [f"continue_stream {order[0].upper()}"] if order else []


_CHUNKS = st.lists(st.sampled_from((b"a", b"bcd", b"efghi", b"x" * 700)), min_size=1, max_size=3)
_HEADERS = st.lists(
    st.tuples(st.sampled_from(("x-a", "x-dup", "cookie", "x-gone", "user-agent")), st.sampled_from(("1", "b c"))),
    max_size=3,
)


@st.composite
def _request(draw: st.DrawFn) -> Send:
    """Draw a request without a body, with a body of known length, or with chunks and possibly trailers."""
    path, headers = draw(st.sampled_from(_PATHS)), draw(_HEADERS)
    match draw(st.sampled_from(("none", "head", "length", "chunks", "trailers"))):
        case "none":
            return Send("GET", path, headers, wait=1.2)
        case "head":
            return Send("HEAD", path, headers, wait=1.2)
        case "length":
            return Send("POST", path, headers, b"".join(draw(_CHUNKS)), wait=1.2)
        case "chunks":
            return Send("POST", path, headers, chunks=draw(_CHUNKS), wait=1.2)
        case _:
            return Send("POST", path, headers, chunks=draw(_CHUNKS), trailers=[("x-rt", "1")], wait=1.2)


@st.composite
def generated(draw: st.DrawFn) -> Scenario:
    """Draw a scenario with one plugin, or with a chain of two in one VM."""
    scripts = [draw(_script())]
    steps = [draw(_request())]
    if draw(st.integers(0, 3)) == 0:
        scripts.append(draw(_script()))
    plugins = tuple(Plug(rules(s), name=f"p{n}", root_id=f"r{n}") for n, s in enumerate(scripts))
    return Scenario("generated", "generated", plugins, steps)
