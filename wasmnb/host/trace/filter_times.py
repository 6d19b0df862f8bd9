"""Times that exchanges spent in filters, computed for many exchanges while the trace is read only once."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import ExchangeBase
    from .trace import CallbackTime

__all__ = ["FilterTimes"]


class FilterTimes:
    """Times that each exchange spent in filters until it ended.

    The times are the same as in `exchange.filter_ns`, but the trace isn't read again for each exchange.

    Parameters
    ----------
    measured
        Whether to use measured times even if the proxy has a fixed `guest_time`, to compare two filters (default False).
    """

    def __init__(self, *, measured: bool = False) -> None:
        self._measured = measured
        self._calls: dict[int, list[tuple[float, int]]] = {}

    def add(self, callback: CallbackTime) -> None:
        """Add the time of a callback, if the callback delayed an exchange."""
        if callback.exchange is not None:
            self._calls.setdefault(callback.exchange, []).append((callback.time, callback.guest_ns))

    def of(self, exchange: ExchangeBase) -> int:
        """Return the nanoseconds that an exchange has spent in filters according to the callbacks added so far."""
        return exchange.filter_time(self._calls.get(exchange.number, ()), measured=self._measured)

    def take(self, exchange: ExchangeBase) -> int:
        """Return the nanoseconds that an exchange has spent in filters, and drop its callbacks."""
        spent = self.of(exchange)
        self._calls.pop(exchange.number, None)
        return spent

    def keep(self, exchanges: Collection[ExchangeBase]) -> None:
        """Keep the callbacks of these exchanges and drop all others."""
        self._calls = {
            exchange.number: self._calls[exchange.number] for exchange in exchanges if exchange.number in self._calls
        }
