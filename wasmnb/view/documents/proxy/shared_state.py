"""What VMs share: metrics under the names of Envoy's admin page, shared data with their compare-and-swap numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...render.document import Block, Column, Document, Paragraph, Row, Span, Table, Title, inline
from ...render.units import plural
from ...render.values import value_text

__all__ = ["metrics_document", "metrics_table", "shared_document", "shared_table"]

_SHOWN = 500
_NONE = "No metric has been defined."


def _sorted_share(samples: list[int], share: float) -> int:
    return sorted(samples)[min(int(share * len(samples)), len(samples) - 1)]


def histogram_text(samples: list[int]) -> str:
    """Samples as the admin page sums them up."""
    if not samples:
        return "no recorded values"
    return "  ".join(f"P{round(q * 100)} {_sorted_share(samples, q):,}" for q in (0, 0.5, 0.9, 0.99, 1.0))


def _metric_row(metric: Any) -> Row:
    kind = metric.kind.name.lower()
    if kind == "histogram":
        value = f"{plural(len(metric.samples), 'sample')}  {histogram_text(metric.samples)}"
    else:
        value = f"{metric.value:,}"
    return Row((inline(Span(metric.name, "code")), inline(Span(kind, "muted")), inline(value)))


def metrics_table(metrics: Iterable[Any]) -> Table:
    """Metrics with kind and value."""
    return Table((Column("metric"), Column("kind"), Column("value", "right")), tuple(map(_metric_row, metrics)), cut=90)


def metrics_document(metrics: Any) -> Document:
    """The filters' metrics, then Envoy's own about Wasm."""
    defined = metrics.all()
    blocks: list[Block] = []
    if defined:
        blocks.append(metrics_table(defined[:_SHOWN]))
    else:
        blocks.append(Paragraph(inline(Span(_NONE, "muted"))))
    if len(defined) > _SHOWN:
        blocks.append(Paragraph(inline(Span(f"… {plural(len(defined) - _SHOWN, 'more metric')}", "muted"))))
    if metrics.envoy:
        blocks.append(Paragraph(inline(Span("Envoy's own about Wasm", "muted"))))
        rows = (Row((inline(Span(name, "code")), inline(f"{value:,}"))) for name, value in metrics.envoy.items())
        blocks.append(Table((Column("metric"), Column("value", "right")), tuple(rows), cut=90))
    return Document(tuple(blocks))


def shared_table(entries: Iterable[tuple[Any, Any, Any]]) -> Table:
    """Shared data: key, value, compare-and-swap number."""
    rows = (Row((inline(Span(k, "code")), inline(value_text(v)), inline(str(cas)))) for k, v, cas in entries)
    return Table((Column("key"), Column("value"), Column("cas", "right")), tuple(rows))


def shared_document(shared: Mapping[Any, Any], title: str = "shared data") -> Document:
    """Shared data of one vm_id as a document; a mapping of keys to values, or to pairs of value and number."""
    if not shared:
        return Document((Paragraph(inline(Span("No shared data.", "muted"))),))
    entries = [(k, *(v if isinstance(v, tuple) else (v, ""))) for k, v in list(shared.items())[:_SHOWN]]
    return Document((Title(inline(Span(title, "strong"))), shared_table(entries)))
