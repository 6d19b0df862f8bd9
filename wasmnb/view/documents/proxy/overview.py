"""The document of a proxy: its context tree, last exchanges and last log lines."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.host.plugins.plugin import has_http

from ...render.document import Column, Document, DocumentBlock, Fold, Paragraph, Row, Table, TextSpan, inline
from ...render.units import duration, plural, size
from ...render.values import state_role
from ..traffic.exchange import worker_name
from ..traffic.times import elapsed_ns
from .log import log_table
from .start import start_fold
from .tree import tree_document

if TYPE_CHECKING:
    from wasmnb.host import Exchange, Proxy
    from wasmnb.host.trace.exchange import TcpExchange

__all__ = ["exchanges_table", "faults_of", "proxy_document"]

_EXCHANGES = 10
_LINES = 10

_COLUMNS = (
    Column("#", "right", wrap=False), Column("status", wrap=False), Column("method", wrap=False), Column("path"),
    Column("worker", wrap=False), Column("total", "right", wrap=False), Column("state", wrap=False),
)  # fmt: skip


def _row(exchange: Exchange | TcpExchange) -> Row:
    http: Any = exchange if hasattr(exchange, "request") else None
    sent = f"{size(len(getattr(exchange, 'sent', b'')))} sent"
    method, path = (http.request.method, http.request.path) if http else ("TCP", sent)
    status = http.response.status if http and http.response is not None else 0
    outcome = (
        TextSpan(str(status or "—"), "good" if 0 < status < 400 else "warn") if http else state_role(exchange.state)
    )
    return Row(
        (
            inline(str(exchange.number)), inline(outcome),
            inline(method), inline(TextSpan(path, "code")), inline(worker_name(exchange)),
            inline(duration(elapsed_ns(exchange))), inline(state_role(exchange.state)),
        )
    )  # fmt: skip


def exchanges_table(exchanges: Iterable[Exchange | TcpExchange]) -> Table:
    """Return a table with one row per exchange."""
    return Table(_COLUMNS, tuple(map(_row, exchanges)), wide=True)


def faults_of(proxy: Proxy) -> list[str]:
    """Return sentences about the faults that are currently injected: stopped clusters and callbacks that will trap."""
    stopped = [name for name, cluster in proxy.clusters.items() if not cluster.alive]
    armed = [vm for vm in proxy.vms if vm.armed and not vm.failed]
    return [
        *(f"The cluster {name} is stopped and refuses connections." for name in stopped),
        *(f"A trap is injected: {vm.armed_text} in VM{vm.number} on {vm.thread.name}." for vm in armed),
    ]


def proxy_document(proxy: Proxy) -> Document:
    """Return a document with the context tree, the last exchanges and the last log lines of a proxy."""
    blocks: list[DocumentBlock] = list(tree_document(proxy.tree()).blocks)
    name = proxy.name
    if not proxy.exchanges and proxy.state != "closed":
        http = f"Next: %wasmcurl {name} /path, %wasmload {name}, {name}.get('/path')"
        tcp = f"Next: %wasmtcp {name} 'bytes', {name}.connect().send(b'bytes').read()"
        blocks.append(Paragraph(inline(TextSpan(http if has_http(proxy.plugins) else tcp, "muted"))))
    blocks += [Paragraph(inline(TextSpan(text, "warn"))) for text in faults_of(proxy)]
    if not proxy.exchanges:
        blocks += start_fold(proxy)
    if proxy.exchanges:
        newest = list(islice(reversed(proxy.exchanges), _EXCHANGES))
        summary = inline(
            TextSpan("exchanges", "strong"), TextSpan(f"  the last {len(newest)} of {len(proxy.exchanges):,}", "muted")
        )
        blocks.append(Fold(summary, (exchanges_table(reversed(newest)),), open=True))
    if len(proxy.log):
        lines = proxy.log[-_LINES:]
        summary = inline(
            TextSpan("log", "strong"), TextSpan(f"  the last of {plural(len(proxy.log), 'line')}", "muted")
        )
        blocks.append(Fold(summary, (log_table(lines),), open=True))
    return Document(tuple(blocks))
