"""Uses of the ABI that end Envoy with a segmentation fault: one table for the SDK, the simulated proxy, lint and reports.

Every entry was seen on the versions that it names; `tests/conformance/scenarios/crashes.py` holds the smallest filter for each.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CRASHES", "Crash"]

_SEEN = ("1.40.0",)


@dataclass(frozen=True)
class Crash:
    """One way to crash Envoy.

    Attributes
    ----------
    what
        What the filter did.
    instead
        What to do instead.
    versions
        Versions of Envoy on which it was seen.
    """

    what: str
    instead: str
    versions: tuple[str, ...] = _SEEN

    @property
    def text(self) -> str:
        """One line for logs and exchanges."""
        return f"{self.what}: Envoy {self.versions[-1].rpartition('.')[0]} crashes here"


CRASHES: dict[str, Crash] = {
    "resume_before_response": Crash(
        "continue_stream(RESPONSE) before there is a response",
        "Resume the response only after a callback of the response has paused it.",
    ),
    "resume_own_end": Crash(
        "continue_stream(RESPONSE) in the callback that ends the response, which then returns Continue",
        "Return Continue without resuming, or return Pause after it.",
    ),
    "reply_twice": Crash(
        "two send_local_response in one callback of the response",
        "Return from the callback after the first one.",
    ),
    "reply_at_end": Crash(
        "send_local_response when the stream has ended",
        "Answer in a callback of the request or of the response, not in on_log, on_done or on_delete.",
    ),
    "close_twice": Crash(
        "close_stream for a stream that the same callback has closed",
        "Close a stream once; either direction closes both.",
    ),
    "close_at_end": Crash(
        "close_stream when the stream has ended",
        "Do not close a stream in on_log, on_done or on_delete.",
    ),
    "body_outside": Crash(
        "the body is used outside its callback after StopIterationAndWatermark or StopIterationNoBuffer",
        "Return StopIterationAndBuffer to use the body later, or keep a copy of it.",
    ),
}
