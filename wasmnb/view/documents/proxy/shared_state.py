"""The documents of a proxy's metrics and of its shared data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...render.document import Column, Document, DocumentBlock, Paragraph, Row, Table, TextSpan, Title, inline
from ...render.units import plural
from ...render.values import value_text

__all__ = ["metrics_document", "metrics_table", "shared_document", "shared_table"]

_SHOWN = 500
_NONE = "No metrics."


def _sorted_share(samples: list[int], share: float) -> int:
    return sorted(samples)[min(int(share * len(samples)), len(samples) - 1)]


def histogram_text(samples: list[int]) -> str:
    """Format the quantiles of a histogram's samples as on Envoy's admin page."""
    if not samples:
        return "no recorded values"
    return "  ".join(f"P{round(q * 100)} {_sorted_share(samples, q):,}" for q in (0, 0.5, 0.9, 0.99, 1.0))


def _metric_row(metric: Any) -> Row:
    kind = metric.kind.name.lower()
    if kind == "histogram":
        value = f"{plural(len(metric.samples), 'sample')}  {histogram_text(metric.samples)}"
    else:
        value = f"{metric.value:,}"
    return Row((inline(TextSpan(metric.name, "code")), inline(TextSpan(kind, "muted")), inline(value)))


def metrics_table(metrics: Iterable[Any]) -> Table:
    """Return a table with the name, kind and value of metrics."""
    return Table((Column("metric"), Column("kind"), Column("value", "right")), tuple(map(_metric_row, metrics)), cut=90)


def metrics_document(metrics: Any) -> Document:
    """Return a document with the metrics that filters define, followed by Envoy's own metrics about Wasm."""
    defined = metrics.all()
    blocks: list[DocumentBlock] = []
    if defined:
        blocks.append(metrics_table(defined[:_SHOWN]))
    else:
        blocks.append(Paragraph(inline(TextSpan(_NONE, "muted"))))
    if len(defined) > _SHOWN:
        blocks.append(Paragraph(inline(TextSpan(f"… {plural(len(defined) - _SHOWN, 'more metric')}", "muted"))))
    if metrics.envoy:
        blocks.append(Paragraph(inline(TextSpan("Envoy's metrics about Wasm", "muted"))))
        rows = (Row((inline(TextSpan(name, "code")), inline(f"{value:,}"))) for name, value in metrics.envoy.items())
        blocks.append(Table((Column("metric"), Column("value", "right")), tuple(rows), cut=90))
    return Document(tuple(blocks))


def shared_table(entries: Iterable[tuple[Any, Any, Any]]) -> Table:
    """Return a table of shared data: keys, values and compare-and-swap numbers."""
    rows = (Row((inline(TextSpan(k, "code")), inline(value_text(v)), inline(str(cas)))) for k, v, cas in entries)
    return Table((Column("key"), Column("value"), Column("cas", "right")), tuple(rows))


def shared_document(shared: Mapping[Any, Any], title: str = "shared data") -> Document:
    """Return a document with the shared data of one vm_id.

    Parameters
    ----------
    shared
        Key -> value, or key -> (value, compare-and-swap number).
    title
        Title of the document (default `shared data`).
    """
    if not shared:
        return Document((Paragraph(inline(TextSpan("No shared data.", "muted"))),))
    entries = [(k, *(v if isinstance(v, tuple) else (v, ""))) for k, v in list(shared.items())[:_SHOWN]]
    return Document((Title(inline(TextSpan(title, "strong"))), shared_table(entries)))
