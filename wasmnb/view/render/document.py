"""What a view says before it is HTML or text: a document of a few kinds of block.

Every view builds one document from an object, and two renderers (`to_html`, `to_text`) write it down. So the two forms
cannot say different things. Text inside spans is raw; the renderers escape it, whoever wrote it.
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

#: What a piece of text is; a renderer may colour it, but no meaning hangs on the colour alone.
#: "lines" keeps its newlines.
Role = Literal["", "strong", "muted", "code", "lines", "badge", "added", "removed", "changed", "good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of raw text with a role."""

    text: str | bytes
    role: Role = ""


#: A line of spans.
Inline = tuple[Span, ...]


def inline(*parts: str | bytes | Span | Inline) -> Inline:
    """Spans from text, spans and lines of them; empty ones are dropped."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, tuple):
            spans.extend(part)
        else:
            spans.append(part if isinstance(part, Span) else Span(part))
    return tuple(s for s in spans if s.text)


@dataclass(frozen=True, slots=True)
class Title:
    """Headline of a view."""

    line: Inline


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line or two of prose."""

    line: Inline


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column, how its cells are aligned and wrapped, and its share of the width in HTML (percent, 0 is auto)."""

    title: str
    align: Literal["left", "right"] = "left"
    width: int = 0
    wrap: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table; `role` tints it."""

    cells: tuple[Inline, ...]
    role: Role = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `wide` ones take the output's whole width; text cuts cells at `cut` characters."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    wide: bool = False
    cut: int = 60


@dataclass(frozen=True, slots=True)
class Item:
    """A node of an outline. `folded` nodes start closed in HTML and show one line in text."""

    line: Inline
    children: tuple[Item, ...] = ()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Outline:
    """A tree of lines."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted lines: a body, a traceback. `marked` is the 0-based number of a line to point at."""

    text: str | bytes
    marked: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, made only when HTML is asked for; text readers get the tables beside it."""

    png: Callable[[], bytes]
    alt: str
    width: int = 720


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks under a line that can be opened; closed ones are left out of text unless they are short."""

    summary: Inline
    blocks: tuple[Block, ...]
    open: bool = False


Block = Title | Paragraph | Table | Outline | Code | Picture | Fold


@dataclass(frozen=True, slots=True)
class Document:
    """Blocks in order."""

    blocks: Sequence[Block] = field(default_factory=tuple)
