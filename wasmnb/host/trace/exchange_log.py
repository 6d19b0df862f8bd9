"""The exchanges that a proxy keeps."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

__all__ = ["Exchanges"]

#: Number of exchanges that are kept.
KEPT = 10_000

#: Bytes of their bodies that are kept, approximately.
BODIES_KEPT = 1 << 28


class _WithBodies(Protocol):
    @property
    def body_bytes(self) -> int:
        """Bytes of all bodies, headers and paths in memory."""
        ...


T = TypeVar("T", bound=_WithBodies)


class Exchanges(deque[T]):
    """Exchanges, oldest first. The oldest are dropped when their number or their bodies exceed a limit.

    Attributes
    ----------
    total
        Number of exchanges so far, including the dropped ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self._sizes: deque[int] = deque()  # of all but the newest
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of the bodies, approximately."""
        return self._bytes

    def next_number(self) -> int:
        """Drop old exchanges to make space for the next one, and return its number."""
        if self:
            self._sizes.append(self[-1].body_bytes)
            self._bytes += self._sizes[-1]
        while self._sizes and (len(self) >= KEPT or self._bytes > BODIES_KEPT):
            self.popleft()
            self._bytes -= self._sizes.popleft()
        self.total += 1
        return self.total

    def clear(self) -> None:
        """Drop all exchanges. The count continues."""
        super().clear()
        self._sizes.clear()
        self._bytes = 0
