"""Watching of values in the shared data for changes.

Proxies don't report writes to shared data, and a queue notifies only the VM that registered it last. So each VM reads the
watched value on its plugin's tick. A new compare-and-swap number means that the value has been written.
"""

from collections.abc import Callable
from typing import Any

from ..errors import NotFound
from ..interfaces import ContextInterface, VMInterface

__all__ = ["Watch"]


class Watch:
    """A watched value of the shared data, returned by `SharedData.watch`.

    Attributes
    ----------
    value
        The latest value, parsed, or None if the key has no value yet.
    """

    __slots__ = ("_cas", "_changed", "_every", "_parse", "_plugin", "_read", "_timer", "_vm", "value")

    def __init__(
        self,
        vm: VMInterface,
        plugin: ContextInterface,
        read: Callable[[], tuple[bytes, int]],
        changed: Callable[[Any], object] | None,
        parse: Callable[[bytes], Any] | None,
        every: float,
    ) -> None:
        self.value: Any = None
        self._vm, self._plugin, self._read = vm, plugin, read
        self._changed, self._parse, self._every = changed, parse, every
        self._cas = 0
        self._timer: Any = None
        self._check()

    def stop(self) -> None:
        """Stop watching. The attribute `value` keeps the latest value."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        """Read the value, and schedule the next read."""
        self._timer = self._vm.timers.of(self._plugin).call_later(self._every, self._check)
        self._vm.enter(self._plugin)
        try:
            data, cas = self._read()
        except NotFound:
            return
        if cas != self._cas:
            self._cas = cas
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Parse and store a new value. If it can't be parsed, log the exception and keep the old value."""
        try:
            value = data if self._parse is None else self._parse(data)
        except Exception as error:  # noqa: BLE001 -- any exception of the author's function
            self._vm.report(error)
            return
        self.value = value
        if self._changed is not None:
            self._changed(value)

    def __repr__(self) -> str:
        return f"<Watch of {self.value!r}>"
