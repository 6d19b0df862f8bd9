"""`async def` callbacks of Python filters: all awaitables, their failures, and cleaning up."""

from ..scenario import Scenario, Send, Step, Tcp, Wait, maker

S = maker("awaits")
HTTP, TCP = "python:waits", "python:connections"


#: Starting Envoy with a Python filter takes seconds: so one scenario has many requests.
_TEXT = [b"one", b"two", b"three"]


def _get(*paths: str) -> list[Send]:
    return [Send(path=path) for path in paths]


def _post(path: str, *chunks: bytes, trailers=()) -> Send:
    """Return a POST request. A single chunk is sent as a whole body, several chunks are sent one by one."""
    message = {"body": chunks[0]} if len(chunks) == 1 else {"chunks": chunks}
    return Send("POST", path, trailers=trailers, **message)


def _http(name: str, *steps: Step, config: str = "", **options) -> Scenario:
    return S(name, steps, config, plug={"module": HTTP}, **options)


def _tcp(name: str, *moves: list, config: str = "") -> Scenario:
    return S(name, [Tcp(m) for m in moves], config, plug={"module": TCP}, kind="tcp")


SCENARIOS: list[Scenario] = [
    _http(
        "callouts: answers with bodies and trailers, alone and together, and each way to fail; time",
        *_get("/callout/nobody", "/callout/later", "/callout/trailers", "/posted", "/refused", "/together"),
        *_get("/fails/up/slow", "/fails/up/close", "/fails/up/rstmid", "/fails/dead/", "/fails/noep/", "/fails/none/"),
        *_get("/first_failure", "/sleeps", "/too_long", "/waits_for"),
    ),
    _http(
        "bodies of requests, whole and chunk by chunk",
        _post("/body", b"good"),
        _post("/body", b"bad"),
        _post("/body", b"go", b"od"),
        _post("/body", b"go", b"od", trailers=[("t", "v")]),
        *_get("/body"),
        _post("/body_later", *_TEXT),
        _post("/body_changed", b"text"),
        _post("/body_changed", *_TEXT),
        _post("/body_and_callout", b"text"),
        _post("/chunks", *_TEXT),
        _post("/chunks", b"one"),
        _post("/chunks_and_waits", b"one"),
        _post("/late_header", b"text"),
    ),
    _http(
        "responses that wait, whole and chunk by chunk",
        *_get("/response_waits", "/response_replaced", "/response_body_changed", "/response_chunks"),
        *_get("/response_raises", "/response_body_raises", "/sleeps"),
    ),
    _http(
        "gRPC calls and streams",
        *_get("/grpc/g/Unary", "/grpc/g/Fail", "/grpc/g/FailLate", "/grpc/g/Http500", "/grpc/g/Hang", "/grpc/g/Reset"),
        *_get("/grpc/deadg/Unary", "/grpc/unknown/Unary"),
        *_get("/stream", "/stream_half_closed", "/stream_cancelled", "/stream_times_out", "/stream_fails/g/Fail"),
        *_get("/stream_fails/g/FailLate", "/stream_fails/g/Reset", "/stream_fails/deadg/Stream"),
        Send(path="/stream_forever", leave=0.2),
        Wait(0.2),
        *_get("/sleeps"),
    ),
    _http(
        "plugins: start, tick and queues wait",
        Wait(1.5),
        *_get("/queue", "/queue_ready"),
        Wait(0.3),
        config="start tick queue ready",
        show_start=True,
    ),
    _http(
        "streams that go away, and what ends one stream",
        Send(path="/forever", leave=0.2),
        Wait(0.2),
        Send(path="/calls_forever", leave=0.2),
        Wait(0.5),
        *_get("/raises", "/nonsense", "/foreign", "/sleeps"),
    ),
    _http("an exception before the first wait ends the VM", *_get("/raises_at_once", "/sleeps")),
    _http(
        "an exception in a plugin's coroutine ends the VM",
        *_get("/queue_ready"),
        Wait(0.3),
        *_get("/sleeps"),
        config="late failure",
    ),
    _tcp(
        "connections that wait to be let in, and data that wait",
        [b"plain", "read"],
        [b"upper", "read"],
        [b"upper", 0.01, b"more", "read"],
        [b"ask", "read"],
        [b"ask slowly", "read"],
        [b"wait", 0.2, "reset"],
        [b"raise", "read"],
        [b"plain", "read"],
        [0.1, "read"],
        [b"plain", "read"],
        [b"plain", "read"],
        config="- - - - - - - asks refuses fails -",
    ),
]
