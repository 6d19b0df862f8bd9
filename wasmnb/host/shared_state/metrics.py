"""Metrics of filters, which all VMs share by name, and Envoy's own metrics about Wasm.

In Envoy 1.40, each VM has its own metric ids. The low two bits of an id are the type, and each type has its own numbers
(counters 4, 8, 12, gauges 5, 9, histograms 6, 10). Defining a name again returns a new id of the same metric. A counter and a
gauge can have the same name. Adding 0 or a negative number to a counter returns BadArgument, as does incrementing or reading a
histogram. A gauge below 0 wraps around as u64.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..._display import Shown, visible
from ...abi import MetricType, Status
from .prometheus import StatsTags, prometheus_text
from .storage import OVERHEAD, StorageBudget

__all__ = ["SIGN", "Metric", "MetricTable", "Metrics"]

_WRAP = 0xFFFFFFFFFFFFFFFF
#: Sign bit of a number passed as u64.
SIGN = 1 << 63

#: Approximate size of a histogram's sample in bytes.
_SAMPLE = 40


@dataclass
class Metric:
    """A metric defined by filters.

    Attributes
    ----------
    kind, name
        Kind of metric (counter, gauge or histogram), and its name.
    value
        Value of a counter or a gauge.
    samples
        Samples of a histogram.
    used
        Whether a gauge has ever been set.
    fallen
        Whether a gauge has fallen below 0.
    """

    kind: MetricType
    name: str
    value: int = 0
    samples: list[int] = field(default_factory=list)
    used: bool = False
    fallen: bool = False

    def __str__(self) -> str:
        """Format the metric as its name and its value. For a histogram, the value is the number of samples."""
        if self.kind is MetricType.HISTOGRAM:
            return f"{visible(self.name)}: {len(self.samples)} samples"
        return f"{visible(self.name)}: {self.value}"


class Metrics(Shown, Mapping[str, int | list[int]]):
    """All metrics of filters by name. Values are numbers for counters and gauges, and lists of samples for histograms.

    If a counter and a gauge have the same name, the mapping contains only the metric that was defined first; `find` can return
    either. The attribute `envoy` contains Envoy's own metrics about Wasm.
    """

    def __init__(self, storage: StorageBudget | None = None) -> None:
        self.storage = storage or StorageBudget(sys.maxsize)
        self._metrics: dict[tuple[MetricType, bytes], Metric] = {}
        self.envoy: dict[str, int] = {}

    def define(self, kind: MetricType, name: bytes) -> Metric:
        """Return the metric with this kind and name. If it doesn't exist, create it.

        Parameters
        ----------
        kind, name
            Kind and name of the metric.
        """
        metric = self._metrics.get((kind, name))
        if metric is None:
            metric = self._metrics[kind, name] = Metric(kind, name.decode("utf-8", "replace"))
        return metric

    def find(self, name: str, kind: MetricType | None = None) -> Metric:
        """Return a metric by name.

        Parameters
        ----------
        name
            Name of the metric.
        kind
            Kind of the metric. By default, any kind.

        Raises
        ------
        KeyError
            No filter has defined a metric with this name and kind.
        """
        for metric in self._metrics.values():
            if metric.name == name and kind in (None, metric.kind):
                return metric
        raise KeyError(name)

    def all(self) -> list[Metric]:
        """Return all metrics of filters, in the order of definition."""
        return list(self._metrics.values())

    def shown(self) -> dict[str, int]:
        """Return the counters and gauges on Envoy's admin page `/stats`, without the prefix `wasmcustom.`.

        If a counter and a gauge have the same name, the gauge is returned.
        """
        values = {m.name or "wasmcustom": m.value for m in self._metrics.values() if m.kind is MetricType.COUNTER}
        gauges = {m.name or "wasmcustom": m.value for m in self._metrics.values() if m.kind is MetricType.GAUGE}
        return values | gauges

    def prometheus(self, stats_tags: StatsTags = ()) -> str:
        """Return the filters' metrics in Prometheus's text format, as on Envoy's admin page `/stats/prometheus`.

        Parameters
        ----------
        stats_tags
            Envoy's `stats_config.stats_tags`, which convert parts of names to labels. Each is a mapping with `tag_name` and
            `regex` (default none). `export` writes such entries for the tags of a Python filter.

        Raises
        ------
        UsageError
            An entry of `stats_tags` isn't valid.
        """
        return prometheus_text(self.all(), stats_tags)

    def count(self, name: str, change: int = 1) -> None:
        """Add a number to one of Envoy's own counters or gauges.

        Parameters
        ----------
        name
            Name of the metric, as in `Metrics.envoy`.
        change
            Number to add, which can be negative (default 1).
        """
        self.envoy[name] = self.envoy.get(name, 0) + change

    def __getitem__(self, name: str) -> int | list[int]:
        metric = self.find(name)
        return list(metric.samples) if metric.kind is MetricType.HISTOGRAM else metric.value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(m.name for m in self._metrics.values()))

    def __len__(self) -> int:
        return len({m.name for m in self._metrics.values()})

    def __repr__(self) -> str:
        return f"Metrics({dict(self)!r})"


class MetricTable:
    """Metric ids of one VM."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ids: dict[int, Metric] = {}
        self._next = {kind: 4 + kind for kind in MetricType}

    def define(self, kind: int, name: bytes) -> tuple[int, int]:
        """Define a metric. Return the status and the metric's new id."""
        if kind > MetricType.HISTOGRAM:
            return Status.BAD_ARGUMENT, 0
        if not self._metrics.storage.take(OVERHEAD + 2 * len(name)):
            return Status.INTERNAL_FAILURE, 0
        metric_type = MetricType(kind)
        number = self._next[metric_type]
        self._next[metric_type] += 4
        self._ids[number] = self._metrics.define(metric_type, name)
        return Status.OK, number

    def increment(self, number: int, offset: int) -> int:
        """Add a signed number, passed as u64, to a counter or gauge. Return the status."""
        if number & 3 > MetricType.GAUGE:
            return Status.BAD_ARGUMENT
        metric = self._ids.get(number)
        if metric is None:
            return Status.NOT_FOUND
        if metric.kind is MetricType.COUNTER and (offset == 0 or offset & SIGN):
            return Status.BAD_ARGUMENT
        metric.value = (metric.value + offset) & _WRAP
        metric.used = True
        return Status.OK

    def fallen(self, number: int) -> Metric | None:
        """Return the gauge with this id if it has fallen below 0 for the first time, otherwise None."""
        metric = self._ids.get(number)
        if metric is None or metric.kind is not MetricType.GAUGE or not metric.value & SIGN or metric.fallen:
            return None
        metric.fallen = True
        return metric

    def record(self, number: int, value: int) -> int:
        """Add to a counter, set a gauge, or add a sample to a histogram. Return the status."""
        metric = self._ids.get(number)
        if metric is None:
            return Status.NOT_FOUND
        if metric.kind is MetricType.COUNTER:
            metric.value = (metric.value + value) & _WRAP
        elif metric.kind is MetricType.GAUGE:
            metric.value, metric.used = value, True
        elif self._metrics.storage.take(_SAMPLE):
            metric.samples.append(value)
        else:
            return Status.INTERNAL_FAILURE
        return Status.OK

    def get(self, number: int) -> tuple[int, int]:
        """Return the status and the value of a counter or gauge."""
        if number & 3 > MetricType.GAUGE:
            return Status.BAD_ARGUMENT, 0
        metric = self._ids.get(number)
        if metric is None:
            return Status.NOT_FOUND, 0
        return Status.OK, metric.value
