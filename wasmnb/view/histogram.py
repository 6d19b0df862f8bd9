"""What the latency views need of a distribution, taken from any object that has the counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["QUANTILES", "Series", "from_samples", "sparkline"]

#: Columns of the latency table.
QUANTILES = (("p50", 0.50), ("p90", 0.90), ("p99", 0.99))

_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Series:
    """One distribution in nanoseconds.

    Attributes
    ----------
    name
        Callback, or `request`.
    quantiles
        Values at `QUANTILES`.
    buckets
        (lower edge, upper edge, count), ascending, empty ones may be missing.
    """

    name: str
    count: int
    quantiles: tuple[float, ...]
    maximum: float
    buckets: tuple[tuple[float, float, int], ...]


def _quantile(ordered: Sequence[float], q: float) -> float:
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)]


def from_samples(name: str, samples: Iterable[float]) -> Series:
    """A series from single measurements, in eight buckets an octave."""
    ordered = sorted(samples)
    if not ordered:
        return Series(name, 0, (0.0,) * len(QUANTILES), 0.0, ())
    counts: dict[int, int] = {}
    for value in ordered:
        key = _bucket(value)
        counts[key] = counts.get(key, 0) + 1
    buckets = tuple((_edge(k), _edge(k + 1), n) for k, n in sorted(counts.items()))
    return Series(name, len(ordered), tuple(_quantile(ordered, q) for _, q in QUANTILES), ordered[-1], buckets)


def _bucket(value: float) -> int:
    """Log-linear: eight linear steps between powers of two."""
    whole = max(int(value), 1)
    octave = whole.bit_length() - 1
    return octave * 8 + ((whole - (1 << octave)) * 8 >> octave)


def _edge(key: int) -> float:
    octave, step = divmod(key, 8)
    return (1 << octave) * (1 + step / 8)


def sparkline(series: Series, low: float, high: float, width: int = 24) -> str:
    """The shape of a distribution as bars between two values on a logarithmic scale."""
    if not series.buckets or not 0 < low < high:
        return ""
    columns = [0.0] * width
    for lower, upper, number in series.buckets:
        columns[_column((lower * upper) ** 0.5, low, high, width)] += number
    top = max(columns)
    return "".join(_BARS[-(-int(c * 1000) * 8 // int(top * 1000)) if c else 0] for c in columns)


def _column(value: float, low: float, high: float, width: int) -> int:
    from math import log

    place = log(max(value, low) / low) / log(high / low)
    return min(int(place * width), width - 1)
