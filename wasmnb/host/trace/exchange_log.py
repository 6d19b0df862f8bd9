"""The list of exchanges that a proxy keeps."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

__all__ = ["Exchanges"]

#: Number of exchanges that are kept.
KEPT = 10_000

#: Approximate bytes of their bodies that are kept.
BODIES_KEPT = 1 << 28


class _WithBodies(Protocol):
    @property
    def body_bytes(self) -> int:
        """Bytes of all bodies, headers and paths that the exchange keeps in memory."""
        ...


T = TypeVar("T", bound=_WithBodies)


class Exchanges(deque[T]):
    """Exchanges of a proxy, oldest first. The oldest are dropped when their number or the size of their bodies exceeds a limit.

    Attributes
    ----------
    total
        Number of exchanges so far, including dropped ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self._sizes: deque[int] = deque()  # of all but the newest
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Approximate bytes of the bodies of all exchanges."""
        return self._bytes

    def next_number(self) -> int:
        """Drop old exchanges to make space for a new one, and return its number."""
        if self:
            self._sizes.append(self[-1].body_bytes)
            self._bytes += self._sizes[-1]
        while self._sizes and (len(self) >= KEPT or self._bytes > BODIES_KEPT):
            self.popleft()
            self._bytes -= self._sizes.popleft()
        self.total += 1
        return self.total

    def clear(self) -> None:
        """Drop all exchanges. Numbers continue from the last one."""
        super().clear()
        self._sizes.clear()
        self._bytes = 0
