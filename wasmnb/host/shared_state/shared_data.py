"""Shared data and queues, which all VMs with the same vm_id share on all threads.

In Envoy 1.40, each vm_id, which can be empty, has its own data and queues. Compare-and-swap numbers are counted for the whole
process. A write that fails uses no number, and writing a missing key succeeds with any number. Queue tokens are counted from 1
for the whole process and are never reused. A queue notifies the VM that registered it last, once for every item, in a separate
event on this VM's thread. The data and queues of a vm_id are dropped with its last VM.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..._display import Shown
from ...abi import Status
from ...messages import to_bytes
from .storage import OVERHEAD, StorageBudget

__all__ = ["SharedData", "SharedEntry", "SharedQueue", "SharedState"]

DataKey = tuple[bytes, bytes]

#: Approximate size in bytes of a queue without its name and items.
_QUEUE = 3 * OVERHEAD


@dataclass
class SharedQueue:
    """A shared queue of one vm_id.

    Attributes
    ----------
    notify
        Function called for every new item, or None if the queue has no receiver.
    receiver
        Thread and VM of the receiver, as text for views.
    replaced
        Earlier receivers, which are no longer notified because another VM has registered the queue later.
    """

    token: int
    vm_id: bytes
    name: bytes
    items: deque[bytes] = field(default_factory=deque)
    notify: Callable[[int], None] | None = None
    receiver: str = ""
    replaced: set[str] = field(default_factory=set)


class SharedEntry(NamedTuple):
    """An entry of shared data, as `SharedData.entries` returns it.

    Attributes
    ----------
    vm_id, key, value
        The `vm_id` that the entry belongs to, its key and its value.
    cas
        Compare-and-swap number, which every write increases.
    """

    vm_id: bytes
    key: bytes
    value: bytes
    cas: int


class SharedState:
    """All shared data and queues of a proxy."""

    def __init__(self, storage: StorageBudget | None = None) -> None:
        self._storage = storage or StorageBudget(sys.maxsize)
        self.data: dict[DataKey, tuple[bytes, int]] = {}
        self.queues: dict[int, SharedQueue] = {}
        self._tokens: dict[DataKey, int] = {}
        self._cas = self._token = 0
        self._users: dict[bytes, int] = {}

    # -- data ---------------------------------------------------------------------------------------------------

    def get(self, vm_id: bytes, key: bytes) -> tuple[bytes, int] | None:
        """Return the value of a key and its compare-and-swap number, or None if the key doesn't exist."""
        return self.data.get((vm_id, key))

    def set(self, vm_id: bytes, key: bytes, value: bytes, cas: int = 0) -> int:
        """Store a value under a key. Return the status.

        Parameters
        ----------
        cas
            Compare-and-swap number that the stored value must have. With 0 (the default), any number is accepted.
        """
        stored = self.data.get((vm_id, key))
        if stored is not None and cas and cas != stored[1]:
            return Status.CAS_MISMATCH
        growth = len(value) - len(stored[0]) if stored is not None else OVERHEAD + len(key) + len(value)
        if not self._storage.take(growth):
            return Status.INTERNAL_FAILURE
        self._cas += 1
        self.data[vm_id, key] = (value, self._cas)  # a plain tuple, because hostcalls write it
        return Status.OK

    # -- queues -------------------------------------------------------------------------------------------------

    def register(self, vm_id: bytes, name: bytes, notify: Callable[[int], None], receiver: str = "") -> int | None:
        """Register the receiver of a queue, and create the queue if necessary. Return its token, or None if storage is full."""
        token = self._tokens.get((vm_id, name))
        if token is None:
            if not self._storage.take(_QUEUE + len(name)):
                return None
            self._token += 1
            token = self._tokens[vm_id, name] = self._token
            self.queues[token] = SharedQueue(token, vm_id, name)
        queue = self.queues[token]
        queue.replaced = (queue.replaced | {queue.receiver}) - {"", receiver}
        queue.notify, queue.receiver = notify, receiver
        return token

    def resolve(self, vm_id: bytes, name: bytes) -> int | None:
        """Return the token of a queue, or None if the queue doesn't exist."""
        token = self._tokens.get((vm_id, name))
        return token if token in self.queues else None

    def enqueue(self, token: int, item: bytes) -> int:
        """Append an item to a queue and notify its receiver. Return the status."""
        queue = self.queues.get(token)
        if queue is None:
            return Status.NOT_FOUND
        if not self._storage.take(OVERHEAD + len(item)):
            return Status.INTERNAL_FAILURE
        queue.items.append(item)
        if queue.notify is not None:
            queue.notify(token)
        return Status.OK

    def dequeue(self, token: int) -> tuple[int, bytes]:
        """Remove the oldest item of a queue. Return the status and the item."""
        queue = self.queues.get(token)
        if queue is None:
            return Status.NOT_FOUND, b""
        if not queue.items:
            return Status.EMPTY, b""
        item = queue.items.popleft()
        self._storage.give(OVERHEAD + len(item))
        return Status.OK, item

    # -- lifetime -----------------------------------------------------------------------------------------------

    def hold(self, vm_id: bytes) -> None:
        """Count a new VM with this vm_id."""
        self._users[vm_id] = self._users.get(vm_id, 0) + 1

    def release(self, vm_id: bytes) -> None:
        """Stop counting a VM with this vm_id. If no other VM has this vm_id, drop its data and queues."""
        self._users[vm_id] = self._users.get(vm_id, 1) - 1
        if self._users[vm_id] <= 0:
            for key in [key for key in self.data if key[0] == vm_id]:
                self._storage.give(OVERHEAD + len(key[1]) + len(self.data.pop(key)[0]))
            for key in [key for key in self._tokens if key[0] == vm_id]:
                queue = self.queues.pop(self._tokens.pop(key))
                self._storage.give(_QUEUE + len(key[1]) + sum(OVERHEAD + len(item) for item in queue.items))


class SharedData(Shown, Mapping[str, bytes]):
    """The shared data of a proxy as a read-only mapping from keys to values.

    Parameters
    ----------
    state
        The shared state of a proxy.
    vm_id
        The vm_id whose data the mapping contains. By default, the mapping contains the data of all vm_ids.
    """

    def __init__(self, state: SharedState, vm_id: str | bytes | None = None) -> None:
        self._state = state
        self._vm_id = None if vm_id is None else to_bytes(vm_id)

    def of(self, vm_id: str | bytes) -> SharedData:
        """Return the shared data of one vm_id."""
        return SharedData(self._state, vm_id)

    def _entries(self) -> dict[str, tuple[bytes, int]]:
        return {
            key.decode("utf-8", "surrogateescape"): entry
            for (vm_id, key), entry in self._state.data.items()
            if self._vm_id is None or vm_id == self._vm_id
        }

    def __getitem__(self, key: str | bytes) -> bytes:
        return self._entries()[to_bytes(key).decode("utf-8", "surrogateescape")][0]

    def cas(self, key: str | bytes) -> int:
        """Return the compare-and-swap number of a key."""
        return self._entries()[to_bytes(key).decode("utf-8", "surrogateescape")][1]

    def entries(self) -> list[SharedEntry]:
        """Return every entry with its vm_id, key, value and compare-and-swap number."""
        data = self._state.data.items()
        return [SharedEntry(vm_id, key, *entry) for (vm_id, key), entry in data if self._vm_id in (None, vm_id)]

    def queues(self) -> list[SharedQueue]:
        """Return the shared queues of the vm_id, or of all vm_ids."""
        return [q for q in self._state.queues.values() if self._vm_id in (None, q.vm_id)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())

    def __repr__(self) -> str:
        return f"SharedData({ {k: v[0] for k, v in self._entries().items()}!r})"
