"""Traps in every callback, under every failure policy."""

from collections.abc import Sequence

from ..scenario import Scenario, Send, Step, Wait, maker

S = maker("failure")

#: Where a trap happens, and the request that leads there.
_PLACES: dict[str, Step] = {
    "request_headers": Send(),
    "request_body": Send("POST", chunks=[b"aaa", b"bb"]),
    "request_trailers": Send("POST", chunks=[b"aaa"], trailers=[("a", "b")]),
    "response_headers": Send(),
    "response_body": Send("GET", "/chunked"),
    "response_trailers": Send("GET", "/trailers"),
    "log": Send(),
    "done": Send(),
    "delete": Send(),
}

_TICK = """
    on_request_headers:
        set_tick_period_milliseconds 60
        return 1
    on_tick:
        trap
"""

_CALL = """
    on_request_headers:
        http_call up :method=GET&:path=/cb&:authority=cb.test _ _ 1000
        return 1
    on_http_call_response:
        trap
"""


def _trap(place: str, policy: str, *others: Step) -> Scenario:
    """A trap in one callback, followed by another request."""
    steps: Sequence[Step] = [_PLACES[place], *(others or (Send(),))]
    return S(f"{policy}: trap in {place}", steps, f"on_{place}:\n  trap\n", plug={"options": _options(policy)})


def _options(policy: str) -> dict:
    return {"fail_open": True} if policy == "fail_open" else {"failure_policy": policy}


SCENARIOS: list[Scenario] = [
    *(_trap(place, "FAIL_CLOSED") for place in _PLACES),
    S(
        "FAIL_CLOSED: POST after the VM failed",
        [Send(script="on_request_headers: trap"), Send("POST", chunks=[b"aaa", b"bb"])],
    ),
    S("FAIL_CLOSED: trap in context_create of a stream", [Send(), Send()], "on_context_create:\n  trap\n"),
    S("FAIL_CLOSED: trap in tick while paused", [Send(), Send()], _TICK),
    S("FAIL_CLOSED: trap in a call response while paused", [Send(), Send()], _CALL),
    *(_trap(place, "FAIL_OPEN") for place in ("request_headers", "request_body", "response_headers", "response_body")),
    S("FAIL_OPEN: trap in tick while paused", [Send(), Send()], _TICK, plug={"options": _options("FAIL_OPEN")}),
    *(_trap(place, "fail_open") for place in ("request_headers", "request_body", "response_headers", "response_body")),
    S(
        "FAIL_RELOAD: a new VM after the backoff, not before",
        [
            Send(script="on_request_headers: trap"),
            Wait(1.0),
            Send(),
            Send(script="on_request_headers: trap"),
            Send(),
            Wait(1.2),
            Send(),
        ],
        plug={"options": {"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.5}},
    ),
]
