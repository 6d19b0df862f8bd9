"""Counters, gauges and histograms: `hits = Counter("hits", tags={"zone": "a"})`, then `hits.increment()`.

Envoy identifies a metric by its name, and all workers share its value. A counter only grows, a gauge wraps around below zero
because it is unsigned, and a histogram can't be read. The ABI doesn't support tags, so they become part of the name
(`tag.value.name`), as in the C++ SDK. Envoy's `stats_tags` can extract them from the name.

You can create metrics in module-level code, where hostcalls are not allowed: the proxy defines a metric when it is first used.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

from ..abi import MetricType
from ..abi.text import encode_text
from .vm import VM, current_vm

__all__ = ["Counter", "Gauge", "Histogram", "Metric"]


class Metric:
    """Base class of counters, gauges and histograms.

    Parameters
    ----------
    name
        Name of the metric. Envoy's admin page shows it with the prefix `wasmcustom.`.
    tags
        Names and values (str or int) of tags, which become part of the full name (default none). Envoy's `stats_tags` can't
        extract a value that contains a dot.
    """

    __slots__ = ("name", "tags")
    kind: ClassVar[MetricType]

    def __init__(self, name: str, tags: Mapping[str, str | int] | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a metric must be a str, not {name!r}")
        self.tags = _checked(tags or {}, name)
        self.name = "".join(f"{tag}.{value}." for tag, value in self.tags.items()) + name

    def with_tags(self, **tags: str | int) -> Self:
        """Return the same metric with other tag values, for example `hits.with_tags(zone="b")`. Other tags stay the same."""
        bare = self.name.removeprefix("".join(f"{tag}.{value}." for tag, value in self.tags.items()))
        return type(self)(bare, {**self.tags, **tags})

    def _id(self, vm: VM) -> int:
        """Return the metric's id in this VM, and define the metric on first use."""
        key = (int(self.kind), self.name)
        metric_id = vm.metric_ids.get(key)
        if metric_id is None:
            defined = vm.call("define_metric", int(self.kind), encode_text(self.name), subject=repr(self.name))
            metric_id = vm.metric_ids[key] = int(defined)
        return metric_id

    def _call(self, hostcall: str, *args: int) -> int:
        if hostcall == "record_metric" and isinstance(args[0], int) and args[0] < 0:
            raise ValueError(
                f"{self!r} can't be set to {args[0]}: metrics are unsigned numbers. Pass a value of at least 0."
            )
        vm = current_vm()
        subject = ", ".join([repr(self.name), *map(repr, args)])
        try:
            value = vm.call(hostcall, self._id(vm), *args, subject=subject)
        except TypeError:
            raise TypeError(f"{hostcall}({subject}): a metric's value is a whole number") from None
        return int(value or 0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def _checked(tags: Mapping[str, str | int], metric: str) -> dict[str, str | int]:
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags of metric {metric!r} must be a mapping, such as {{'zone': 'a'}}, not {tags!r}")
    for tag, value in tags.items():
        if not isinstance(value, _TAGS):
            raise TypeError(f"tag {tag!r} of metric {metric!r} must be a str or an int, not {value!r}")
    return dict(tags)


_TAGS = (str, int)


class Counter(Metric):
    """A metric that only grows.

    Parameters
    ----------
    name
        Name of the metric. Envoy's admin page shows it with the prefix `wasmcustom.`.
    tags
        Names and values (str or int) of tags, which become part of the full name (default none).
    """

    __slots__ = ()
    kind = MetricType.COUNTER

    def increment(self, by: int = 1) -> None:
        """Increase the counter by `by` (default 1), an int of at least 1."""
        self._call("increment_metric", by)

    @property
    def value(self) -> int:
        """The current value, summed over all workers."""
        return self._call("get_metric")


class Gauge(Metric):
    """A metric that can go up and down.

    Parameters
    ----------
    name
        Name of the metric. Envoy's admin page shows it with the prefix `wasmcustom.`.
    tags
        Names and values (str or int) of tags, which become part of the full name (default none).
    """

    __slots__ = ()
    kind = MetricType.GAUGE

    def set(self, value: int) -> None:
        """Set the gauge to `value`, an int of at least 0."""
        self._call("record_metric", value)

    def add(self, by: int = 1) -> None:
        """Add `by` (default 1) to the gauge. A negative int subtracts."""
        self._call("increment_metric", by)

    @property
    def value(self) -> int:
        """The current value, shared by all workers."""
        return self._call("get_metric")


class Histogram(Metric):
    """A metric that records the distribution of values.

    Parameters
    ----------
    name
        Name of the metric. Envoy's admin page shows it with the prefix `wasmcustom.`.
    tags
        Names and values (str or int) of tags, which become part of the full name (default none).
    """

    __slots__ = ()
    kind = MetricType.HISTOGRAM

    def record(self, value: int) -> None:
        """Add `value`, an int of at least 0, to the histogram."""
        self._call("record_metric", value)
