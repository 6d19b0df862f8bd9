"""A view of the part of a buffered body that an `async def` callback has already read.

While a stream is paused, Envoy collects its body in one buffer, and can change that buffer only by replacing its first bytes or
by appending. So a write after a wait replaces the start of the buffer, up to the end of the part that the callback has read.
Bytes that arrived during the wait stay after that part.
"""

from typing import Any

from .bodies import WHOLE, Body
from .encoding import Value, encode

__all__ = ["BodyWindow", "ReadPart"]


class ReadPart:
    """The part of a buffered body that an `async def` callback has read.

    Attributes
    ----------
    base, end
        Offsets in the buffer between which the callback may read and write.
    unread
        Whether the buffer contains bytes that the callback has not read.
    has_read
        Whether the callback has read any part of the body.
    """

    # Class attributes instead of assignments in `__init__`, which would cost time for each callback that waits.
    base = end = 0
    unread = False
    has_read = False
    #: Offset up to which the callback has read chunks.
    _read_to = 0

    def read(self, body: Body, *, whole: bool) -> bytes:
        """Read the whole body, or the part that hasn't been read yet."""
        self.unread, self.has_read = False, True
        self.base = 0 if whole else self._read_to
        data = body.get(self.base)
        self.end = self._read_to = self.base + len(data)
        return data

    def extend(self, body: Body) -> None:
        """Extend the part to the end of the buffer, because the proxy keeps the body while the stream is paused."""
        self.end = len(body)
        if not self.unread:
            self._read_to = self.end

    def forget(self) -> None:
        """Set all offsets to 0, because the proxy sends the buffered body on."""
        self.base = self.end = self._read_to = 0

    def move_end(self, end: int) -> None:
        """Move the end of the part, after a write has changed its length."""
        if self._read_to == self.end:
            self._read_to = end
        self.end = end


class BodyWindow(Body):
    """The part of a buffered body that a waiting callback can read and change.

    Parameters
    ----------
    abi
        The VM's binding.
    buffer_type
        Number of the buffer.
    seen
        The part that the callback has read.
    """

    __slots__ = ("_seen",)

    def __init__(self, abi: Any, buffer_type: int, seen: ReadPart) -> None:
        super().__init__(abi, buffer_type)
        self._seen = seen

    def get(self, start: int = 0, length: int = WHOLE) -> bytes:
        """Return at most `length` bytes of the part, beginning at offset `start`."""
        visible = max(0, len(self) - start)
        return super().get(self._seen.base + start, min(length, visible)) if visible else b""

    def set(self, data: Value) -> None:
        """Replace the whole part."""
        seen, new = self._seen, encode(data)
        before = super().get(0, seen.base) if seen.base else b""
        self._write(0, seen.end, before + new)
        seen.move_end(seen.base + len(new))

    def append(self, data: Value) -> None:
        """Append bytes or text to the part."""
        self.set(self.get() + encode(data))

    def prepend(self, data: Value) -> None:
        """Insert bytes or text at the start of the part."""
        self.set(encode(data) + self.get())

    def replace_start(self, length: int, data: Value) -> None:
        """Replace the first `length` bytes of the part."""
        self.set(encode(data) + self.get()[length:])

    def clear(self) -> None:
        """Remove all bytes of the part."""
        self.set(b"")

    def __len__(self) -> int:
        return self._seen.end - self._seen.base
