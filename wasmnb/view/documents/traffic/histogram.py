"""Prepare distributions for display: quantiles, histogram buckets and a sparkline."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmnb.traffic.distribution import Bucket, Distribution

__all__ = ["QUANTILES", "Series", "series_of", "sparkline"]

#: Name and value of the quantiles that are shown.
QUANTILES = (("p50", 0.50), ("p90", 0.90), ("p99", 0.99))

_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Series:
    """Figures of a distribution, in nanoseconds. `quantiles` contains the values for `QUANTILES`."""

    name: str
    count: int
    quantiles: tuple[float, ...]
    maximum: float
    buckets: tuple[Bucket, ...]


def series_of(measured: Distribution) -> Series:
    """Return the count, quantiles, maximum and histogram buckets of a distribution."""
    quantiles = tuple(measured.quantile(q) for _, q in QUANTILES)
    return Series(measured.name, measured.count, quantiles, measured.maximum, tuple(measured.buckets()))


def sparkline(series: Series, low: float, high: float, width: int = 24) -> str:
    """Draw the histogram of a distribution as a line of text.

    Parameters
    ----------
    series
        Figures of the distribution.
    low, high
        Ends of the logarithmic axis, in nanoseconds.
    width
        Number of characters (default 24).
    """
    if not series.buckets or not 0 < low < high:
        return ""
    columns = [0] * width
    for lower, upper, number in series.buckets:
        place = log(max(sqrt(lower * upper), low) / low) / log(high / low)
        columns[min(int(place * width), width - 1)] += number
    top = max(columns)
    return "".join(_BARS[-(-c * 8 // top)] for c in columns)
