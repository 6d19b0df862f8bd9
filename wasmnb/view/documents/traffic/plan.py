"""The document of a load plan's run: a chart over time, tables of routes and phases, and latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from ...render.units import duration, plural, size
from .histogram import series_of
from .latency import latency_document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wasmnb.traffic.load_plans import PlanReport
    from wasmnb.traffic.load_plans.report import LoadPart

__all__ = ["live_document", "plan_document"]

#: Maximum number of routes that are shown.
_ROUTES = 30

_BARS = "▁▂▃▄▅▆▇█"
_TONE = "#808080"  # readable on light and dark backgrounds, because the PNG is transparent


def plan_document(report: PlanReport) -> Document:
    """Return a document with the chart, the routes and phases, and the latencies of requests and callbacks."""
    harness = (("empty callback", report.harness.callback_ns), ("empty hostcall", report.harness.hostcall_ns))
    latencies = latency_document([series_of(d) for d in report.distributions], harness)
    return Document((*live_document(report).blocks, *latencies.blocks))


def live_document(report: PlanReport) -> Document:
    """Return the document that is shown while the load runs. It doesn't contain the histograms."""
    blocks: list[DocumentBlock] = [Title(inline(f"{plural(report.count, 'request')} through {report.name}"))]
    blocks += [Paragraph(inline(TextSpan(note, "muted"))) for note in _notes(report)]
    if report.count:
        blocks.append(
            Picture(lambda: _png(report), "Load, latencies and errors over virtual time; the lines below are the same")
        )
        blocks += [Paragraph(line) for line in _lines(report)]
        blocks.append(_table("route", [part for part in report.routes.values() if part.sent]))
        blocks.append(_table("phase", [part for part in report.phases if part.sent]))
    return Document(tuple(blocks))


def _notes(report: PlanReport) -> list[str]:
    responses = ", ".join(f"{n:,} x {status or 'closed'}" for status, n in sorted(report.statuses.items(), key=str))
    notes = [
        f"{plural(report.workers, 'worker')}, {report.plan.seconds:g} virtual seconds planned. Responses: {responses or 'none'}.",
        "request: from the moment at which it was due to its end on the virtual clock, including the wait for a busy worker.",
    ]
    if report.errors:
        notes.append(f"{plural(report.errors, 'error')}, {plural(report.timeouts, 'timeout')} of them.")
    if report.failed:
        notes.append(f"A filter failed in {plural(report.failed, 'request')}: see report.failures.")
    if report.stopped:
        notes.append(f"Stopped: {report.stopped}")
    if report.interrupted:
        notes.append(
            f"Interrupted or still running: {report.sent - report.count:,} of {report.sent:,} requests have not ended."
        )
    return notes


def _lines(report: PlanReport) -> list[Inline]:
    """Return the chart as lines of bars, for text output and screen readers."""
    parts, second = report.timeline, 1 / report.interval
    rows = (
        ("sent", [part.sent * second for part in parts], lambda n: f"up to {n:,.0f} a second"),
        ("p50", [part.requests.median for part in parts], lambda n: f"up to {duration(n)}"),
        ("p99", [part.requests.quantile(0.99) for part in parts], lambda n: f"up to {duration(n)}"),
        ("errors", [part.errors * second for part in parts], lambda n: f"up to {n:,.0f} a second"),
    )
    return [_line(name, values, unit) for name, values, unit in rows if max(values) > 0]


def _line(name: str, values: Sequence[float], unit: Callable[[float], str]) -> Inline:
    top = max(values)
    bars = "".join(_BARS[min(int(value / top * 8), 7)] if value else " " for value in values)
    return inline(TextSpan(f"{name:6} {bars}", "code"), TextSpan(f"  {unit(top)}", "muted"))


def _table(noun: str, parts: Sequence[LoadPart]) -> Table:
    columns = (
        Column(noun), *(Column(name, "right", wrap=False) for name in ("sent", "done", "errors", "p50", "p90", "p99", "max")),
        Column("responses"), Column("bodies sent", "right", wrap=False), Column("received", "right", wrap=False),
    )  # fmt: skip
    rows = [Row(_cells(part)) for part in parts[:_ROUTES]]
    if len(parts) > _ROUTES:
        note = f"{len(parts) - _ROUTES:,} more: see report.{noun}s"
        rows.append(Row((inline(TextSpan(note, "muted")), *((),) * (len(columns) - 1))))
    return Table(columns, tuple(rows))


def _cells(part: LoadPart) -> tuple[Inline, ...]:
    times = [part.requests.quantile(q) for q in (0.5, 0.9, 0.99)]
    statuses = ", ".join(f"{number:,} x {status or 'closed'}" for status, number in sorted(part.statuses.items()))
    return (
        inline(TextSpan(part.name, "code")), inline(f"{part.sent:,}"), inline(f"{part.count:,}"),
        inline(TextSpan(f"{part.errors:,}", "bad" if part.errors else "")), *(inline(duration(ns)) for ns in times),
        inline(duration(part.requests.maximum)), inline(statuses), inline(size(part.request_bytes)), inline(size(part.response_bytes)),
    )  # fmt: skip


def _png(report: PlanReport) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    _figure(report).savefig(buffer, format="png", transparent=True)
    return buffer.getvalue()


def _figure(report: PlanReport) -> Figure:
    """Draw a chart over virtual time, with sent requests and errors above and latencies below."""
    from matplotlib.figure import Figure

    parts = report.timeline
    edges = [part.begins for part in parts] + [parts[-1].begins + parts[-1].seconds]
    figure = Figure(figsize=(7.6, 3.0), dpi=110, layout="constrained")
    figure.patch.set_alpha(0)
    above, below = figure.subplots(2, 1, sharex=True)
    above.stairs(
        [part.sent / part.seconds for part in parts], edges, fill=True, color="#3b82c4", alpha=0.85, label="sent"
    )
    if report.errors:
        above.stairs([part.errors / part.seconds for part in parts], edges, fill=True, color="#c4486b", label="errors")
    for name, quantile, dash in (("p50", 0.5, "-"), ("p99", 0.99, "--")):
        points = [(part.begins + part.seconds / 2, part.requests.quantile(quantile)) for part in parts if part.count]
        below.plot(*zip(*points, strict=True), color="#c27803", lw=1.2, ls=dash, label=name)
    below.set_yscale("log")
    below.yaxis.set_major_formatter(lambda value, _: duration(value).replace(".00", "").replace(".0", ""))
    below.yaxis.set_minor_formatter(lambda _value, _: "")
    below.set_xlim(edges[0], edges[-1])
    for axis, label in ((above, "a second"), (below, "latency")):
        axis.patch.set_alpha(0)
        axis.set_ylabel(label, color=_TONE, fontsize=9)
        axis.tick_params(colors=_TONE, labelsize=8, which="both")
        axis.legend(loc="upper left", fontsize=8, frameon=False, labelcolor=_TONE)
        for side in axis.spines.values():
            side.set_color(_TONE)
        for part in report.phases[1:]:
            axis.axvline(part.begins, color=_TONE, lw=0.6, ls=":")
    below.set_xlabel("virtual seconds", color=_TONE, fontsize=8, loc="right")
    return figure
