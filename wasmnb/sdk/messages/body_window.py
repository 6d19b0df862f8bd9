"""The part of a held body that a waiting callback has seen.

Facts: while a stream is held, its body grows in one buffer, and Envoy can change that buffer only at its start (replacing
its first bytes) or at its end. So a write after a wait replaces the start up to the end of the part that the callback has
seen; bytes that arrived in the meantime stay behind it.
"""

from typing import Any, Protocol

from .bodies import WHOLE, Body
from .encoding import Value, encode

__all__ = ["BodyWindow", "SeenPart"]


class SeenPart(Protocol):
    """The part of the buffer that the callback has seen: from offset `base` to `end`."""

    base: int
    end: int

    def move_end(self, end: int) -> None:
        """Set the end after a write that changed the part's length."""


class BodyWindow(Body):
    """A body of which the callback sees and changes only a part."""

    __slots__ = ("_seen",)

    def __init__(self, abi: Any, buffer_type: int, seen: SeenPart) -> None:
        super().__init__(abi, buffer_type)
        self._seen = seen

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """Return at most `length` bytes, from `start` on."""
        visible = max(0, len(self) - start)
        return super().get(self._seen.base + start, min(length, visible)) if visible else b""

    def set(self, data: Value) -> None:
        """Replace everything that the callback sees."""
        seen, new = self._seen, encode(data)
        before = super().get(0, seen.base) if seen.base else b""
        self._write(0, seen.end, before + new)
        seen.move_end(seen.base + len(new))

    def append(self, data: Value) -> None:
        """Append bytes to the part that the callback sees."""
        self.set(self.get() + encode(data))

    def prepend(self, data: Value) -> None:
        """Insert bytes at the start of the part that the callback sees."""
        self.set(encode(data) + self.get())

    def replace_start(self, length: int, data: Value) -> None:
        """Replace the first `length` bytes."""
        self.set(encode(data) + self.get()[length:])

    def clear(self) -> None:
        """Remove everything that the callback sees."""
        self.set(b"")

    def __len__(self) -> int:
        return self._seen.end - self._seen.base
