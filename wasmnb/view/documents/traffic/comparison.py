"""The document of a comparison of both proxies: the agreement, and every field that differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ...render.document import Block, Column, Document, Fold, Inline, Paragraph, Row, Span, Table, Title, inline
from ...render.escape import clip
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import plural, size
from ...render.values import value_text
from .header_diff import diff_pairs

if TYPE_CHECKING:
    from wasmnb.envoy import Difference, Pair, Parity

__all__ = ["parity_document", "parity_html", "parity_text"]

_ABSENT: Inline = (Span("—", "muted"),)
_SHOWN = 30  # differences that are shown; more are counted
_LINES = 12  # lines of a log in one cell
_AROUND = 120  # bytes of a body that are shown, from shortly before the first difference

#: A part of a field: name, simulated value, Envoy's value.
_Part = tuple[str, Inline, Inline]


def parity_document(parity: Parity) -> Document:
    """Return the agreement, a row for each request, every difference with a hint, and all fields."""
    return Document(
        (_title(parity), _verdict(parity), _requests(parity.pairs), *_differences(parity), _both(parity.pairs))
    )


def _title(parity: Parity) -> Title:
    """Return the title, in which less than 100 % is never rounded up."""
    percent = parity.agreement if parity.same else min(parity.agreement, 99.9)
    agreed = Span(f"{percent:.1f} %", "good" if parity.same else "warn")
    fields = Span(f" of {plural(parity.compared, 'field')} agree with Envoy", "muted")
    return Title(inline(Span(parity.name, "strong"), "   ", agreed, fields))


def _verdict(parity: Parity) -> Paragraph:
    sent = plural(len(parity.pairs), "request")
    if parity.same:
        return Paragraph(inline(Span("✓ ", "good"), f"{sent} through both proxies, no differences."))
    differences = plural(len(parity.differences), "difference")
    return Paragraph(inline(Span("✗ ", "warn"), f"{sent} through both proxies: {differences}."))


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
    cells = (str(pair.number), _request_line(pair), _status(pair.simulated), _status(pair.real), agree)
    shown = inline(Span("~ ", "changed"), fields) if differs else inline(Span("none", "muted"))
    return Row((*(inline(c) for c in cells), shown), "changed" if differs else "")


def _request_line(pair: Pair) -> str:
    return clip(f"{pair.simulated.request.method} {pair.simulated.request.path}", 100)


def _status(exchange: Any) -> str:
    response = exchange.response
    return str(response.status) if response is not None and response.status else "none"


# -- differences ----------------------------------------------------------------------------------------------------


def _differences(parity: Parity) -> Iterator[Block]:
    """Yield each difference with the entries that differ."""
    for difference in parity.differences[:_SHOWN]:
        yield _difference(difference)
    rest = len(parity.differences) - _SHOWN
    if rest > 0:
        yield Paragraph(inline(Span(f"{plural(rest, 'more difference')}: see parity.differences.", "muted")))


def _difference(difference: Difference) -> Fold:
    parts = _parts(difference.simulated, difference.real)
    rows = tuple(Row((inline(Span(name, "code")), ours, theirs), "changed") for name, ours, theirs in parts)
    where = inline(Span("~ ", "changed"), Span(difference.where, "strong"))
    return Fold(where, (_sides("", rows), Paragraph(inline(Span(difference.hint, "muted")))), open=True)


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
    return [("", _value(ours), _value(theirs))]


def _entries(value: list[Any]) -> bool:
    return all(isinstance(entry, tuple) for entry in value)


def _headers(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> list[_Part]:
    """Return entries that differ or that only one side has; if all are equal, their order."""
    changes = [e for e in diff_pairs(_raw(ours), _raw(theirs)) if e.change != "same"]
    if not changes:
        return [("order", inline(", ".join(n for n, _ in ours)), inline(", ".join(n for n, _ in theirs)))]
    return [(e.name.decode("utf-8", "surrogateescape"), _header(e.before), _header(e.after)) for e in changes]


def _raw(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(n.encode("utf-8", "surrogateescape"), v.encode("utf-8", "surrogateescape")) for n, v in pairs]


def _header(value: bytes | None) -> Inline:
    return _ABSENT if value is None else (Span(value or b'""'),)


def _bodies(ours: bytes, theirs: bytes) -> _Part:
    """Return sizes and the bytes around the first difference."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
    start = max(0, same - 20)
    return f"from byte {same:,} on", _window(ours, start), _window(theirs, start)


def _window(body: bytes, start: int) -> Inline:
    dots = "…" if start else ""
    shown = dots.encode() + body[start : start + _AROUND]
    return inline(shown, Span(f"  ({size(len(body))})", "muted"))


def _value(value: Any) -> Inline:
    """Format the value of one side."""
    match value:
        case None | []:
            return _ABSENT
        case bool():
            return inline(Span("yes" if value else "no"))
        case bytes():
            return _window(value, 0) if value else inline(Span("empty", "muted"))
        case list() if _entries(value):
            return _lines(f"{name}: {text}" for name, text in value)
        case list():
            return _lines(map(str, value))
        case tuple():
            return inline(Span(" ".join(map(str, value))))
    return inline(Span(value_text(value).strip('"')))


def _lines(lines: Iterable[str]) -> Inline:
    """Format lines; line breaks inside of one are escaped, so that it can't imitate another."""
    every = [clip(line.replace("\n", "\\n"), 200) for line in lines]
    more = [f"… {len(every) - _LINES:,} more"] if len(every) > _LINES else []
    return inline(Span("\n".join([*every[:_LINES], *more]), "lines"))


# -- both sides -----------------------------------------------------------------------------------------------------


def _both(pairs: Sequence[Pair]) -> Fold:
    """Return all compared fields, one fold for each request."""
    summary = inline(Span("both sides", "strong"), Span("  all compared fields", "muted"))
    return Fold(summary, tuple(map(_fields, pairs)))


def _fields(pair: Pair) -> Fold:
    rows = tuple(
        Row(
            (inline(Span("  " if ours == theirs else "~ ", "changed"), name), _value(ours), _value(theirs)),
            "" if ours == theirs else "changed",
        )
        for name, ours, theirs in pair.fields
    )
    return Fold(inline(Span(f"{pair.number}  ", "muted"), _request_line(pair)), (_sides("", rows),), open=True)


def parity_html(parity: Parity) -> str:
    """Return the comparison as HTML, with differences marked."""
    return to_html(parity_document(parity))


def parity_text(parity: Parity) -> str:
    """Return the comparison as text."""
    return to_text(parity_document(parity))
