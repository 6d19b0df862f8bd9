"""Hostcalls for shared data and queues, which are implemented in `..shared_state.shared_data`."""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..contexts.root import RootContext

__all__ = [
    "dequeue_shared_queue",
    "enqueue_shared_queue",
    "get_shared_data",
    "register_shared_queue",
    "resolve_shared_queue",
    "set_shared_data",
]


def get_shared_data(context: Context, key: bytes) -> tuple[int, bytes | None, int | None]:
    """Return the status, the value of a key, and its compare-and-swap number."""
    vm = context.vm
    entry = vm.server.shared.get(vm.settings.vm_id, key)
    return (Status.NOT_FOUND, None, None) if entry is None else (0, *entry)


def set_shared_data(context: Context, key: bytes, value: bytes, cas: int) -> int:
    """Store a value under a key. If `cas` isn't 0, it must be the key's compare-and-swap number."""
    vm = context.vm
    return vm.server.shared.set(vm.settings.vm_id, key, value, cas)


def register_shared_queue(context: Context, name: bytes) -> tuple[int, int | None]:
    """Register this root context as the receiver of a queue. Return the status and the token.

    The queue is created if necessary.
    """
    vm, root = context.vm, context.root
    notify = root.queue_ready if isinstance(root, RootContext) else lambda _token: None
    token = vm.server.shared.register(vm.settings.vm_id, name, notify, f"{vm.thread.name} VM{vm.number}")
    return (Status.INTERNAL_FAILURE, None) if token is None else (0, token)


def resolve_shared_queue(context: Context, vm_id: bytes, name: bytes) -> tuple[int, int | None]:
    """Return the status and the token of a queue. If `vm_id` is empty, the VM's own vm_id is used."""
    vm = context.vm
    token = vm.server.shared.resolve(vm_id or vm.settings.vm_id, name)
    return (Status.NOT_FOUND, None) if token is None else (0, token)


def enqueue_shared_queue(context: Context, token: int, item: bytes) -> int:
    """Append an item to a queue. The receiver is notified after this callback."""
    return context.vm.server.shared.enqueue(token, item)


def dequeue_shared_queue(context: Context, token: int) -> tuple[int, bytes]:
    """Remove the oldest item of a queue. Return the status and the item."""
    return context.vm.server.shared.dequeue(token)
