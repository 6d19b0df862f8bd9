"""Failures of VMs, with their causes, Envoy's texts, and the tracebacks of filters."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine import Trap
from ...errors import FilterTrap, conclusion_of

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
    traceback: str = ""
    backtrace: str = ""
    exception: BaseException | None = None
    thread: str = ""
    injected: bool = False

    def error(self) -> FilterTrap:
        """Return the failure as an exception to raise."""
        text = f"{self.callback} failed: {self.message}"
        if self.traceback:
            text = f"{self.callback} failed: {conclusion_of(self.traceback)}"
        error = FilterTrap(
            text,
            callback=self.callback,
            context_id=self.context_id,
            traceback=self.traceback,
            thread=self.thread,
            exchange=self.exchange,
        )
        error.__cause__ = self.exception
        return error


def configuration_advice(error: FilterTrap, config: object) -> str:
    """Return advice for a filter that failed because its configuration is missing, or an empty string."""
    looked = conclusion_of(error.traceback).startswith("KeyError") and ".config[" in error.traceback
    return (
        ""
        if config or not looked
        else "\nThe plugin has no configuration. Pass one with --config or Plugin(config=...)."
    )


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
