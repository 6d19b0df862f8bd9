"""Body buffers, and the two hostcalls' rules about what of them may be read and written.

Facts (Envoy 1.40): reading beyond the end gives what is there. Writing is either a replacement of the first bytes
(`start` 0: `length` bytes are dropped and the data put in front) or an append (`start` at or after the end); anything
between is BadArgument.
"""

from __future__ import annotations

from ...abi import Status

__all__ = ["Buffer", "write"]


class Buffer:
    """Bytes that filters look at and change while they move along."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def take(self) -> bytes:
        """Everything, leaving the buffer empty."""
        data, self.data = self.data, b""
        return data

    def __repr__(self) -> str:
        return f"Buffer({self.data!r})"


def write(buffer: Buffer, start: int, length: int, data: bytes) -> int:
    """Change a buffer as `set_buffer_bytes` does; gives the status."""
    if start == 0:
        buffer.data = data + buffer.data[length:]
    elif start >= len(buffer.data):
        buffer.data += data
    else:
        return Status.BAD_ARGUMENT
    return Status.OK
