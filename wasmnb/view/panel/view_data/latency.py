"""Convert latencies to JSON. All times are in nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from wasmnb.abi import STREAM_CALLBACKS
from wasmnb.view.documents.traffic.histogram import QUANTILES, series_of

from .texts import printable

if TYPE_CHECKING:
    from wasmnb.traffic.distribution import Distribution
    from wasmnb.traffic.harness import Harness

__all__ = ["latency", "summary"]


def latency(of: str, requests: Distribution, callbacks: Iterable[Distribution], harness: Harness) -> Any:
    """Return the latencies of requests and callbacks, each with the time that the harness itself takes (`own`).

    Parameters
    ----------
    of
        Title of the latencies.
    requests
        Durations of requests.
    callbacks
        Durations of each callback.
    harness
        Durations of an empty callback and an empty hostcall.
    """
    measured = [d for d in callbacks if d.count]
    streams = sum(d.count for d in measured if d.name in STREAM_CALLBACKS["http"])
    inside = streams / requests.count if requests.count else 0.0
    whole = [_series(requests, harness.callback_ns * inside)] if requests.count else []
    return {
        "of": printable(of),
        "quantiles": [name for name, _ in QUANTILES],
        "series": whole + [_series(d, harness.callback_ns) for d in measured],
        "harness": [["empty callback", harness.callback_ns], ["empty hostcall", harness.hostcall_ns]],
    }


def _series(measured: Distribution, own: float) -> Any:
    s = series_of(measured)
    buckets = [[round(a, 1), round(b, 1), n] for a, b, n in s.buckets]
    return {**summary(measured, printable(s.name)), "buckets": buckets, "own": own}


def summary(measured: Distribution, name: str) -> Any:
    """Return the count, quantiles and maximum of a distribution, for a row of a table.

    Parameters
    ----------
    measured
        The distribution.
    name
        Name of the row.
    """
    s = series_of(measured)
    return {"name": name, "count": s.count, "quantiles": [round(q, 1) for q in s.quantiles], "max": s.maximum}
