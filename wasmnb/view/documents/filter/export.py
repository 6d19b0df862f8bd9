"""The document of an export: the written files, and the commands to try them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...render.document import (
    CodeBlock,
    Column,
    Document,
    DocumentBlock,
    Paragraph,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.units import size

if TYPE_CHECKING:
    from wasmnb.envoy.deployment import Export

__all__ = ["export_document"]


def export_document(export: Export) -> Document:
    """Return a document with a table of the exported files, the commands to try them, and notes."""
    rows = [
        Row((inline(TextSpan(name, "code")), inline(size(number) if number else ""), inline(description)))
        for name, number, description in export.files
    ]
    columns = (Column("file", wrap=False), Column("size", "right", wrap=False), Column(""))
    blocks: list[DocumentBlock] = [
        Title(inline(TextSpan(f"exported to {export.folder}", "strong"))),
        Table(columns, tuple(rows), cut=80),
        Paragraph(inline("To try it:")),
        CodeBlock(f"cd {export.folder} && envoy -c envoy.yaml\ncurl -i http://127.0.0.1:{export.port}/"),
    ]
    blocks += [Paragraph(inline(TextSpan("! ", "warn"), note)) for note in export.notes]
    return Document(tuple(blocks))
