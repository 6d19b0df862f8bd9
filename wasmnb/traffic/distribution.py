"""Distribution of measured durations. Every measurement is stored in 8 bytes, so quantiles are exact.

numpy is imported for the first quantile, so that `import wasmnb` stays fast.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Bucket", "Distribution"]

#: Number of histogram buckets between two powers of two.
STEPS = 8


class Bucket(NamedTuple):
    """One bucket of a histogram.

    Attributes
    ----------
    lower, upper
        Edges of the bucket, in nanoseconds.
    number
        Number of measurements in the bucket.
    """

    lower: float
    upper: float
    number: int


class Distribution:
    """Measured durations of a callback or of requests.

    Parameters
    ----------
    name
        Name of the callback without `proxy_`, or `request`.
    values
        Measurements in nanoseconds (default none).
    """

    __slots__ = ("name", "record", "values")

    def __init__(self, name: str, values: Iterable[int] = ()) -> None:
        self.name = name
        self.values = array("q", values)
        #: Add a measurement in nanoseconds.
        self.record = self.values.append

    @property
    def count(self) -> int:
        """Number of measurements."""
        return len(self.values)

    @property
    def total(self) -> int:
        """Sum of the measurements in nanoseconds."""
        return sum(self.values)

    @property
    def maximum(self) -> int:
        """Longest measurement in nanoseconds, or 0 if there are none."""
        return max(self.values, default=0)

    def quantile(self, q: float) -> float:
        """Return the `q` quantile (0 to 1) in nanoseconds, or 0 if there are no measurements."""
        import numpy as np

        return float(np.quantile(np.frombuffer(self.values, dtype=np.int64), q)) if self.values else 0.0

    @property
    def median(self) -> float:
        """Median in nanoseconds."""
        return self.quantile(0.5)

    def summary(self) -> dict[str, float]:
        """Return the quantiles `p50`, `p90`, `p99` and the maximum `max`, in seconds."""
        named = {f"p{round(q * 100)}": self.quantile(q) / 1e9 for q in (0.5, 0.9, 0.99)}
        return {**named, "max": self.maximum / 1e9}

    def buckets(self) -> list[Bucket]:
        """Return the measurements as a histogram with a logarithmic scale. Empty buckets are omitted."""
        import numpy as np

        if not self.values:
            return []
        keys = np.floor(np.log2(np.maximum(np.frombuffer(self.values, dtype=np.int64), 1)) * STEPS).astype(int)
        steps, counts = np.unique(keys, return_counts=True)
        return [Bucket(2 ** (k / STEPS), 2 ** ((k + 1) / STEPS), int(n)) for k, n in zip(steps, counts, strict=True)]

    def merge(self, other: Distribution) -> Distribution:
        """Return a new distribution with the name of this distribution, and the measurements of this one and of `other`."""
        return Distribution(self.name, self.values + other.values)

    def __repr__(self) -> str:
        return f"<Distribution {self.name}: {self.count} values, median {self.median / 1000:.1f} us>"
