"""Convert documents to JSON, so that the panel can draw their blocks in its own style."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from wasmnb.view.render.document import (
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

from .texts import printable

__all__ = ["document"]

ROWS = 500  # maximum number of rows of one table
CODE = 20_000  # maximum number of characters of preformatted text


def document(doc: Document) -> list[Any]:
    """Return the blocks of a document as JSON.

    Parameters
    ----------
    doc
        The document.
    """
    return [_block(block) for block in doc.blocks]


def _line(line: Inline) -> list[Any]:
    return [[printable(span.text), span.role] for span in line]


def _block(block: DocumentBlock) -> Any:
    match block:
        case Title() | Paragraph():
            return {"kind": type(block).__name__.lower(), "line": _line(block.line)}
        case Table():
            return _table(block)
        case Outline():
            return {"kind": "outline", "items": _items(block.items)}
        case CodeBlock():
            return {"kind": "code", "text": printable(block.text, CODE), "wrap": block.wrap}
        case Fold():
            blocks = [_block(inner) for inner in block.blocks]
            return {"kind": "fold", "line": _line(block.summary), "open": block.open, "blocks": blocks}
        case Picture():
            data = base64.b64encode(block.png()).decode()
            return {"kind": "picture", "data": data, "alt": printable(block.alt), "width": block.width}


def _table(table: Table) -> Any:
    rows = [{"cells": [_line(cell) for cell in row.cells], "role": row.role} for row in table.rows[:ROWS]]
    columns = [[printable(c.title), c.align, c.wrap] for c in table.columns]
    return {"kind": "table", "columns": columns, "rows": rows, "more": len(table.rows) - len(rows)}


def _items(items: Iterable[OutlineItem]) -> list[Any]:
    return [{"line": _line(i.line), "folded": i.folded, "children": _items(i.children)} for i in items]
