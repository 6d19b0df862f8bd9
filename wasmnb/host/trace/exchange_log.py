"""The list of a proxy's exchanges."""

from __future__ import annotations

from collections import deque
from typing import Protocol, TypeVar

__all__ = ["Exchanges"]

#: Maximum number of exchanges to keep.
KEPT = 10_000

#: Approximate maximum size of their bodies in bytes.
BODIES_KEPT = 1 << 28


class _WithBodies(Protocol):
    @property
    def body_bytes(self) -> int:
        """Size in bytes of all bodies, headers and paths of the exchange that are kept in memory."""
        ...


T = TypeVar("T", bound=_WithBodies)


class Exchanges(deque[T]):
    """Exchanges of a proxy, oldest first. The oldest exchanges are dropped when their number or the size of all bodies exceeds
    a limit.

    Attributes
    ----------
    total
        Number of exchanges since the start of the proxy, including dropped ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self._sizes: deque[int] = deque()  # of all but the newest
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Approximate size in bytes of the bodies of all exchanges."""
        return self._bytes

    def next_number(self) -> int:
        """Drop old exchanges to make room for a new one, and return the new one's number."""
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
