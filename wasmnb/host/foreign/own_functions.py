"""Foreign functions that a test registers, and the callback `on_foreign_function` that they may run.

Envoy registers its functions in C++, and never runs the callback itself; other proxies do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import Status
from ...errors import UsageError
from ...messages import Text, to_bytes

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["ForeignCall", "call_own", "run_callback"]


@dataclass(frozen=True)
class ForeignCall:
    """A call of a foreign function by a filter.

    Attributes
    ----------
    arguments
        The arguments, in the function's own format.
    context
        The context that called.
    """

    arguments: bytes
    context: Context

    @property
    def worker(self) -> int:
        """Number of the worker, 0 for the main thread."""
        return self.context.vm.thread.number

    @property
    def exchange(self) -> int | None:
        """Number of the exchange; None for a call of a plugin context."""
        return self.context.exchange

    def run_callback(self, function_id: int, data: Text = b"", *, after: float = 0.0) -> None:
        """Run `on_foreign_function` of the context that called, once its callback has returned.

        Parameters
        ----------
        function_id
            The number of the function, which host and module agree on.
        data
            Its arguments, which the callback reads from the buffer CALL_DATA.
        after
            Virtual seconds until then (0). A context that has ended by then isn't called.
        """
        vm, raw = self.context.vm, to_bytes(data)
        if after:
            vm.clock.call_later(after, vm.thread, lambda: run_callback(self.context, function_id, raw))
        else:
            vm.clock.call_soon(vm.thread, lambda: run_callback(self.context, function_id, raw))


def call_own(function: Callable[[ForeignCall], Any], context: Context, arguments: bytes) -> tuple[int, bytes]:
    """Call a test's function.

    Raises
    ------
    UsageError
        It returned something else than bytes, text, None or a status. The filter traps with this message, and with that of
        any exception of the function.
    """
    result = function(ForeignCall(arguments, context))
    match result:
        case None:
            return Status.OK, b""
        case Status():
            return int(result), b""
        case bytes() | str():
            return Status.OK, to_bytes(result)
    raise UsageError(f"A foreign function returns bytes, text, None or a Status, not {type(result).__name__}.")


def run_callback(context: Context, function_id: int, data: bytes) -> None:
    """Run `on_foreign_function` of a context, unless it has ended or its module doesn't have the callback."""
    vm = context.vm
    invoke = vm.callbacks.get("on_foreign_function")
    if invoke is None or vm.closed or vm.failed or context.id not in vm.contexts:
        return
    vm.buffers.call_data = data
    try:
        vm.notify(invoke, context, context.id, function_id, len(data))
    finally:
        vm.buffers.call_data = b""
