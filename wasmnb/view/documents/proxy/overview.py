"""The document of a proxy: contexts, last exchanges, end of the log."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...render.document import Block, Column, Document, Fold, Paragraph, Row, Span, Table, inline
from ...render.units import duration, plural, size
from ...render.values import state_role
from ..traffic.exchange import worker_name
from .log import log_table
from .tree import tree_document

if TYPE_CHECKING:
    from wasmnb.host import Exchange, Proxy
    from wasmnb.host.trace.exchange import TcpExchange

__all__ = ["exchanges_table", "proxy_document"]

_EXCHANGES = 10
_LINES = 10

_COLUMNS = (
    Column("#", "right", wrap=False), Column("status", wrap=False), Column("method", wrap=False), Column("path"),
    Column("worker", wrap=False), Column("total", "right", wrap=False), Column("state", wrap=False),
)  # fmt: skip


def _row(x: Exchange | TcpExchange) -> Row:
    http: Any = x if hasattr(x, "request") else None
    sent = f"{size(len(getattr(x, 'sent', b'')))} sent"
    method, path = (http.request.method, http.request.path) if http else ("TCP", sent)
    status = http.response.status if http and http.response is not None else 0
    return Row(
        (
            inline(str(x.number)), inline(Span(str(status or "—"), "good" if 0 < status < 400 else "warn")),
            inline(method), inline(Span(path, "code")), inline(worker_name(x)),
            inline(duration(x.duration * 1e9)), inline(state_role(x.state)),
        )
    )  # fmt: skip


def exchanges_table(exchanges: Iterable[Exchange | TcpExchange]) -> Table:
    """Return a table of exchanges."""
    return Table(_COLUMNS, tuple(map(_row, exchanges)), wide=True)


def proxy_document(proxy: Proxy) -> Document:
    """Return the tree, the last exchanges and the end of the log."""
    blocks: list[Block] = list(tree_document(proxy.tree()).blocks)
    name = proxy.name
    if not proxy.exchanges and proxy.state != "closed":
        blocks.append(
            Paragraph(inline(Span(f"Next: %wasmcurl {name} /path, %wasmload {name}, {name}.get('/path')", "muted")))
        )
    if proxy.exchanges:
        newest = list(islice(reversed(proxy.exchanges), _EXCHANGES))
        summary = inline(
            Span("exchanges", "strong"), Span(f"  the last {len(newest)} of {len(proxy.exchanges):,}", "muted")
        )
        blocks.append(Fold(summary, (exchanges_table(reversed(newest)),), open=True))
    if len(proxy.log):
        lines = proxy.log[-_LINES:]
        summary = inline(Span("log", "strong"), Span(f"  the last of {plural(len(proxy.log), 'line')}", "muted"))
        blocks.append(Fold(summary, (log_table(lines),), open=True))
    return Document(tuple(blocks))
