"""The document of a profile: costs by source line, callback and hostcall, and the accuracy of the measurement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...render.document import (
    Column,
    Document,
    DocumentBlock,
    Fold,
    Paragraph,
    Role,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural
from ...tracebacks.frames import display_name

if TYPE_CHECKING:
    from wasmnb.traffic.profile_report import CallbackCost, LineCost, ObserverCost, ProfiledSource, ProfileReport

__all__ = ["profile_document", "profile_html", "profile_text"]

#: Length of a full bar in characters, and the share of the cost from which a row is highlighted.
_BAR, _HOT = 10, 0.2

#: Share of interpreted instructions above which a callback is highlighted.
_COLD = 0.05

_REMEDY = "To compile this code, use %wasmexport {name} DIR --profile {name}, or release(profile=proxy)."

#: Maximum number of lines of a source that is shown completely, and number of lines around executed ones in longer sources.
_COMPLETE, _AROUND = 150, 2

_NATIVE = (
    "The filter runs natively, but these are its costs in Wasm. To profile it in this Python, use a Python profiler: "
    '%prun -s tottime NAME.get("/")'
)

_SOURCE = (
    Column("line", "right", wrap=False), Column("hits", "right", wrap=False), Column("time", "right", wrap=False),
    Column("share", "right", wrap=False), Column("", wrap=False), Column("hostcalls", wrap=False), Column("source", wrap=False),
)  # fmt: skip


def profile_document(report: ProfileReport) -> Document:
    """Return a document with the costs in `report` by line, callback and hostcall. Times and hits of lines are averages per
    request.
    """
    blocks: list[DocumentBlock] = [
        Title(inline("Profile of ", TextSpan(report.name, "strong"), f": {duration(report.ns)} per request")),
        *_summary(report),
    ]
    for source in report.sources:
        blocks += [Paragraph(inline(TextSpan(display_name(source.filename), "strong"))), _source(source)]
    if report.callbacks:
        blocks += [_callbacks(report), *_interpreted(report)]
    if report.hostcalls:
        blocks.append(_hostcalls(report))
    if report.observer is not None:
        blocks.append(_accuracy(report.observer))
    return Document(tuple(blocks))


def _summary(report: ProfileReport) -> Iterator[DocumentBlock]:
    responses = ", ".join(f"{n:,} x {status or 'closed'}" for status, n in sorted(report.statuses.items()))
    text = f"{plural(report.requests, 'request')} through a new proxy with the same settings. Responses: {responses or 'none'}."
    if report.observer is not None and report.ns:
        share = report.around / report.ns
        text += (
            f" Outside of the filter's lines (SDK, interpreter): {duration(report.around)} per request, {share:.0%}."
        )
    yield Paragraph(inline(TextSpan(text, "muted")))
    if report.native:
        yield Paragraph(inline(TextSpan(_NATIVE, "muted")))
    if report.reason:
        yield Paragraph(inline(TextSpan(report.reason, "muted")))


def _source(source: ProfiledSource) -> Table:
    texts = dict(enumerate(source.text.split("\n"), source.first_line)) if source.text else {}
    numbers = sorted(texts.keys() | source.lines.keys())
    if len(numbers) > _COMPLETE:
        near = {n + d for n in source.lines for d in range(-_AROUND, _AROUND + 1)}
        numbers = [n for n in numbers if n in near]
    rows: list[Row] = []
    for i, number in enumerate(numbers):
        if i and number != numbers[i - 1] + 1:
            rows.append(Row((inline("⋮"), *[inline()] * 6)))
        rows.append(_line(number, texts.get(number, ""), source.lines.get(number)))
    return Table(_SOURCE, tuple(rows), wide=True, cut=110)


def _line(number: int, text: str, cost: LineCost | None) -> Row:
    head, code = inline(TextSpan(str(number), "muted")), inline(TextSpan(text.rstrip().expandtabs(4), "code"))
    if cost is None:
        return Row((head, *[inline()] * 5, code))
    bar = "█" * max(round(cost.share * _BAR), 0) or ("▏" if cost.share >= 0.005 else "")
    calls = ", ".join(f"{_number(n)} {name}" for name, n in cost.hostcalls.items())
    cells = (_number(cost.hits), duration(cost.ns), f"{cost.share:.1%}", bar, calls)
    return Row((head, *map(inline, cells), code), "changed" if cost.share >= _HOT else "")


def _number(value: float) -> str:
    """Format an average per request. Returns '' for 0."""
    return f"{value:,.0f}" if float(value).is_integer() and value else f"{value:,.2f}" if value else ""


def _callbacks(report: ProfileReport) -> Table:
    several = len({c.plugin for c in report.callbacks}) > 1
    heads = [Column("plugin")] * several + [Column("callback")]
    heads += [Column(name, "right") for name in ("count", "total", "mean", "instructions")]
    released = any(c.release_fuel is not None for c in report.callbacks)
    heads += [Column(name, "right") for name in ("release module", "interpreted")] * released
    rows = []
    for c in report.callbacks:
        numbers = [f"{c.count:,}", duration(c.total_ns), duration(c.mean_ns), f"{c.fuel:,.0f}"]
        numbers += [f"{c.release_fuel or 0:,.0f}", f"{c.interpreted or 0:.0%}"] * released
        style: Role = "changed" if _is_cold(c) else ""
        rows.append(
            Row((*[inline(c.plugin)] * several, inline(TextSpan(c.name, "code")), *map(inline, numbers)), style)
        )
    return Table(tuple(heads), tuple(rows))


def _is_cold(callback: CallbackCost) -> bool:
    return (callback.interpreted or 0) > _COLD


def _interpreted(report: ProfileReport) -> Iterator[DocumentBlock]:
    """Yield advice if callbacks run code that the release module interprets."""
    names = [c.name for c in report.callbacks if _is_cold(c)]
    if names:
        text = f"The release module interprets code that {', '.join(names)} runs. {_REMEDY.format(name=report.name)}"
        yield Paragraph(inline(TextSpan("! ", "warn"), text))


def _hostcalls(report: ProfileReport) -> Table:
    heads = (Column("hostcall"), *(Column(name, "right") for name in ("count", "per request", "total", "mean")))
    rows = []
    for h in report.hostcalls:
        numbers = (f"{h.count:,}", f"{h.count / report.requests:,.3g}", duration(h.total_ns), duration(h.mean_ns))
        rows.append(Row((inline(TextSpan(h.name, "code")), *map(inline, numbers))))
    return Table(heads, tuple(rows))


def _accuracy(observer: ObserverCost) -> Fold:
    sentences = (
        "Times of callbacks and hostcalls are measured without instrumentation. Hostcalls take the time of the simulator, not of Envoy.",
        (
            "The time of a line is its share of the callbacks' time, measured in WebAssembly instructions. It includes calls "
            "of code outside of the filter. Instructions take different times."
        ),
        (
            f"Instrumentation took {observer.events:,.0f} events per request of {observer.fuel:,.0f} instructions each, which are "
            f"subtracted. The instrumented code still ran {abs(observer.excess):.0%} {'fewer' if observer.excess < 0 else 'more'} instructions: Python doesn't specialize "
            "the first instruction of an instrumented line, so short lines that run often seem more expensive."
        ),
    )
    return Fold(
        inline("How this was measured"), tuple(Paragraph(inline(TextSpan(text, "muted"))) for text in sentences)
    )


def profile_html(report: ProfileReport) -> str:
    """Return the document of the profile `report` as HTML."""
    return to_html(profile_document(report))


def profile_text(report: ProfileReport) -> str:
    """Return the document of the profile `report` as text."""
    return to_text(profile_document(report))
