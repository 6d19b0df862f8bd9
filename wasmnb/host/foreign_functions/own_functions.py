"""Foreign functions registered by a test, and the callback `on_foreign_function`, which they can run.

Envoy registers its functions in C++. It never runs the callback itself, but other proxies do.
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
    """A filter's call to a foreign function, passed to your function as its argument.

    Attributes
    ----------
    arguments
        Bytes passed by the filter. Each function defines its own format.
    context
        The context that called the function.
    """

    arguments: bytes
    context: Context

    @property
    def worker(self) -> int:
        """Number of the worker on which the filter runs, or 0 for the main thread."""
        return self.context.vm.thread.number

    @property
    def exchange(self) -> int | None:
        """Number of the exchange, or None if a plugin context called the function."""
        return self.context.exchange

    def run_callback(self, function_id: int, data: Text = b"", *, after: float = 0.0) -> None:
        """Run `on_foreign_function` of the context that called the function, after the context's current callback has returned.

        Parameters
        ----------
        function_id
            Number of the function. The host and the module must agree on its meaning.
        data
            Arguments of the callback, which it reads from the buffer CALL_DATA (default empty).
        after
            Virtual seconds until the callback runs (default 0). If the context has ended by then, the callback is skipped.
        """
        vm, raw = self.context.vm, to_bytes(data)
        if after:
            vm.clock.call_later(after, vm.thread, lambda: run_callback(self.context, function_id, raw))
        else:
            vm.clock.call_soon(vm.thread, lambda: run_callback(self.context, function_id, raw))


def call_own(function: Callable[[ForeignCall], Any], context: Context, arguments: bytes) -> tuple[int, bytes]:
    """Call a foreign function registered by a test. Return the status and the result.

    Raises
    ------
    UsageError
        The function returned a value that isn't bytes, text, None or a status. As with any exception raised by the function,
        the filter traps with the exception's message.
    """
    result = function(ForeignCall(arguments, context))
    match result:
        case None:
            return Status.OK, b""
        case Status():
            return int(result), b""
        case bytes() | str():
            return Status.OK, to_bytes(result)
    raise UsageError(f"A foreign function must return bytes, text, None or a Status, not {type(result).__name__}.")


def run_callback(context: Context, function_id: int, data: bytes) -> None:
    """Run `on_foreign_function` of a context. If the context has ended or its module doesn't export the callback, do
    nothing.
    """
    vm = context.vm
    invoke = vm.callbacks.get("on_foreign_function")
    if invoke is None or vm.closed or vm.failed or context.id not in vm.contexts:
        return
    vm.buffers.call_data = data
    try:
        vm.notify(invoke, context, context.id, function_id, len(data))
    finally:
        vm.buffers.call_data = b""
