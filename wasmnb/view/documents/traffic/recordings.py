"""The documents of a replay and of a comparison of two builds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...render.document import (
    Column,
    Document,
    DocumentBlock,
    Fold,
    Inline,
    Paragraph,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.escape import clip
from ...render.units import plural
from ...render.values import value_text
from .histogram import series_of
from .latency import latency_document

if TYPE_CHECKING:
    from wasmnb.traffic.build_diff import DifferenceGroup, DiffReport
    from wasmnb.traffic.replay import ReplayReport

__all__ = ["diff_document", "replay_document"]

#: Maximum number of groups of differences that are shown.
_GROUPS = 30

#: Maximum number of characters of a value that are shown.
_VALUE = 160


def replay_document(report: ReplayReport) -> Document:
    """Return a document with the counts, statuses and messages of a replay, and latencies."""
    title = f"{plural(report.read, 'recorded request')} through {report.name}"
    responses = ", ".join(f"{number:,} x {status or 'closed'}" for status, number in sorted(report.statuses.items()))
    notes = [
        f"{report.replayed:,} replayed, {report.skipped:,} skipped, {report.failed:,} failed.",
        f"Responses: {responses or 'none'}. {report.same_status:,} with the recorded status.",
        *_reading(report.masked, report.messages),
    ]
    if report.interrupted:
        notes.append("Interrupted. These are the results so far.")
    return latency_document([series_of(each) for each in report.distributions], (), inline(title), notes)


def diff_document(report: DiffReport) -> Document:
    """Return a document with the number of differences, a table of their groups, and an example of each group."""
    return Document(
        (
            Title(
                inline(
                    TextSpan(report.old, "strong"),
                    " and ",
                    TextSpan(report.new, "strong"),
                    TextSpan(f"   on {report.traffic}", "muted"),
                )
            ),
            _verdict(report),
            *([_groups(report)] if report.groups else []),
            *(_group(group) for group in report.groups[:_GROUPS]),
            *(
                Paragraph(inline(TextSpan(line, "muted")))
                for line in [report.latency, *_reading(report.masked, report.messages)]
            ),
        )
    )


def _reading(masked: Mapping[str, int], messages: list[str]) -> list[str]:
    secrets = ", ".join(f"{place} ({number:,})" for place, number in masked.items())
    return [*([f"Masked: {secrets}."] if secrets else []), *messages]


def _verdict(report: DiffReport) -> Paragraph:
    counts = f"{report.replayed:,} of {plural(report.read, 'request')} compared"
    if report.skipped or report.failed:
        counts += f", {report.skipped:,} skipped, {report.failed:,} failed"
    if report.same:
        return Paragraph(inline(TextSpan("✓ ", "good"), f"{counts}, no differences."))
    differing = f"{report.differing:,} differ, in {plural(len(report.groups), 'group')}"
    return Paragraph(inline(TextSpan("✗ ", "warn"), f"{counts}: {differing}."))


def _groups(report: DiffReport) -> Table:
    columns = (Column("requests", "right", wrap=False), Column("what differs"), Column("smallest example"))
    rows = tuple(
        Row(
            (inline(f"{group.count:,}"), inline(TextSpan("~ ", "changed"), group.title), inline(_line(group))),
            "changed",
        )
        for group in report.groups[:_GROUPS]
    )
    rest = len(report.groups) - _GROUPS
    last_row = (
        (Row((inline(f"{rest:,}"), inline(TextSpan("more groups: see report.groups", "muted")), ())),)
        if rest > 0
        else ()
    )
    return Table(columns, rows + last_row)


def _line(group: DifferenceGroup) -> str:
    request = group.example.recorded.request
    place = group.example.recorded.position or f"exchange {group.example.index + 1:,}"
    return f"{clip(f'{request.method} {request.path}', 80)} ({place})"


def _group(group: DifferenceGroup) -> Fold:
    """Return a table with the values of a group's example in both builds."""
    rows = tuple(
        Row((inline(TextSpan(each.title, "code")), _value(each.old), _value(each.new)), "changed")
        for each in group.differences
    )
    columns = (Column("", width=30), Column("old", width=35), Column("new", width=35))
    blocks: tuple[DocumentBlock, ...] = (
        Paragraph(inline(TextSpan(_line(group), "muted"))),
        Table(columns, (*rows, *_stations(group)), wide=True, cut=_VALUE),
    )
    summary = inline(
        TextSpan("~ ", "changed"),
        TextSpan(group.title, "strong"),
        TextSpan(f"  {plural(group.count, 'request')}", "muted"),
    )
    return Fold(summary, blocks, open=True)


def _stations(group: DifferenceGroup) -> tuple[Row, ...]:
    """Return rows with the upstream request and the response status of a group's example in both builds."""
    sides = (group.example.old, group.example.new)
    upstream = [", ".join(f"{r.method} {r.path}" for r in side.upstream_requests) for side in sides]
    received = [str(side.status or "none") for side in sides]
    return tuple(
        Row(
            (inline(TextSpan(name, "muted")), *(inline(TextSpan(clip(text, _VALUE) or "—", "muted")) for text in texts))
        )
        for name, texts in (("upstream request", upstream), ("response status", received))
    )


def _value(value: Any) -> Inline:
    if value is None:
        return inline(TextSpan("—", "muted"))
    if isinstance(value, bytes):
        return inline(value[:_VALUE] if value else TextSpan("empty", "muted"))
    return inline(clip(value if isinstance(value, str) else value_text(value), _VALUE))
