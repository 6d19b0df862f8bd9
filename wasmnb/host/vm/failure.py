"""Failures of VMs, with their causes, Envoy's texts, and the tracebacks of filters."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine import Trap
from ...errors import FilterTrap
from ...parsing.tracebacks import conclusion_of, parse_traceback

__all__ = ["Failure", "RestrictedCallback", "configuration_advice", "envoy_text"]


class RestrictedCallback(Exception):
    """Error for a hostcall that isn't allowed while an entry point or the guest's allocator runs."""

    def __init__(self, name: str, phase: str) -> None:
        super().__init__(f"{name} can't be called in {phase}")
        self.name = name


@dataclass
class Failure:
    """Failure of a VM.

    Attributes
    ----------
    callback
        Name of the export that was running.
    context_id, exchange
        Id of the callback's context, and number of its exchange (None for root contexts).
    message
        The failure in one line, as in Envoy's log.
    kind
        Kind of the trap, as in `wasmnb.engine.Trap`, or `interrupt` if the user or an error of the host interrupted the guest.
    traceback
        Traceback of a Python filter, or an empty string.
    backtrace
        Wasm stack frames, or an empty string.
    exception
        Exception raised by a native filter, with its traceback. None for a filter in Wasm.
    thread
        Name of the thread, such as `main` or `worker-2`.
    injected
        Whether `inject_trap` caused the failure.
    """

    callback: str
    context_id: int
    exchange: int | None
    message: str
    kind: str
    traceback: str = ""
    backtrace: str = ""
    exception: BaseException | None = None
    thread: str = ""
    injected: bool = False

    @property
    def timed_out(self) -> bool:
        """Whether a callback ran for longer than its deadline, or executed more instructions than allowed."""
        return self.kind in ("deadline", "fuel")

    @property
    def reason(self) -> str:
        """Type and message of the Python exception, which can have several lines. For other failures, `message`."""
        return conclusion_of(self.traceback) if self.traceback else self.message

    def error(self, introduction: str = "", advice: str = "") -> FilterTrap:
        """Return the failure as an exception to raise.

        Parameters
        ----------
        introduction, advice
            Text before and after the message (default none).
        """
        error = FilterTrap(
            f"{introduction}{self.callback} failed: {self.reason}{advice}",
            callback=self.callback,
            context_id=self.context_id,
            traceback=self.traceback,
            thread=self.thread,
            exchange=self.exchange,
        )
        error.__cause__ = self.exception
        return error


def configuration_advice(failure: Failure, config: object) -> str:
    """Return advice for a filter that failed because its configuration is missing, or an empty string."""
    raised = parse_traceback(failure.traceback)
    if config or not raised or raised[-1].type != "KeyError":
        return ""
    looked = any(".config[" in frame.text for frame in raised[-1].frames)
    return "\nThe plugin has no configuration. Pass one with --config or Plugin(config=...)." if looked else ""


def envoy_text(trap: Trap) -> str:
    """Return Envoy's message for a trap. Traps that only the simulation has, such as the deadline, have their own message."""
    cause = trap.__cause__
    if isinstance(cause, RestrictedCallback):
        return "Uncaught Error: restricted_callback"
    if cause is not None:
        return f"stopped by an error of the simulator: {trap.message}"
    if trap.kind == "stack":
        return f"Uncaught RangeError: {trap.message}"
    if trap.kind == "deadline":
        return f"stopped: {trap.message}"  # in Envoy the worker would hang
    return f"Uncaught RuntimeError: {trap.message}"
