"""Observe the effects of a filter on an exchange, for the comparison of two builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import MetricType
from ...messages import Request, Response

if TYPE_CHECKING:
    from ...host import Exchange, Proxy
    from ...host.callouts.record import Callout
    from ...host.shared_state.metrics import Metric

__all__ = ["ExchangeObserver", "Observation"]


@dataclass(frozen=True, slots=True)
class Observation:
    """The effects of a filter on one exchange.

    Attributes
    ----------
    state
        State of the exchange: done, failed, paused, refused.
    response
        The response that the client received, or None.
    upstream_requests
        The requests that the upstream received.
    log
        Level and text of the lines that the filter logged.
    metrics
        Changes of the filter's metrics by name. For a histogram, the values that were recorded.
    callouts
        Callouts that the filter sent.
    """

    state: str
    response: Response | None
    upstream_requests: tuple[Request, ...]
    log: tuple[tuple[str, str], ...]
    metrics: dict[str, Any]
    callouts: tuple[Callout, ...]

    @property
    def status(self) -> int:
        """Status of the response, or 0 if there is none."""
        return self.response.status if self.response is not None else 0


class ExchangeObserver:
    """Observer of the exchanges of a proxy. The exchanges must be sent one after the other."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._lines = proxy.log.written
        self._callouts = proxy.server.callouts.total
        self._metrics = self._snapshot()

    def observe(self, exchange: Exchange) -> Observation:
        """Return the effects of the filter on the exchange that was sent last."""
        proxy = self._proxy
        lines = tuple((line.level.name, line.text) for line in proxy.log.since(self._lines) if line.source == "filter")
        self._lines = proxy.log.written
        sent = proxy.server.callouts.total - self._callouts
        self._callouts += sent
        callouts = tuple(proxy.server.callouts.latest(sent)) if sent else ()
        return Observation(
            exchange.state, exchange.response, tuple(exchange.upstream_requests), lines, self._changes(), callouts
        )

    def _snapshot(self) -> dict[str, int]:
        """Return the value of every counter and gauge, and the number of samples of every histogram."""
        return {metric.name: self._size(metric) for metric in self._proxy.metrics.all()}

    @staticmethod
    def _size(metric: Metric) -> int:
        return len(metric.samples) if metric.kind is MetricType.HISTOGRAM else metric.value

    def _changes(self) -> dict[str, Any]:
        before, self._metrics = self._metrics, self._snapshot()
        if before == self._metrics:
            return {}
        changes: dict[str, Any] = {}
        for metric in self._proxy.metrics.all():
            old, now = before.get(metric.name, 0), self._metrics[metric.name]
            if old != now:
                changes[metric.name] = metric.samples[old:] if metric.kind is MetricType.HISTOGRAM else now - old
        return changes
