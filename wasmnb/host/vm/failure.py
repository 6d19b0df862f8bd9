"""Failures of VMs: their causes, Envoy's texts, and the filters' tracebacks."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine import Trap
from ...errors import FilterTrap, conclusion_of

__all__ = ["Failure", "RestrictedCallback", "configuration_advice", "envoy_text"]


class RestrictedCallback(Exception):
    """Exception for a hostcall that the guest must not make in this phase: in an entry point or in its allocator."""

    def __init__(self, name: str, phase: str) -> None:
        super().__init__(f"{name} may not be called in {phase}")
        self.name = name


@dataclass
class Failure:
    """Why a VM failed.

    Attributes
    ----------
    callback
        Name of the export that was running.
    context_id, exchange
        Id of its context, and number of the exchange to which it belonged (None for root contexts).
    message
        The failure in one line, as in Envoy's log.
    traceback
        A Python filter's traceback, or an empty string.
    backtrace
        Wasm stack frames, or an empty string.
    exception
        Exception that a native filter raised, with its traceback; None for a filter in Wasm.
    thread
        Name of the thread, such as `main` or `worker-2`.
    injected
        Whether `inject_trap` caused it.
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
        """Return the failure as an exception."""
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
    """Return advice if a filter failed because it found no configuration, or an empty string."""
    looked = conclusion_of(error.traceback).startswith("KeyError") and ".config[" in error.traceback
    return (
        ""
        if config or not looked
        else "\nThe plugin has no configuration: give it one with --config or Plugin(config=...)."
    )


def envoy_text(trap: Trap) -> str:
    """Return Envoy's text for a trap, or another text for traps that Envoy doesn't have, such as the deadline."""
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
