"""Failure: why a VM runs nothing any more, in Envoy's words and in ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import LogLevel
from ...engine import Trap
from ...errors import FilterTrap, conclusion_of
from ..trace.records import EXCHANGE
from .hostcall_stubs import RestrictedCallback

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["Failure", "fail", "words_of"]


@dataclass
class Failure:
    """Why a VM failed.

    Attributes
    ----------
    callback
        Export that was running.
    context_id, exchange
        What it was about.
    message
        One line, as Envoy's log has it.
    traceback
        A Python filter's traceback, or an empty string.
    backtrace
        Wasm frames, or an empty string.
    exception
        What a native filter raised, with its traceback; None for one in Wasm.
    thread
        `main` or `worker-2`.
    """

    callback: str
    context_id: int
    exchange: int | None
    message: str
    traceback: str = ""
    backtrace: str = ""
    exception: BaseException | None = None
    thread: str = ""

    def error(self) -> FilterTrap:
        """The same as an exception."""
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


def words_of(trap: Trap) -> str:
    """What Envoy's log says of a trap; for what Envoy does not have (a deadline), what happened."""
    cause = trap.__cause__
    if isinstance(cause, RestrictedCallback):
        return "Uncaught Error: restricted_callback"
    if cause is not None:
        return f"stopped by a fault of the simulator: {trap.message}"
    if trap.kind == "stack":
        return f"Uncaught RangeError: {trap.message}"
    if trap.kind == "deadline":
        return f"stopped: {trap.message}"  # in Envoy the worker would hang
    return f"Uncaught RuntimeError: {trap.message}"


def fail(vm: Vm, record: list[Any], name: str, message: str, backtrace: str) -> None:
    """Mark a VM as failed, and say so as Envoy does."""
    context = vm.current
    exchange = context.exchange if context.exchange is not None else record[EXCHANGE]
    words = vm.last_critical[1] if vm.last_critical[0] is record else ""
    vm.failed = True
    if vm.failure is None:
        vm.failure = Failure(name, context.id, exchange, message, words, backtrace, thread=vm.thread.name)
    text = f"Function: {name} failed: {message}"
    if backtrace:
        frames = "\n".join(f"  {line}" for line in backtrace.splitlines())
        text += f"\nProxy-Wasm plugin in-VM backtrace:\n{frames}"
    about = {"exchange": exchange, "vm": vm.number, "context": context.id, "time": vm.now()}
    vm.server.say(LogLevel.ERROR, text, vm.thread, **about)
    vm.note("failed", callback=name, message=message)
