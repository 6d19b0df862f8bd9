"""The exchanges that a proxy remembers."""

from __future__ import annotations

from collections import deque

from .exchange import Exchange, TcpExchange

__all__ = ["Exchanges"]

#: How many are kept.
KEPT = 10_000

#: Bytes of their bodies that are kept, about.
BODIES_KEPT = 1 << 28


class Exchanges(deque[Exchange | TcpExchange]):
    """Exchanges, oldest first; old ones go when there are many, or when their bodies are large.

    Attributes
    ----------
    made
        How many there have been.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self._sizes: deque[int] = deque()  # of all but the newest
        self._bytes = 0

    def next_number(self) -> int:
        """Make room for the next, and say its number."""
        if self:
            self._sizes.append(self[-1].body_bytes)
            self._bytes += self._sizes[-1]
        while self._sizes and (len(self) >= KEPT or self._bytes > BODIES_KEPT):
            self.popleft()
            self._bytes -= self._sizes.popleft()
        self.made += 1
        return self.made
