"""A Go module."""

from ..scenario import Raw, Scenario, Send, Shutdown, Tcp, Wait, maker

S = maker("go")

SCENARIOS: list[Scenario] = [
    S(
        "[go] start",
        [None],
    ),
    S(
        "[go] GET",
        [Send()],
    ),
    S(
        "[go] panic in request headers",
        [Send(headers=[("x-a", "b")])],
    ),
    S(
        "[go] next",
        [Send()],
    ),
]
