"""The document of a comparison of the simulated proxy with Envoy: the agreement, and all fields that differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ....abi.text import encode_text
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
from ...render.units import plural, size
from ...render.values import value_text
from .header_diff import diff_pairs

if TYPE_CHECKING:
    from wasmnb.envoy import Difference, Pair, Parity

__all__ = ["parity_document"]

_ABSENT: Inline = (TextSpan("—", "muted"),)
_SHOWN = 30  # maximum number of differences that are shown
_LINES = 12  # maximum number of log lines in one cell
_AROUND = 120  # number of bytes that are shown of a body with a difference
_BEFORE = 20  # number of bytes or characters that are shown before the difference

#: A part of a field: its name, the value in the simulated proxy, and the value in Envoy.
_Part = tuple[str, Inline, Inline]


def parity_document(parity: Parity) -> Document:
    """Return a document with the share of equal fields, a table of requests, the differences with hints, and all fields."""
    return Document(
        (
            _title(parity), _verdict(parity), *_notes(parity), _requests(parity.pairs), *_differences(parity),
            *_not_compared(parity), _both(parity.pairs),
        )
    )  # fmt: skip


def _title(parity: Parity) -> Title:
    """Return the title. If there are differences, the agreement isn't rounded up to 100 %."""
    percent = parity.agreement if parity.same else min(parity.agreement, 99.9)
    agreed = TextSpan(f"{percent:.1f} %", "good" if parity.same else "warn")
    fields = TextSpan(f" of {plural(parity.compared, 'field')} agree with Envoy", "muted")
    return Title(inline(TextSpan(parity.name, "strong"), "   ", agreed, fields))


def _verdict(parity: Parity) -> Paragraph:
    sent = plural(len(parity.pairs), "exchange" if any(map(_is_connection, parity.pairs)) else "request")
    if parity.same:
        return Paragraph(inline(TextSpan("✓ ", "good"), f"{sent} through both proxies, no differences."))
    differences = plural(len(parity.differences), "difference")
    return Paragraph(inline(TextSpan("✗ ", "warn"), f"{sent} through both proxies: {differences}."))


def _notes(parity: Parity) -> Iterator[DocumentBlock]:
    for note in parity.notes:
        first, _, rest = note.partition("\n")
        head = TextSpan(first, "warn" if "crashed" in first else "muted")
        yield Paragraph(inline(head, TextSpan("\n" + rest, "lines")) if rest else inline(head))


def _requests(pairs: Sequence[Pair]) -> Table:
    columns = (
        Column("", "right"), Column("request"), Column("simulated", "right", wrap=False),
        Column("Envoy", "right", wrap=False), Column("agree", "right", wrap=False), Column("differences"),
    )  # fmt: skip
    return Table(columns, tuple(map(_request, pairs)))


def _request(pair: Pair) -> Row:
    differs = bool(pair.differences)
    fields = ", ".join(d.where.partition(": ")[2] for d in pair.differences)
    agree = f"{pair.compared - len(pair.differences)} of {pair.compared}"
    cells = (str(pair.number), _request_line(pair), _outcome(pair.simulated), _outcome(pair.real), agree)
    shown = inline(TextSpan("~ ", "changed"), fields) if differs else inline(TextSpan("none", "muted"))
    return Row((*(inline(c) for c in cells), shown), "changed" if differs else "")


def _request_line(pair: Pair) -> str:
    return clip(pair.title, 100)


def _is_connection(pair: Pair) -> bool:
    return hasattr(pair.simulated, "sent")


def _outcome(exchange: Any) -> str:
    if exchange.crash:
        return "crash"
    if hasattr(exchange, "sent"):
        return size(len(exchange.received))
    response = exchange.response
    return str(response.status) if response is not None and response.status else "none"


# -- differences ----------------------------------------------------------------------------------------------------


def _differences(parity: Parity) -> Iterator[DocumentBlock]:
    """Yield the differences, each with the parts of the field that differ."""
    for difference in parity.differences[:_SHOWN]:
        yield _difference(difference)
    rest = len(parity.differences) - _SHOWN
    if rest > 0:
        yield Paragraph(inline(TextSpan(f"{plural(rest, 'more difference')}: see parity.differences.", "muted")))


def _not_compared(parity: Parity) -> Iterator[DocumentBlock]:
    """Yield a table of differences that aren't caused by the filter, with the reasons."""
    if not parity.not_compared:
        return
    rows = tuple(
        Row((inline(n.where), inline(TextSpan(n.reason, "muted")), _value(n.simulated), _value(n.real)))
        for n in parity.not_compared[:_SHOWN]
    )
    columns = (
        Column("field", width=20),
        Column("reason", width=30),
        Column("simulated", width=25),
        Column("Envoy", width=25),
    )
    summary = inline(
        TextSpan("not compared", "strong"), TextSpan(f"  {plural(len(parity.not_compared), 'field')}", "muted")
    )
    yield Fold(summary, (Table(columns, rows, wide=True, cut=60),), open=True)


def _difference(difference: Difference) -> Fold:
    parts = _parts(difference.simulated, difference.real)
    rows = tuple(Row((inline(TextSpan(name, "code")), ours, theirs), "changed") for name, ours, theirs in parts)
    where = inline(TextSpan("~ ", "changed"), TextSpan(difference.where, "strong"))
    return Fold(where, (_sides("", rows), Paragraph(inline(TextSpan(difference.hint, "muted")))), open=True)


def _sides(noun: str, rows: tuple[Row, ...]) -> Table:
    columns = (Column(noun, width=20), Column("simulated", width=40), Column("Envoy", width=40))
    return Table(columns, rows, wide=True, cut=60)


def _parts(ours: Any, theirs: Any) -> Iterable[_Part]:
    """Return the parts of a field in which two values differ."""
    match ours, theirs:
        case Mapping(), Mapping():
            names = [*ours, *(name for name in theirs if name not in ours)]
            return [(str(n), _value(ours.get(n)), _value(theirs.get(n))) for n in names if ours.get(n) != theirs.get(n)]
        case bytes(), bytes():
            return [_bodies(ours, theirs)]
        case list(), list() if _entries(ours) and _entries(theirs):
            return _headers(ours, theirs)
        case list(), list() if ours and theirs:
            return [("", *_differing_lines([str(line) for line in ours], [str(line) for line in theirs]))]
    return [("", _value(ours), _value(theirs))]


def _entries(value: list[Any]) -> bool:
    return all(isinstance(entry, tuple) for entry in value)


def _headers(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> list[_Part]:
    """Return the headers that differ or exist on one side only. If all are equal, return the two orders."""
    changes = [e for e in diff_pairs(_raw(ours), _raw(theirs)) if e.change != "same"]
    if not changes:
        return [("order", inline(", ".join(n for n, _ in ours)), inline(", ".join(n for n, _ in theirs)))]
    return [(e.name.decode("utf-8", "surrogateescape"), *_values(e.before, e.after)) for e in changes]


def _raw(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(encode_text(n), encode_text(v)) for n, v in pairs]


def _values(before: bytes | None, after: bytes | None) -> tuple[Inline, Inline]:
    """Return the two values of a header. Long values begin shortly before the first difference."""
    start = 0 if before is None or after is None else _first_shown(before, after)
    return _header(before, start), _header(after, start)


def _header(value: bytes | None, start: int) -> Inline:
    if value is None:
        return _ABSENT
    return (TextSpan("…".encode() + value[start:] if start else value or b'""'),)


def _first_shown(ours: Sequence[Any], theirs: Sequence[Any]) -> int:
    """Return the index from which two sequences are shown, so that the first difference is visible."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
    return same - _BEFORE if same > 2 * _BEFORE else 0


def _differing_lines(ours: list[str], theirs: list[str]) -> tuple[Inline, Inline]:
    """Return the lines of both sides, beginning shortly before the first difference."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
    first = max(0, same - 2)
    shown = [[f"… {first:,} equal lines"] * bool(first) + lines[first:] for lines in (ours, theirs)]
    if same < min(len(ours), len(theirs)) and (start := _first_shown(ours[same], theirs[same])):
        for lines, whole in zip(shown, (ours, theirs), strict=True):
            lines[same - first + bool(first)] = f"…{whole[same][start:]}"
    return _lines(shown[0]), _lines(shown[1])


def _bodies(ours: bytes, theirs: bytes) -> _Part:
    """Return the bytes of two bodies around the first difference, and the sizes of the bodies."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
    start = max(0, same - _BEFORE)
    return f"from byte {same:,} on", _window(ours, start), _window(theirs, start)


def _window(body: bytes, start: int) -> Inline:
    dots = "…" if start else ""
    shown = dots.encode() + body[start : start + _AROUND]
    return inline(shown, TextSpan(f"  ({size(len(body))})", "muted"))


def _value(value: Any) -> Inline:
    """Format a field's value in one of the proxies."""
    match value:
        case None | []:
            return _ABSENT
        case bool():
            return inline(TextSpan("yes" if value else "no"))
        case bytes():
            return _window(value, 0) if value else inline(TextSpan("empty", "muted"))
        case list() if _entries(value):
            return _lines(f"{name}: {text}" for name, text in value)
        case list():
            return _lines(map(str, value))
        case tuple():
            return inline(TextSpan(" ".join(map(str, value))))
    return inline(TextSpan(value_text(value).strip('"')))


def _lines(lines: Iterable[str]) -> Inline:
    """Format lines of text. Line breaks inside a line are escaped, so that one line doesn't look like two."""
    every = [clip(line.replace("\n", "\\n"), 200) for line in lines]
    omitted = [f"… {len(every) - _LINES:,} more"] if len(every) > _LINES else []
    return inline(TextSpan("\n".join([*every[:_LINES], *omitted]), "lines"))


# -- both sides -----------------------------------------------------------------------------------------------------


def _both(pairs: Sequence[Pair]) -> Fold:
    """Return a foldable list of all compared fields, by request."""
    summary = inline(TextSpan("both sides", "strong"), TextSpan("  all compared fields", "muted"))
    return Fold(summary, tuple(map(_fields, pairs)))


def _fields(pair: Pair) -> Fold:
    rows = tuple(_field(*field) for field in pair.fields)
    return Fold(inline(TextSpan(f"{pair.number}  ", "muted"), _request_line(pair)), (_sides("", rows),), open=True)


def _field(name: str, ours: Any, theirs: Any) -> Row:
    """Return a row with both values of a field. Bodies and logs begin shortly before the first difference."""
    if ours == theirs:
        return Row((inline(TextSpan("  "), name), _value(ours), _value(theirs)))
    both = _value(ours), _value(theirs)
    match ours, theirs:
        case bytes(), bytes():
            both = _bodies(ours, theirs)[1:]
        case list(), list() if ours and theirs and not (_entries(ours) and _entries(theirs)):
            both = _differing_lines([str(line) for line in ours], [str(line) for line in theirs])
    return Row((inline(TextSpan("~ ", "changed"), name), *both), "changed")
