"""State that workers share: data by key with compare-and-swap, and queues.

Facts: both belong to a vm_id, and live as long as the process. A write with cas number 0 always succeeds; with another number
it succeeds only if nobody has written since, or if the key is missing. Data can't be deleted. A queue notifies the VM that
registered it last; any VM that knows its token may take items.
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

#: Attempts of `update` before it gives up. It rarely needs more than a few.
_ATTEMPTS = 100


class SharedValue(NamedTuple):
    """A value of the shared data.

    Attributes
    ----------
    value
        The bytes.
    cas
        Compare-and-swap number, for `SharedData.write`.
    """

    value: bytes
    cas: int


class SharedData(MutableMapping[Text, bytes]):
    """The data that all workers of a vm_id share, as a mapping from names to bytes. Keys can't be listed or deleted."""

    __slots__ = ()

    def read(self, key: Text) -> SharedValue:
        """Read a value with its cas number.

        Parameters
        ----------
        key
            Name of the value.

        Returns
        -------
        SharedValue
            The bytes and the cas number.

        Raises
        ------
        NotFound
            The key has no value.
        """
        return SharedValue(*current_vm().call("get_shared_data", encode(key), about=repr(key)))

    def write(self, key: Text, value: Value, cas: int = 0) -> None:
        """Store a value.

        Parameters
        ----------
        key
            Name of the value.
        value
            Text, bytes or an int, which is stored as text.
        cas
            Number from `read`, to write only if nobody has written since (default 0: write always).

        Raises
        ------
        CasMismatch
            Another write has happened since.
        """
        current_vm().call("set_shared_data", encode(key), encode(value), cas, about=repr(key))

    def update(self, key: Text, change: Callable[[bytes | None], Value]) -> bytes:  # type: ignore[override]
        """Change a value atomically.

        Parameters
        ----------
        key
            Name of the value.
        change
            Function that takes the current value, or None if there is none, and returns the new value. It is called
            again if another worker changes the value in the meantime, so it should not have side effects.

        Returns
        -------
        bytes
            The new value.

        Raises
        ------
        CasMismatch
            Other workers wrote first 100 times in a row.
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
        """Add to a number, atomically.

        Parameters
        ----------
        key
            Name of the value, which holds the number as text; a missing value counts as 0.
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
                raise ValueError(f"shared data {key!r} is not a number: {old!r}") from None

        return int(self.update(key, added))

    def watch(
        self,
        key: Text,
        changed: Callable[[Any], object] | None = None,
        *,
        parse: Callable[[bytes], Any] | None = None,
        every: float = 1.0,
    ) -> Watch:
        """Follow a value in this VM: read it now, and then periodically, whoever writes it.

        Call this in `on_plugin_start`, which runs on every worker, so that all workers follow the value. A queue can't do
        that: it notifies only one VM.

        Parameters
        ----------
        key
            Name of the value.
        changed
            Called with the new value after each change (default None: not called).
        parse
            Function that converts the bytes to the value, such as `json.loads` (default None: the value is the bytes). If it
            fails, its exception is logged, and the old value stays.
        every
            Seconds between two reads (default 1).

        Returns
        -------
        Watch
            Its `value` is the current value, or None if there is none yet. `stop()` ends it.
        """
        vm = current_vm()
        if vm.active is None:
            raise RuntimeError("shared_data.watch() needs a plugin: call it in on_plugin_start")
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
            "shared data can't be deleted, since Proxy-Wasm has no such hostcall: store an empty value instead"
        )

    def __iter__(self) -> NoReturn:
        raise TypeError("the keys of shared data can't be listed, since Proxy-Wasm has no such hostcall")

    def __len__(self) -> NoReturn:
        raise TypeError("the keys of shared data can't be counted, since Proxy-Wasm has no such hostcall")

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
    """A queue that VMs share: `put`, `get_nowait`, and `await queue.get()` in an `async def` callback.

    Parameters
    ----------
    queue_id
        The queue's token. `register_queue` and `resolve_queue` create queues by name.
    name
        Name of the queue, for messages.

    Attributes
    ----------
    id
        The queue's token: the argument of `on_queue_ready`.
    """

    __slots__ = ("id", "name")

    def __init__(self, queue_id: int, name: str) -> None:
        self.id = queue_id
        self.name = name

    def put(self, item: Value) -> None:
        """Append an item (text, bytes or an int). The VM that registered the queue is notified later."""
        current_vm().call("enqueue_shared_queue", self.id, encode(item), about=repr(self.name))

    def get_nowait(self) -> bytes:
        """Remove and return the first item. Raises `Empty` if there is none."""
        return current_vm().call("dequeue_shared_queue", self.id, about=repr(self.name))  # type: ignore[no-any-return]

    def drain(self) -> list[bytes]:
        """Remove and return all items."""
        items = []
        while True:
            try:
                items.append(self.get_nowait())
            except Empty:
                return items

    def get(self) -> Awaitable[bytes]:
        """Wait for the next item, remove and return it: `await queue.get()`, in the VM that registered the queue."""
        return QueueItem(self.id, self.get_nowait)

    def __repr__(self) -> str:
        return f"Queue({self.name!r}, id={self.id})"


def register_queue(name: Text) -> Queue:
    """Open or create a queue of this VM's vm_id. From now on, `on_queue_ready` of this plugin is called for its items.

    A queue has one receiver: if several workers register it, only the last of them is notified, once for each item.
    To give a value to all workers, write it to the shared data and follow it with `shared_data.watch`.

    Parameters
    ----------
    name
        Name of the queue.
    """
    return Queue(current_vm().call("register_shared_queue", encode(name), about=repr(name)), decode(encode(name)))


def resolve_queue(name: Text, vm_id: Text = "") -> Queue:
    """Find a queue that has been registered.

    Parameters
    ----------
    name
        Name of the queue.
    vm_id
        The vm_id that the queue belongs to (default: this VM's).

    Raises
    ------
    NotFound
        No VM has registered the queue.
    """
    queue_id = current_vm().call("resolve_shared_queue", encode(vm_id), encode(name), about=repr(name))
    return Queue(queue_id, decode(encode(name)))
