"""Hostcalls for the effective context, the end of a root context, and the status of its last callout.

In Envoy 1.40, `set_effective_context` accepts any context of the VM, and 0 for the current one. `done` only works for a root
context whose `on_done` returned 0. The status code of the last callout remains available. Its message is available only in the
callback.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..contexts.root import RootContext

__all__ = ["done", "get_status", "set_effective_context"]


def set_effective_context(context: Context, number: int) -> int:
    """Make later hostcalls of this callback act on another context."""
    vm = context.vm
    target = vm.contexts.get(number) if number else vm.entry.current
    if target is None:
        return Status.BAD_ARGUMENT
    vm.entry.effective = target
    return Status.OK


def done(context: Context) -> int:
    """End a root context whose `on_done` returned 0."""
    return context.done() if isinstance(context, RootContext) else Status.NOT_FOUND


def get_status(context: Context) -> tuple[int, int, bytes]:
    """Return the status, and the status code and message of the root context's last callout."""
    root = context.root
    code, message = root.status if isinstance(root, RootContext) else (0, b"")
    return 0, code, message
