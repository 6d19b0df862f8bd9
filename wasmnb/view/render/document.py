"""The parts of a document, which `to_html` and `to_text` render with the same contents.

The text in spans isn't escaped; the renderers escape it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "CodeBlock",
    "Column",
    "Document",
    "DocumentBlock",
    "Fold",
    "Inline",
    "Outline",
    "OutlineItem",
    "Paragraph",
    "Picture",
    "Role",
    "Row",
    "Table",
    "TextSpan",
    "Title",
    "inline",
]

#: Meaning of a span or row. Renderers may add colour, but colour is never the only sign of the meaning. "lines" keeps line
#: breaks. "unwrapped" also doesn't wrap lines, for tracebacks with carets.
Role = Literal[
    "", "strong", "muted", "code", "lines", "unwrapped", "badge", "added", "removed", "changed", "good", "warn", "bad"
]


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A piece of unescaped text with a role."""

    text: str | bytes
    role: Role = ""


#: A line of spans.
Inline = tuple[TextSpan, ...]


def inline(*parts: str | bytes | TextSpan | Inline) -> Inline:
    """Join texts, spans and lines into one line. Empty spans are removed."""
    spans: list[TextSpan] = []
    for part in parts:
        if isinstance(part, tuple):
            spans.extend(part)
        else:
            spans.append(part if isinstance(part, TextSpan) else TextSpan(part))
    return tuple(s for s in spans if s.text)


@dataclass(frozen=True, slots=True)
class Title:
    """The title of a document."""

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
        Text of the column's header.
    align
        Alignment of the cells (default `left`).
    width
        Width of the column in HTML, in percent. 0 means automatic (default 0).
    wrap
        Whether to wrap long cells (default True).
    """

    title: str
    align: Literal["left", "right"] = "left"
    width: int = 0
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. `role` determines its background colour."""

    cells: tuple[Inline, ...]
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a header.

    Attributes
    ----------
    columns, rows
        Columns and rows of the table.
    wide
        Whether the table has the full width in HTML (default False).
    cut
        In text output, maximum number of characters per line of a cell (default 60).
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    wide: bool = False
    cut: int = 60


@dataclass(frozen=True, slots=True)
class OutlineItem:
    """A node of an outline. If it is `folded`, its children are initially hidden in HTML and omitted in text."""

    line: Inline
    children: tuple[OutlineItem, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A list of lines with nested lines."""

    items: tuple[OutlineItem, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Preformatted lines, for example a body or a traceback.

    Attributes
    ----------
    text
        The lines.
    marked
        Index of the line to highlight, or None.
    wrap
        Whether to wrap long lines in HTML (default True). If False, the block scrolls, so that carets keep their position.
    """

    text: str | bytes
    marked: int | None = None
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG image. It is created only for HTML, and omitted in text."""

    png: Callable[[], bytes]
    alt: str
    width: int = 720


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that can be folded under a summary line. In text, folded blocks are omitted if they are long."""

    summary: Inline
    blocks: tuple[DocumentBlock, ...]
    open: bool = False


DocumentBlock = Title | Paragraph | Table | Outline | CodeBlock | Picture | Fold


@dataclass(frozen=True, slots=True)
class Document:
    """A sequence of blocks to display."""

    blocks: Sequence[DocumentBlock] = field(default_factory=tuple)
