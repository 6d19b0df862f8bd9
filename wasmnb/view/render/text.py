"""Write documents as Unicode text, with aligned tables, trees and indented blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ..._display import pad, width
from .document import (
    CodeBlock,
    Document,
    DocumentBlock,
    Fold,
    Inline,
    Outline,
    OutlineItem,
    Paragraph,
    Picture,
    Table,
    Title,
)
from .escape import NEWLINES, clip, visible

__all__ = ["to_text"]

_SHORT_FOLD = 24  # maximum number of lines of a folded block that is shown nevertheless


def _line(line: Inline) -> str:
    return "".join(visible(s.text, keep=NEWLINES if s.role in ("lines", "unwrapped") else "") for s in line)


def _cell(line: Inline, cut: int) -> list[str]:
    return [clip(text, cut) for text in _line(line).expandtabs(4).split("\n")]


def _table(table: Table) -> Iterator[str]:
    heads = [[visible(c.title)] for c in table.columns]
    grid = [heads, *([_cell(cell, table.cut) for cell in row.cells] for row in table.rows)]
    widths = [max(width(text) for row in grid for text in row[i]) for i in range(len(table.columns))]
    for row in grid:
        for texts in zip_longest(*row, fillvalue=""):
            cells = (pad(text, w, c.align) for text, w, c in zip(texts, widths, table.columns, strict=True))
            yield "  ".join(cells).rstrip()
        if row is heads:
            yield "  ".join("─" * w for w in widths)


def _items(items: Sequence[OutlineItem], indent: str) -> Iterator[str]:
    for item in items:
        last = item is items[-1]
        folded = item.folded and item.children
        yield f"{indent}{'└─ ' if last else '├─ '}{'▸ ' if folded else ''}{_line(item.line)}"
        if not folded:
            yield from _items(item.children, indent + ("   " if last else "│  "))


def _outline(outline: Outline) -> Iterator[str]:
    for item in outline.items:
        yield _line(item.line)
        if not item.folded:
            yield from _items(item.children, "")


def _code(code: CodeBlock) -> Iterator[str]:
    for number, text in enumerate(visible(code.text, keep=NEWLINES).split("\n")):
        sign = "" if code.marked is None else "❱ " if number == code.marked else "  "
        yield f"    {sign}{text}".rstrip()


def _fold(fold: Fold) -> Iterator[str]:
    body = [text for block in fold.blocks for text in _block(block)]
    shown = fold.open or len(body) <= _SHORT_FOLD
    yield _line(fold.summary) + ("" if shown else f"  ({len(body)} lines)")
    if shown:
        yield from ("  " + text if text else "" for text in body)


def _block(block: DocumentBlock) -> Iterator[str]:
    match block:
        case Title():
            text = _line(block.line)
            yield text
            yield "━" * min(width(text), 100)
        case Paragraph():
            yield _line(block.line)
        case Table():
            yield from _table(block)
        case Outline():
            yield from _outline(block)
        case CodeBlock():
            yield from _code(block)
        case Fold():
            yield from _fold(block)
        case Picture():
            return


def to_text(document: Document) -> str:
    """Return the document `document` as text, without a line break at its end."""
    parts: list[str] = []
    previous: DocumentBlock | None = None
    for block in document.blocks:
        lines = list(_block(block))
        loose = isinstance(block, Table | Outline | CodeBlock) or isinstance(previous, Table | Outline | CodeBlock)
        if parts and lines and loose and not isinstance(previous, Title):
            parts.append("")
        parts += lines
        previous = block if lines else previous
    return "\n".join(parts)
