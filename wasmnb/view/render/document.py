"""The document: a sequence of blocks that `to_html` and `to_text` render.

Both forms have the same content, because they come from the same document. Text in spans is raw; the renderers escape
it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Block",
    "Code",
    "Column",
    "Document",
    "Fold",
    "Inline",
    "Item",
    "Outline",
    "Paragraph",
    "Picture",
    "Role",
    "Row",
    "Span",
    "Table",
    "Title",
    "inline",
]

#: Meaning of a span or row. Renderers may colour it, but never express the meaning by colour alone. "lines" keeps
#: line breaks, and "unwrapped" also the lines as they are, for tracebacks with carets.
Role = Literal[
    "", "strong", "muted", "code", "lines", "unwrapped", "badge", "added", "removed", "changed", "good", "warn", "bad"
]


@dataclass(frozen=True, slots=True)
class Span:
    """Raw text with a role."""

    text: str | bytes
    role: Role = ""


#: A line of spans.
Inline = tuple[Span, ...]


def inline(*parts: str | bytes | Span | Inline) -> Inline:
    """Join text, spans and lines into one line, without empty spans."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, tuple):
            spans.extend(part)
        else:
            spans.append(part if isinstance(part, Span) else Span(part))
    return tuple(s for s in spans if s.text)


@dataclass(frozen=True, slots=True)
class Title:
    """The headline of a document."""

    line: Inline


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of text."""

    line: Inline


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Text of the column's head.
    align
        Alignment of the cells.
    width
        Width in HTML in percent; 0 for automatic.
    wrap
        Wrap long cells.
    """

    title: str
    align: Literal["left", "right"] = "left"
    width: int = 0
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; `role` colours its background."""

    cells: tuple[Inline, ...]
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    columns, rows
        Columns and rows of the table.
    wide
        Use the whole width in HTML.
    cut
        Longest cell in text, in characters.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    wide: bool = False
    cut: int = 60


@dataclass(frozen=True, slots=True)
class Item:
    """A node of an outline. A `folded` node is closed at first in HTML, and one line in text."""

    line: Inline
    children: tuple[Item, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A tree of lines."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted lines, such as a body or traceback.

    Attributes
    ----------
    text
        The lines.
    marked
        Index of a line to mark.
    wrap
        Wrap long lines in HTML. Without it they scroll, so that carets stay below what they point at.
    """

    text: str | bytes
    marked: int | None = None
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that is created for HTML only; in text it is omitted."""

    png: Callable[[], bytes]
    alt: str
    width: int = 720


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that can be folded below a line. In text, closed ones are omitted unless they are short."""

    summary: Inline
    blocks: tuple[Block, ...]
    open: bool = False


Block = Title | Paragraph | Table | Outline | Code | Picture | Fold


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks in order."""

    blocks: Sequence[Block] = field(default_factory=tuple)
