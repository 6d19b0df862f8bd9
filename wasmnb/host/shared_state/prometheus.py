"""Metrics in Prometheus's text format, as written by Envoy's admin interface.

On the page `/stats/prometheus` of Envoy 1.40, filters' metrics have no prefix. Counters are listed first, then gauges, then
histograms, each sorted by name. Characters that Prometheus doesn't allow are replaced by `_`, and metrics whose names begin
with a digit are omitted. Envoy uses the histograms of the library circllhist: a sample is rounded to a bin with two significant
digits, so sums are approximate, and a bin is counted in every bucket that reaches the bin's lower end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...abi import MetricType
from ...errors import UsageError

if TYPE_CHECKING:
    from .metrics import Metric

__all__ = ["StatsTags", "prometheus_text"]

#: Envoy's `stats_tags`: mappings with `tag_name` and `regex`.
StatsTags = Sequence[Mapping[str, str]]

_PREFIX = "wasmcustom."
_FORBIDDEN = re.compile(r"[^a-zA-Z0-9_]")
_VALID = re.compile(r"[a-zA-Z_]")

#: Upper ends of Envoy's default buckets.
_BUCKETS = (
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000,
)  # fmt: skip

_KINDS = {MetricType.COUNTER: "counter", MetricType.GAUGE: "gauge", MetricType.HISTOGRAM: "histogram"}


@dataclass
class _Family:
    """Metrics with the same kind and name but different tags."""

    kind: MetricType
    name: str
    lines: list[str] = field(default_factory=list)


def prometheus_text(metrics: Iterable[Metric], stats_tags: StatsTags = ()) -> str:
    """Format metrics in Prometheus's text format.

    Parameters
    ----------
    metrics
        Metrics defined by filters.
    stats_tags
        Envoy's `stats_config.stats_tags`, which are mappings with `tag_name` and `regex` (default none). The first group of
        the expression is removed from the name. The second group, or the first if there is only one, is the tag's value.

    Raises
    ------
    UsageError
        An entry has no `tag_name` or `regex`, or its expression is invalid or has no group.
    """
    extractors = [_extractor(tag) for tag in stats_tags]
    families: dict[tuple[MetricType, str], _Family] = {}
    for metric in sorted(metrics, key=lambda m: m.name):
        name, tags = _split(_PREFIX + metric.name, extractors)
        text = _FORBIDDEN.sub("_", name.removeprefix(_PREFIX))
        if not _VALID.match(text):
            continue
        family = families.setdefault((metric.kind, text), _Family(metric.kind, text))
        labels = ",".join(f'{_FORBIDDEN.sub("_", tag)}="{_escaped(value)}"' for tag, value in tags)
        family.lines += _lines(metric, text, labels)
    ordered = sorted(families.values(), key=lambda f: (list(_KINDS).index(f.kind), f.name))
    return "".join(f"# TYPE {f.name} {_KINDS[f.kind]}\n" + "".join(line + "\n" for line in f.lines) for f in ordered)


def _extractor(tag: Mapping[str, str]) -> tuple[str, re.Pattern[str]]:
    try:
        expression = re.compile(tag["regex"])
        if not expression.groups:
            raise UsageError(
                f"The regex {tag['regex']!r} in stats_tags= has no group. Put parentheses around the part to remove."
            )
        return tag["tag_name"], expression
    except KeyError as missing:
        raise UsageError(f"An entry of stats_tags= has no {missing}. Each needs 'tag_name' and 'regex'.") from None
    except re.error as error:
        raise UsageError(f"The regex {tag['regex']!r} in stats_tags= isn't valid: {error}.") from None


def _split(name: str, extractors: Sequence[tuple[str, re.Pattern[str]]]) -> tuple[str, list[tuple[str, str]]]:
    """Split a name into the name without its tags, and the tags. Each expression is applied to the whole name."""
    tags, removed = [], []
    for tag, expression in extractors:
        match = expression.search(name)
        if match is not None:
            tags.append((tag, match[min(2, expression.groups)]))
            removed.append(match.span(1))
    for start, end in sorted(removed, reverse=True):
        name = name[:start] + name[end:]
    return name, tags


def _lines(metric: Metric, name: str, labels: str) -> list[str]:
    if metric.kind is not MetricType.HISTOGRAM:
        return [f"{name}{{{labels}}} {metric.value}"]
    bins = Counter(_bin(sample) for sample in metric.samples)
    before = labels + "," if labels else ""
    lines = []
    for end in _BUCKETS:
        count = sum(number for (bottom, _), number in bins.items() if bottom <= end)
        lines.append(f'{name}_bucket{{{before}le="{end}"}} {count}')
    total = sum(number * _middle(*bounds) for bounds, number in bins.items())
    lines.append(f'{name}_bucket{{{before}le="+Inf"}} {len(metric.samples)}')
    return [*lines, f"{name}_sum{{{labels}}} {total:.32g}", f"{name}_count{{{labels}}} {len(metric.samples)}"]


def _bin(sample: int) -> tuple[float, float]:
    """Return the lower and upper end of a sample's bin."""
    if sample <= 0:
        return 0.0, 0.0
    width = 10 ** (len(str(sample)) - 2)
    bottom = sample // width * width if width >= 1 else float(sample)
    return float(bottom), bottom + float(width)


def _middle(bottom: float, top: float) -> float:
    """Return the value that circllhist uses for all samples in a bin."""
    return bottom + (top - bottom) * (bottom / (bottom + top)) if top else 0.0


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
