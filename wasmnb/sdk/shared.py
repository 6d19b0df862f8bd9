"""What workers share: data by key with compare-and-swap, and queues.

Facts: both are kept per vm_id, in the whole process. A cas number of 0 writes always; another writes only if nobody
wrote since, except that a missing key is always written. Data cannot be deleted. A queue notifies the VM that registered
it last; any VM that knows its token may take items.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import NoReturn

from ..abi import Status
from .errors import CasMismatch, Empty, NotFound
from .messages.encoding import Text, Value, decode, encode
from .vm import current_vm

__all__ = ["Queue", "SharedData", "register_queue", "resolve_queue", "shared_data"]

#: How often `update` tries again before it gives up; workers take turns, so a handful is already rare.
_ATTEMPTS = 100


class SharedData(MutableMapping[Text, bytes]):
    """The data that all workers share, as a mapping from names to bytes. Keys cannot be listed or deleted."""

    __slots__ = ()

    def read(self, key: Text) -> tuple[bytes, int]:
        """The value and its cas number; `NotFound` if nothing has been stored."""
        value, cas = current_vm().call("get_shared_data", encode(key), about=repr(key))
        return value, cas

    def write(self, key: Text, value: Value, cas: int = 0) -> None:
        """Store a value; with a cas number from `read`, only if nobody wrote since (else `CasMismatch`)."""
        current_vm().call("set_shared_data", encode(key), encode(value), cas, about=repr(key))

    def update(self, key: Text, change: Callable[[bytes | None], Value]) -> bytes:  # type: ignore[override]
        """Change a value as one step: `change` gets the old one (None if there is none) and gives the new one.

        It is called again if another worker wrote in between, so it should have no other effect.
        """
        for _ in range(_ATTEMPTS):
            try:
                old, cas = self.read(key)
            except NotFound:
                old, cas = None, 0
            new = _encode_changed(change(old), key)
            try:
                self.write(key, new, cas)
            except CasMismatch:
                continue
            return new
        raise CasMismatch(
            f"shared data {key!r} was written by others, or by the change itself, {_ATTEMPTS} times in a row",
            "set_shared_data",
            Status.CAS_MISMATCH,
        )

    def add(self, key: Text, by: int = 1) -> int:
        """Add to a number that is kept as text, from 0 if there is none; the new number."""

        def added(old: bytes | None) -> int:
            try:
                return int(old or b"0") + by
            except ValueError:
                raise ValueError(f"shared data {key!r} is no number that could be added to, but {old!r}") from None

        return int(self.update(key, added))

    def __getitem__(self, key: Text) -> bytes:
        try:
            return self.read(key)[0]
        except NotFound:
            raise KeyError(key) from None

    def __setitem__(self, key: Text, value: Value) -> None:
        self.write(key, value)

    def __delitem__(self, key: Text) -> NoReturn:
        raise TypeError("shared data cannot be deleted: Proxy-Wasm has no such hostcall; store an empty value instead")

    def __iter__(self) -> NoReturn:
        raise TypeError("the keys of shared data cannot be listed: Proxy-Wasm has no such hostcall")

    def __len__(self) -> NoReturn:
        raise TypeError("the keys of shared data cannot be counted: Proxy-Wasm has no such hostcall")

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "<shared data>"


def _encode_changed(value: Value, key: Text) -> bytes:
    try:
        return encode(value)
    except TypeError as error:
        raise TypeError(f"the change of shared data {key!r} has to return the new value: {error}") from None


#: The shared data of the current VM.
shared_data = SharedData()


class Queue:
    """A queue that VMs share. `put`, `get_nowait`, and `await queue.get()` in an `async def` callback."""

    __slots__ = ("id", "name")

    def __init__(self, queue_id: int, name: str) -> None:
        self.id = queue_id
        self.name = name

    def put(self, item: Value) -> None:
        """Append an item; the VM that registered the queue is told later."""
        current_vm().call("enqueue_shared_queue", self.id, encode(item), about=repr(self.name))

    def get_nowait(self) -> bytes:
        """Take the first item; `Empty` if there is none."""
        return current_vm().call("dequeue_shared_queue", self.id, about=repr(self.name))  # type: ignore[no-any-return]

    def drain(self) -> list[bytes]:
        """Take all items."""
        items = []
        while True:
            try:
                items.append(self.get_nowait())
            except Empty:
                return items

    def get(self) -> Awaitable[bytes]:
        """`await queue.get()`: the next item, in the VM that registered the queue."""
        from .tasks.awaitables import queue_item

        return queue_item(current_vm(), self)

    def __repr__(self) -> str:
        return f"Queue({self.name!r}, id={self.id})"


def register_queue(name: Text) -> Queue:
    """Open or make a queue of the own vm_id and become the one that `on_queue_ready` is called on."""
    return Queue(current_vm().call("register_shared_queue", encode(name), about=repr(name)), decode(encode(name)))


def resolve_queue(name: Text, vm_id: Text = "") -> Queue:
    """Find a queue, of another vm_id if one is given; `NotFound` if it has not been registered."""
    found = current_vm().call("resolve_shared_queue", encode(vm_id), encode(name), about=repr(name))
    return Queue(found, decode(encode(name)))
