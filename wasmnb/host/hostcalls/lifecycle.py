"""The effective context, the end of a deferred root, and the status of a root's last call.

Facts (Envoy 1.40): `set_effective_context` takes any context of the VM, and 0 to return to the current one. `done` works
only on a root whose `on_done` returned 0. The status code of the last call stays, its message lasts for the callback.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..contexts.root import RootContext

__all__ = ["done", "get_status", "set_effective_context"]


def set_effective_context(context: Context, number: int) -> int:
    """Let the later hostcalls of this callback act on another context."""
    vm = context.vm
    target = vm.contexts.get(number) if number else vm.entry.current
    if target is None:
        return Status.BAD_ARGUMENT
    vm.entry.effective = target
    return Status.OK


def done(context: Context) -> int:
    """Finish a root whose `on_done` returned 0."""
    return context.done() if isinstance(context, RootContext) else Status.NOT_FOUND


def get_status(context: Context) -> tuple[int, int, bytes]:
    """Return code and message of the root's last call."""
    root = context.root
    code, message = root.status if isinstance(root, RootContext) else (0, b"")
    return 0, code, message
