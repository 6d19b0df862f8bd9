"""Write documents as HTML without scripts. Semantic tags keep it readable if a front end removes the inline styles."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from .document import (
    CodeBlock,
    Column,
    Document,
    DocumentBlock,
    Fold,
    Inline,
    Outline,
    OutlineItem,
    Paragraph,
    Picture,
    Row,
    Table,
    TextSpan,
    Title,
)
from .escape import NEWLINES, escape
from .theme import ROLE_STYLES, ROW_STYLES, STYLES

__all__ = ["to_html"]

# Role of a span -> HTML tag, which expresses the role if styles are removed.
_SPAN_TAGS = {"strong": "strong", "code": "code", "removed": "del", "added": "ins", "bad": "strong", "warn": "strong"}
_RESET = {"del": "text-decoration:none;", "ins": "text-decoration:none;", "code": "background:transparent;padding:0;"}


def _style(css: str) -> str:
    return f' style="{css}"' if css else ""


def _span(span: TextSpan) -> str:
    if span.role in ("lines", "unwrapped"):
        css = STYLES["lines"] + (STYLES["scrolled"] if span.role == "unwrapped" else "")
        return f"<pre{_style(css)}>{escape(span.text, keep=NEWLINES)}</pre>"
    text = escape(span.text)
    if not span.role:
        return text
    tag = _SPAN_TAGS.get(span.role, "span")
    return f"<{tag}{_style(_RESET.get(tag, '') + ROLE_STYLES.get(span.role, ''))}>{text}</{tag}>"


def _line(line: Inline) -> str:
    return "".join(map(_span, line))


def _td(column: Column) -> str:
    space = "pre-wrap;overflow-wrap:anywhere" if column.wrap else "pre"
    return _style(f"{STYLES['td']};text-align:{column.align};white-space:{space}")


def _th(column: Column) -> str:
    width = f";width:{column.width}%" if column.width else ""
    return f"<th{_style(STYLES['th'] + f';text-align:{column.align}{width}')}>{escape(column.title)}</th>"


def _table(table: Table) -> str:
    css = STYLES["table"] + (";width:100%" if table.wide else "")
    styles = [_td(column) for column in table.columns]
    heads = "".join(map(_th, table.columns))
    rows = "".join(_row(row, styles) for row in table.rows)
    return f"<table{_style(css)}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(row: Row, styles: list[str]) -> str:
    cells = "".join(f"<td{style}>{_line(cell)}</td>" for style, cell in zip(styles, row.cells, strict=True))
    return f"<tr{_style(ROW_STYLES.get(row.role, ROW_STYLES['']))}>{cells}</tr>"


def _items(items: Iterable[OutlineItem], style: str) -> str:
    return f"<ul{_style(STYLES[style])}>{''.join(map(_item, items))}</ul>"


def _item(item: OutlineItem) -> str:
    if not item.children:
        return f"<li{_style(STYLES['li'])}><span{_style(STYLES['leaf'])}>{_line(item.line)}</span></li>"
    opened = "" if item.folded else " open"
    return (
        f"<li{_style(STYLES['li'])}><details{opened}><summary{_style(STYLES['summary'])}>{_line(item.line)}</summary>"
        f"{_items(item.children, 'ul')}</details></li>"
    )


def _code(code: CodeBlock) -> str:
    text = escape(code.text, keep=NEWLINES)
    if code.marked is not None:
        lines = text.split("\n")
        if code.marked < len(lines):
            lines[code.marked] = f"<strong{_style(ROW_STYLES['bad'])}>{lines[code.marked]}</strong>"
        text = "\n".join(lines)
    css = STYLES["pre"] if code.wrap else STYLES["pre"] + STYLES["unwrapped"]
    return f"<pre{_style(css)}>{text}</pre>"


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png()).decode()
    return (
        f'<img alt="{escape(picture.alt)}" width="{picture.width}"{_style(STYLES["img"])} '
        f'src="data:image/png;base64,{data}">'
    )


def _fold(fold: Fold) -> str:
    body = "".join(map(_block, fold.blocks))
    opened = " open" if fold.open else ""
    return (
        f"<details{opened}{_style(STYLES['fold'])}><summary{_style(STYLES['summary'])}>{_line(fold.summary)}</summary>"
        f"{body}</details>"
    )


def _block(block: DocumentBlock) -> str:
    match block:
        case Title():
            return f"<p{_style(STYLES['title'])}>{_line(block.line)}</p>"
        case Paragraph():
            return f"<p{_style(STYLES['paragraph'])}>{_line(block.line)}</p>"
        case Table():
            return _table(block)
        case Outline():
            return _items(block.items, "ul-root")
        case CodeBlock():
            return _code(block)
        case Picture():
            return _picture(block)
        case Fold():
            return _fold(block)


def to_html(document: Document) -> str:
    """Return the document `document` as an HTML `<div>`. All text is escaped."""
    return f'<div class="wasmnb"{_style(STYLES["frame"])}>{"".join(map(_block, document.blocks))}</div>'
