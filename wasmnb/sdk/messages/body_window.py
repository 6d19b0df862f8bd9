"""The part of a held body that a waiting callback has seen.

Facts: while a stream is held, its body grows in one buffer; Envoy can change that buffer only at its start (replacing its
first bytes) or at its end. So what a callback writes after a wait replaces the start up to the end of what it has seen, and
what came in the meantime stays behind it.
"""

from typing import TYPE_CHECKING, Protocol

from .bodies import WHOLE, Body
from .encoding import Value, encode

if TYPE_CHECKING:
    from ..vm import VM

__all__ = ["Seen", "Window"]


class Seen(Protocol):
    """Where in the buffer lies what has been seen: from `base` to `end`."""

    base: int
    end: int

    def moved(self, end: int) -> None:
        """The part ends elsewhere now."""


class Window(Body):
    """A body of which only a part is to be seen and changed."""

    __slots__ = ("_seen",)

    def __init__(self, vm: "VM", buffer_type: int, seen: Seen) -> None:
        super().__init__(vm, buffer_type)
        self._seen = seen

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """The bytes from `start`, at most `length` of them."""
        visible = max(0, len(self) - start)
        return super().get(self._seen.base + start, min(length, visible)) if visible else b""

    def set(self, data: Value) -> None:
        """Replace everything that can be seen."""
        seen, new = self._seen, encode(data)
        before = super().get(0, seen.base) if seen.base else b""
        self._write(0, seen.end, before + new)
        seen.moved(seen.base + len(new))

    def append(self, data: Value) -> None:
        """Add to the end of what can be seen."""
        self.set(self.get() + encode(data))

    def prepend(self, data: Value) -> None:
        """Put in front of what can be seen."""
        self.set(encode(data) + self.get())

    def replace_start(self, length: int, data: Value) -> None:
        """Replace the first `length` bytes."""
        self.set(encode(data) + self.get()[length:])

    def clear(self) -> None:
        """Remove everything that can be seen."""
        self.set(b"")

    def __len__(self) -> int:
        return self._seen.end - self._seen.base
