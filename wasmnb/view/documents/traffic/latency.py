"""The document of latencies: histograms and a table for requests and callbacks.

The rows `harness` contain the time that the simulation itself takes for an empty callback and an empty hostcall.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...render.document import (
    Column,
    Document,
    DocumentBlock,
    Inline,
    Paragraph,
    Picture,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural
from .histogram import QUANTILES, Series, sparkline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["latency_document", "latency_figure", "latency_html", "latency_png", "latency_text"]

_MAX_ROWS = 12
_TONE = "#808080"  # readable on light and dark backgrounds, because the PNG is transparent
_FILLS = ("#3b82c4", "#2c9a4b", "#c27803", "#9a5bc4", "#c4486b", "#3a9d9d")


def _span_of(series: Sequence[Series]) -> tuple[float, float]:
    """Return the lowest and highest value of all series as the ends of an axis. The two ends always differ."""
    edges = [edge for s in series for b in s.buckets for edge in b[:2] if edge > 0]
    if not edges:
        return 1.0, 10.0
    low, high = min(edges), max(edges)
    return low, max(high, low * 1.5)


def latency_figure(series: Sequence[Series], harness_ns: float = 0.0) -> Figure:
    """Return a figure with histograms on a common logarithmic time axis, in which p50 and p99 are marked.

    Parameters
    ----------
    series
        Distributions in nanoseconds.
    harness_ns
        Duration of an empty callback in nanoseconds, which is drawn as a line. 0 omits the line (default 0).
    """
    from matplotlib.figure import Figure

    shown = [s for s in series if s.buckets][:_MAX_ROWS]
    figure = Figure(figsize=(7.6, 0.7 + 0.62 * max(len(shown), 1)), dpi=110, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0]
    low, high = _span_of(shown)
    for number, (axis, one) in enumerate(zip(axes, shown, strict=False)):
        _draw(axis, one, _FILLS[number % len(_FILLS)])
        if low < harness_ns < high:
            axis.axvline(harness_ns, color=_TONE, lw=1, ls=":")
    for axis in axes[:-1]:  # drawing the ticks of all rows would take most of the time
        axis.tick_params(axis="x", which="both", bottom=False)
    axes[-1].set_xscale("log")
    axes[-1].set_xlim(low, high)
    axes[-1].xaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    axes[-1].xaxis.set_minor_formatter(lambda _value, _: "")
    axes[-1].tick_params(axis="x", colors=_TONE, labelsize=8)
    axes[-1].set_xlabel("solid line: p50, dashed: p99", color=_TONE, fontsize=8, loc="right")
    return figure


def _draw(axis: object, one: Series, fill: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    lefts, rights, counts = zip(*one.buckets, strict=True)
    widths = [r - low for low, r in zip(lefts, rights, strict=True)]
    axis.bar(lefts, counts, widths, align="edge", color=fill, alpha=0.85, linewidth=0)
    axis.patch.set_alpha(0)
    axis.set_yticks([])
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(_TONE)
    axis.tick_params(axis="x", which="both", length=2, color=_TONE)
    axis.set_ylabel(one.name, rotation=0, ha="right", va="center", color=_TONE, fontsize=9)
    for quantile, dash in ((one.quantiles[0], "-"), (one.quantiles[-1], "--")):
        axis.axvline(quantile, color=_TONE, lw=1, ls=dash)


def latency_png(series: Sequence[Series], harness_ns: float = 0.0) -> bytes:
    """Return the histograms as a transparent PNG. The parameters are the same as for `latency_figure`."""
    from io import BytesIO

    buffer = BytesIO()
    latency_figure(series, harness_ns).savefig(buffer, format="png", transparent=True)
    return buffer.getvalue()


def _row(one: Series, low: float, high: float) -> Row:
    numbers = (*one.quantiles, one.maximum)
    return Row(
        (
            inline(TextSpan(one.name, "code")),
            inline(f"{one.count:,}"),
            *(inline(duration(n)) for n in numbers),
            inline(TextSpan(sparkline(one, low, high), "code")),
        )
    )


def _harness_row(harness: Sequence[tuple[str, float]]) -> list[Row]:
    return [
        Row((inline(TextSpan(f"harness: {name}", "muted")), (), inline(duration(ns)), (), (), (), ()), "")
        for name, ns in harness
    ]


def latency_document(
    series: Sequence[Series], harness: Sequence[tuple[str, float]] = (), title: Inline = (), notes: Sequence[str] = ()
) -> Document:
    """Return a document with histograms and a table of latencies.

    Parameters
    ----------
    series
        Distributions in nanoseconds.
    harness
        Durations of the simulation itself, as pairs of name and nanoseconds (default none).
    title
        Title of the document (default none).
    notes
        Sentences below the title (default none).
    """
    columns = (
        Column("callback", wrap=False), Column("count", "right", wrap=False),
        *(Column(name, "right", wrap=False) for name, _ in QUANTILES),
        Column("max", "right", wrap=False), Column("shape", wrap=False),
    )  # fmt: skip
    low, high = _span_of(series)
    rows = [_row(one, low, high) for one in series if one.count]
    blocks: list[DocumentBlock] = [Title(title)] if title else []
    blocks += [Paragraph(inline(TextSpan(note, "muted"))) for note in notes]
    if not rows:
        return Document((*blocks, Paragraph(inline(TextSpan("No measurements.", "muted")))))
    empty = harness[0][1] if harness else 0.0
    alt = f"Histograms of {plural(len(rows), 'distribution')}; the table below has the numbers"
    blocks.append(Picture(lambda: latency_png(series, empty), alt))
    blocks.append(Table(columns, (*rows, *_harness_row(harness))))
    return Document(tuple(blocks))


def latency_html(series: Sequence[Series], harness: Sequence[tuple[str, float]] = ()) -> str:
    """Return the document of latencies as HTML, without title and notes.

    Parameters
    ----------
    series
        Distributions in nanoseconds.
    harness
        Durations of the simulation itself, as pairs of name and nanoseconds (default none).
    """
    return to_html(latency_document(series, harness))


def latency_text(series: Sequence[Series], harness: Sequence[tuple[str, float]] = ()) -> str:
    """Return the document of latencies as text, without title and notes.

    Parameters
    ----------
    series
        Distributions in nanoseconds.
    harness
        Durations of the simulation itself, as pairs of name and nanoseconds (default none).
    """
    return to_text(latency_document(series, harness))
