"""Measurements of one kind, kept as they are: 8 bytes each, quantiles exact, merging by concatenation.

numpy (which matplotlib brings anyway) does the arithmetic; it is imported when a number is asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

__all__ = ["Distribution"]

#: Histogram buckets between two powers of two.
STEPS = 8


class Distribution:
    """Nanoseconds of something that happened many times.

    Parameters
    ----------
    name
        Callback without its prefix, or `request`.
    values
        Measurements in nanoseconds.
    """

    __slots__ = ("name", "record", "values")

    def __init__(self, name: str, values: Iterable[int] = ()) -> None:
        self.name = name
        self.values = array("q", values)
        #: Add one measurement, in nanoseconds.
        self.record = self.values.append

    @property
    def count(self) -> int:
        """How many were measured."""
        return len(self.values)

    @property
    def total(self) -> int:
        """Sum, in nanoseconds."""
        return sum(self.values)

    @property
    def maximum(self) -> int:
        """The longest, in nanoseconds; 0 if nothing was measured."""
        return max(self.values, default=0)

    def quantile(self, q: float) -> float:
        """Value below which the share `q` (0 to 1) of the measurements lies, in nanoseconds."""
        import numpy as np

        return float(np.quantile(np.frombuffer(self.values, dtype=np.int64), q)) if self.values else 0.0

    @property
    def median(self) -> float:
        """Half of the measurements were shorter, in nanoseconds."""
        return self.quantile(0.5)

    def buckets(self) -> list[tuple[float, float, int]]:
        """A histogram over a logarithmic scale: (lower edge, upper edge, count) of every bucket that is not empty."""
        import numpy as np

        if not self.values:
            return []
        keys = np.floor(np.log2(np.maximum(np.frombuffer(self.values, dtype=np.int64), 1)) * STEPS).astype(int)
        found, counts = np.unique(keys, return_counts=True)
        return [(2 ** (k / STEPS), 2 ** ((k + 1) / STEPS), int(n)) for k, n in zip(found, counts, strict=True)]

    def merge(self, other: Distribution) -> Distribution:
        """Both together, under this one's name."""
        return Distribution(self.name, self.values + other.values)

    def __repr__(self) -> str:
        return f"<Distribution {self.name}: {self.count} values, median {self.median / 1000:.1f} us>"
