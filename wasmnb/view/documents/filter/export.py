"""An export: what was written where, and the commands that come next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...render.document import Block, Code, Column, Document, Paragraph, Row, Span, Table, Title, inline
from ...render.units import size

if TYPE_CHECKING:
    from wasmnb.envoy.exporter import Export

__all__ = ["export_document"]


def export_document(made: Export) -> Document:
    """A table of the files, then how to try them."""
    rows = [
        Row((inline(Span(name, "code")), inline(size(number) if number else ""), inline(what)))
        for name, number, what in made.files
    ]
    columns = (Column("file", wrap=False), Column("size", "right", wrap=False), Column(""))
    blocks: list[Block] = [
        Title(inline(Span(f"exported to {made.folder}", "strong"))),
        Table(columns, tuple(rows), cut=80),
        Paragraph(inline("To try it:")),
        Code(f"cd {made.folder} && envoy -c envoy.yaml\ncurl -i http://127.0.0.1:{made.port}/"),
    ]
    blocks += [Paragraph(inline(Span("! ", "warn"), note)) for note in made.notes]
    return Document(tuple(blocks))
