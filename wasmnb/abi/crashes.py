"""Table of the uses of the ABI that crash Envoy with a segmentation fault. The SDK, the simulated proxy and reports use it.

From this table, `phases.py` derives the hostcalls that a callback must not make. Every entry was observed in the listed
versions of Envoy. `tests/conformance/scenarios/crashes.py` contains the smallest filter for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .table import END_CALLBACKS

__all__ = ["CRASHES", "Crash", "crashes_of"]

_SEEN = ("1.40.0",)

_IN_END_CALLBACKS = f"in {', '.join(END_CALLBACKS[:-1])} or {END_CALLBACKS[-1]}"


@dataclass(frozen=True)
class Crash:
    """One way to crash Envoy.

    Attributes
    ----------
    action
        What the filter does, as a phrase for messages.
    instead
        Advice on what to do instead, as a sentence.
    hostcalls
        Names of the hostcalls that can cause the crash, without `proxy_`.
    callbacks
        Callbacks of an HTTP stream, without `proxy_`, in which these hostcalls always cause the crash. Empty (default) if
        the crash depends on earlier hostcalls of the stream.
    certain
        Whether Envoy always crashes (default True). If False, Envoy reads memory after freeing it, and only sometimes crashes.
    versions
        Versions of Envoy in which the crash was observed.
    """

    action: str
    instead: str
    hostcalls: tuple[str, ...]
    callbacks: tuple[str, ...] = ()
    certain: bool = True
    versions: tuple[str, ...] = _SEEN

    @property
    def text(self) -> str:
        """Description of the crash in one line, for logs and exchanges."""
        return f"{self.action}: Envoy {self.versions[-1].rpartition('.')[0]} crashes here"

    @property
    def note(self) -> str:
        """Description of the crash and advice, for notes of exchanges."""
        return f"{self.text}. {self.instead}"


CRASHES: dict[str, Crash] = {
    "resume_before_response": Crash(
        "continue_stream(RESPONSE) before there is a response",
        "Resume the response only after a callback of the response has paused it.",
        ("continue_stream", "continue_response"),
    ),
    "resume_own_end": Crash(
        "continue_stream(RESPONSE) in the callback that ends the response, which then returns Continue",
        "Return Continue without resuming, or return Pause after it.",
        ("continue_stream", "continue_response"),
    ),
    "close_own_end": Crash(
        "close_stream in on_response_trailers, which then returns Continue",
        "Return Pause after close_stream.",
        ("close_stream",),
    ),
    "reply_twice": Crash(
        "two send_local_response in one callback of the response",
        "Return from the callback after the first one.",
        ("send_local_response",),
    ),
    "reply_at_end": Crash(
        "send_local_response when the stream has ended",
        f"Respond in a callback of the request or of the response, not after close_stream, {_IN_END_CALLBACKS}.",
        ("send_local_response",),
        END_CALLBACKS,
    ),
    "close_twice": Crash(
        "close_stream for a stream that the same callback has closed",
        "Close a stream once; either direction closes both.",
        ("close_stream",),
    ),
    "close_at_end": Crash(
        "close_stream when the stream has ended",
        f"Do not close a stream {_IN_END_CALLBACKS}.",
        ("close_stream",),
        END_CALLBACKS,
    ),
    "body_outside": Crash(
        "the body is used outside its callback after StopIterationAndWatermark or StopIterationNoBuffer",
        "Return StopIterationAndBuffer to use the body later, or keep a copy of it.",
        ("get_buffer_bytes", "set_buffer_bytes", "get_buffer_status"),
        certain=False,
    ),
}


def crashes_of(hostcalls: Iterable[str]) -> list[Crash]:
    """Return the crashes that a module can cause if it imports these hostcalls (names without `proxy_`)."""
    called = set(hostcalls)
    return [crash for crash in CRASHES.values() if not called.isdisjoint(crash.hostcalls)]
