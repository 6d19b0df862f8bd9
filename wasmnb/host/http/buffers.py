"""Buffers for message bodies, and the rules for writing to them.

In Envoy 1.40, reading beyond the end returns the bytes that exist. Writing with `start` 0 replaces the first `length` bytes
with the new data. Writing with `start` at or after the end appends the data. Any other `start` returns BadArgument.
"""

from __future__ import annotations

from ...abi import Status

__all__ = ["Buffer", "write"]


class Buffer:
    """Bytes that pass through the filters, which can read and change them.

    Parameters
    ----------
    data
        Initial content (default empty).
    """

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def take(self) -> bytes:
        """Return all bytes and empty the buffer."""
        data, self.data = self.data, b""
        return data

    def __repr__(self) -> str:
        return f"Buffer({self.data!r})"


def write(buffer: Buffer, start: int, length: int, data: bytes) -> int:
    """Change a buffer as the hostcall `set_buffer_bytes` does, and return the status.

    Parameters
    ----------
    buffer
        The buffer to change.
    start, length
        Start and length of the range in bytes. The rules are in the module's docstring.
    data
        The new bytes.

    Returns
    -------
    int
        `Status.OK` or `Status.BAD_ARGUMENT`.
    """
    if start == 0:
        buffer.data = data + buffer.data[length:]
    elif start >= len(buffer.data):
        buffer.data += data
    else:
        return Status.BAD_ARGUMENT
    return Status.OK
