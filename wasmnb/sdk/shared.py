"""Shared data and shared queues, through which workers exchange values.

Both belong to a vm_id and exist as long as the proxy runs. Shared data is a key-value store with compare-and-swap (cas). A
write with cas number 0 always succeeds. With any other number it succeeds only if the value hasn't been written since that
number was read, or if the key is missing. Keys can't be deleted. A queue notifies only the VM that registered it last, but any
VM that has the queue's token may remove items.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, NoReturn

from ..abi import Status
from .errors import CasMismatch, Empty, NotFound
from .messages.encoding import Text, Value, decode, encode
from .tasks.data_watch import Watch
from .tasks.queue_items import QueueItem
from .vm import current_vm

__all__ = ["Queue", "SharedData", "SharedValue", "register_queue", "resolve_queue", "shared_data"]

#: Number of attempts after which `update` raises. It rarely needs more than a few.
_ATTEMPTS = 100


class SharedValue(NamedTuple):
    """A value read from the shared data.

    Attributes
    ----------
    value
        The value as bytes.
    cas
        The value's compare-and-swap number, which you can pass to `SharedData.write`.
    """

    value: bytes
    cas: int


class SharedData(MutableMapping[Text, bytes]):
    """Key-value store shared by all workers of a vm_id, as a mapping from keys to bytes. Keys can't be listed or deleted."""

    __slots__ = ()

    def read(self, key: Text) -> SharedValue:
        """Read a value and its compare-and-swap number.

        Parameters
        ----------
        key
            Key of the value.

        Returns
        -------
        SharedValue
            The value as bytes, and its compare-and-swap number.

        Raises
        ------
        NotFound
            No value is stored under this key.
        """
        return SharedValue(*current_vm().call("get_shared_data", encode(key), subject=repr(key)))

    def write(self, key: Text, value: Value, cas: int = 0) -> None:
        """Store a value, optionally only if it hasn't changed since you read it.

        Parameters
        ----------
        key
            Key of the value.
        value
            Text, bytes or an int. Ints are stored as text.
        cas
            Compare-and-swap number from `read`. The value is written only if it hasn't been changed since then (default 0:
            always write).

        Raises
        ------
        CasMismatch
            The value has been changed since `read` returned this number.
        """
        current_vm().call("set_shared_data", encode(key), encode(value), cas, subject=repr(key))

    def update(self, key: Text, change: Callable[[bytes | None], Value]) -> bytes:  # type: ignore[override]
        """Change a value atomically.

        Parameters
        ----------
        key
            Key of the value.
        change
            Function that receives the current value (None if there is none) and returns the new one. It is called again if
            another worker changes the value in the meantime, so it should have no side effects.

        Returns
        -------
        bytes
            The new value.

        Raises
        ------
        CasMismatch
            All 100 attempts failed because another worker changed the value first.
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
            f"shared data {key!r} was not updated: it was changed during each of {_ATTEMPTS} attempts, by another worker or by "
            "the function in change=. Make sure that this function doesn't write the key",
            "set_shared_data",
            Status.CAS_MISMATCH,
        )

    def add(self, key: Text, by: int = 1) -> int:
        """Add to a stored number atomically.

        Parameters
        ----------
        key
            Key of the number, which is stored as text. A missing value counts as 0.
        by
            Number to add (default 1).

        Returns
        -------
        int
            The new number.
        """

        def added(old: bytes | None) -> int:
            try:
                return int(old or b"0") + by
            except ValueError:
                raise ValueError(
                    f"shared data {key!r} is not a number: {old!r}. Store an int under this key before you call add()."
                ) from None

        return int(self.update(key, added))

    def watch(
        self,
        key: Text,
        changed: Callable[[Any], object] | None = None,
        *,
        parse: Callable[[bytes], Any] | None = None,
        every: float = 1.0,
    ) -> Watch:
        """Watch a value for changes made by any worker. It is read immediately, and then periodically.

        Call this in `on_plugin_start`, which runs on every worker, so that all workers watch the value. (A queue notifies only
        one VM.)

        Parameters
        ----------
        key
            Key of the value.
        changed
            Function that is called with the new value after each change (default None: no function).
        parse
            Function that converts the bytes, such as `json.loads` (default None: keep the bytes). If it raises, the exception
            is logged and the old value stays in use.
        every
            Seconds between two reads (default 1).

        Returns
        -------
        Watch
            Its attribute `value` is the latest value, or None if there is none yet. Its method `stop()` ends the watch.
        """
        vm = current_vm()
        if vm.active is None:
            raise RuntimeError("shared_data.watch() was called while no plugin is active. Call it in on_plugin_start.")
        plugin = getattr(vm.active, "plugin", vm.active)
        return Watch(vm, plugin, lambda: self.read(key), changed, parse, every)

    def __getitem__(self, key: Text) -> bytes:
        try:
            return self.read(key)[0]
        except NotFound:
            raise KeyError(key) from None

    def __setitem__(self, key: Text, value: Value) -> None:
        self.write(key, value)

    def __delitem__(self, key: Text) -> NoReturn:
        raise TypeError(
            f"shared data {key!r} can't be deleted, because Proxy-Wasm has no hostcall for it. Store an empty value instead."
        )

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "the keys of shared data can't be listed, because Proxy-Wasm has no hostcall for it. Store a list of keys yourself."
        )

    def __len__(self) -> NoReturn:
        raise TypeError(
            "the keys of shared data can't be counted, because Proxy-Wasm has no hostcall for it. Store their number yourself."
        )

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "<shared data>"


def _encode_changed(value: Value, key: Text) -> bytes:
    try:
        return encode(value)
    except TypeError as error:
        raise TypeError(f"the function that changes shared data {key!r} must return the new value: {error}") from None


#: The shared data of the current VM.
shared_data = SharedData()


class Queue:
    """A queue through which VMs exchange items. `register_queue` and `resolve_queue` return queues.

    Parameters
    ----------
    queue_id
        The proxy's token for the queue.
    name
        Name of the queue, used in error messages.

    Attributes
    ----------
    id
        The proxy's token for the queue, which `on_queue_ready` receives as its argument.
    """

    __slots__ = ("id", "name")

    def __init__(self, queue_id: int, name: str) -> None:
        self.id = queue_id
        self.name = name

    def put(self, item: Value) -> None:
        """Append `item` (text, bytes or an int). The proxy then calls `on_queue_ready` in the VM that registered the queue."""
        current_vm().call("enqueue_shared_queue", self.id, encode(item), subject=repr(self.name))

    def get_nowait(self) -> bytes:
        """Remove and return the first item. Raises `Empty` if there is none."""
        return current_vm().call("dequeue_shared_queue", self.id, subject=repr(self.name))  # type: ignore[no-any-return]

    def drain(self) -> list[bytes]:
        """Remove and return all items."""
        items = []
        while True:
            try:
                items.append(self.get_nowait())
            except Empty:
                return items

    def get(self) -> Awaitable[bytes]:
        """Wait for the next item, then remove and return it. Use `await queue.get()` in the VM that registered the queue."""
        return QueueItem(self.id, self.get_nowait)

    def __repr__(self) -> str:
        return f"Queue({self.name!r}, id={self.id})"


def register_queue(name: Text) -> Queue:
    """Create or open a queue, and make this plugin its receiver: `on_queue_ready` is called for each new item.

    A queue has one receiver. If several workers register the same queue, only the last one is notified. To send a value to
    all workers, write it to the shared data and watch it there with `shared_data.watch`.

    Parameters
    ----------
    name
        Name of the queue.

    Returns
    -------
    Queue
        The queue.
    """
    return Queue(current_vm().call("register_shared_queue", encode(name), subject=repr(name)), decode(encode(name)))


def resolve_queue(name: Text, vm_id: Text = "") -> Queue:
    """Find a queue that another VM (or this one) has registered, so that you can put items into it.

    Parameters
    ----------
    name
        Name of the queue.
    vm_id
        vm_id of the VM that registered the queue (default: this VM's vm_id).

    Returns
    -------
    Queue
        The queue.

    Raises
    ------
    NotFound
        No VM with this vm_id has registered the queue.
    """
    queue_id = current_vm().call("resolve_shared_queue", encode(vm_id), encode(name), subject=repr(name))
    return Queue(queue_id, decode(encode(name)))
