"""The document of an exchange: its messages before and after the filter, its log lines and its callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.abi import HeaderMapType
from wasmnb.abi.text import encode_text
from wasmnb.host.inspect.explain import reasons
from wasmnb.parsing.tracebacks import summary_of

from ...render.document import (
    CodeBlock,
    Column,
    Document,
    DocumentBlock,
    Fold,
    Inline,
    Outline,
    Paragraph,
    Role,
    Row,
    Table,
    TextSpan,
    Title,
    inline,
)
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural, size
from ...render.values import state_role
from ...tracebacks.error_lines import traceback_lines
from ..proxy.log import log_table
from ..proxy.trace import trace_items
from .access_log import record_of, record_text
from .body import body_kind, body_text
from .header_diff import SIGNS, Change, HeaderChange, diff_pairs, entry_change
from .times import total_text, waited_text

if TYPE_CHECKING:
    from wasmnb.host import Event, Exchange
    from wasmnb.host.trace.exchange import TcpExchange

__all__ = [
    "Direction",
    "directions_of",
    "exchange_document",
    "exchange_html",
    "exchange_text",
    "worker_name",
]

#: Headers that Envoy adds or removes by itself, in addition to x-envoy-*.
ENVOY_HEADERS = frozenset(
    (b"x-forwarded-proto", b"x-forwarded-for", b"x-request-id", b"date", b"server", b"content-length",
     b"transfer-encoding", b"connection", b"keep-alive", b"te", b"upgrade", b"via")
)  # fmt: skip

_WRITERS = ("add_header_map_value", "replace_header_map_value", "remove_header_map_value", "set_header_map_pairs")
_PSEUDO = ("method", "path", "authority", "scheme")
_ABSENT = "—"
_OPEN = 600  # maximum size in bytes of a body that is shown unfolded
_EVENTS = 40
_ROLES: dict[Change, Role] = {"same": "", "added": "added", "removed": "removed", "changed": "changed"}


def _pseudo(message: Any) -> list[tuple[bytes, bytes]]:
    """Return the pseudo-headers of a message, as filters read them."""
    if message is None:
        return []
    if hasattr(message, "status"):
        return [(b":status", str(message.status).encode())]
    return [(f":{n}".encode(), encode_text(str(getattr(message, n)))) for n in _PSEUDO]


def _head(message: Any) -> list[tuple[bytes, bytes]]:
    return [] if message is None else [*_pseudo(message), *message.headers.raw]


def _trailers(message: Any) -> list[tuple[bytes, bytes]]:
    return [] if message is None else list(message.trailers.raw)


def _body(message: Any) -> bytes | None:
    return None if message is None or not message.body else bytes(message.body)


def _type(message: Any) -> str:
    return (message.headers.get("content-type") or "") if message is not None else ""


class Direction:
    """The request or the response of an exchange, before and after the filters.

    Parameters
    ----------
    noun
        `request` or `response`.
    heads
        Titles of the columns for the message before and after the filters.
    before, after
        The message before and after the filters. None if it wasn't sent or received.
    written
        Name of each header that filters wrote -> False if the last write removed the header, otherwise True. If the
        client or the upstream received a header that a filter removed, Envoy added it again.
    """

    def __init__(self, noun: str, heads: tuple[str, str], before: Any, after: Any, written: dict[bytes, bool]) -> None:
        self.noun, self.heads, self.before, self.after = noun, heads, before, after
        self.written = written
        self.headers = diff_pairs(_head(before), _head(after))
        self.trailers = diff_pairs(_trailers(before), _trailers(after))
        self.body = entry_change(b"", _body(before), _body(after))

    @property
    def crossed(self) -> bool:
        """Whether the message passed through the filters and therefore exists in both versions."""
        return self.before is not None and self.after is not None

    def changes(self) -> list[Change]:
        """Return the changes made by filters. Empty if the message didn't pass through the filters."""
        if not self.crossed:
            return []
        return [self.sign(e) for e in (*self.headers, *self.trailers, self.body) if self.sign(e) != "same"]

    def sign(self, entry: HeaderChange) -> Change:
        """Return the kind of change that filters made to an entry. Returns `same` if Envoy made the change."""
        return "same" if not self.crossed or self.is_from_envoy(entry) else entry.change

    def is_from_envoy(self, entry: HeaderChange) -> bool:
        """Return whether an entry was changed by Envoy itself and not by a filter."""
        own = entry.name in ENVOY_HEADERS or entry.name.startswith(b"x-envoy-")
        filters = entry.name in self.written and (entry.change != "added" or self.written[entry.name])
        return self.crossed and entry.change != "same" and own and not filters


def _value(value: bytes | None, role: Role = "") -> Inline:
    return inline(TextSpan(_ABSENT, "muted")) if value is None else (TextSpan(value or b'""', role),)


def _row(direction: Direction, entry: HeaderChange, label: str = "") -> Row:
    change = direction.sign(entry)
    role = _ROLES[change]
    envoys = inline(TextSpan("Envoy", "muted")) if direction.is_from_envoy(entry) else ()
    return Row(
        (
            inline(TextSpan(SIGNS[change], role)) if role else envoys,
            inline(TextSpan(label, "muted"), TextSpan(entry.name, "code")),
            _value(entry.before, "removed" if role == "removed" else ""),
            _value(entry.after, "" if role == "removed" else role),
        ),
        role,
    )


def _body_row(direction: Direction) -> list[Row]:
    entry = direction.body
    if entry.before is None and entry.after is None:
        return []
    sizes = [None if b is None else size(len(b)).encode() for b in (entry.before, entry.after)]
    shown = HeaderChange(b"", sizes[0], sizes[1], entry.change)
    return [_row(direction, shown, "body")]


def _table(direction: Direction) -> Table:
    stations = (Column(head, width=37) for head in direction.heads)
    columns = (Column("", width=4, wrap=False), Column(direction.noun, width=24), *stations)
    rows = [_row(direction, e) for e in direction.headers]
    rows += [_row(direction, e, "trailer ") for e in direction.trailers]
    return Table(columns, (*rows, *_body_row(direction)), wide=True, cut=44)


def _bodies(direction: Direction) -> Iterable[DocumentBlock]:
    entry = direction.body
    sides = [(direction.heads[0], direction.before, entry.before), (direction.heads[1], direction.after, entry.after)]
    if entry.change == "same":
        sides = sides[1:]
    for side, message, data in sides:
        if data is not None:
            kind = body_kind(data, _type(message))
            summary = inline(
                TextSpan(f"{direction.noun} body", "strong"), TextSpan(f"  {side}, {size(len(data))}, {kind}", "muted")
            )
            yield Fold(summary, (CodeBlock(body_text(data, _type(message))),), open=len(data) <= _OPEN)


def directions_of(exchange: Exchange, events: Sequence[Event]) -> list[Direction]:
    """Return the request and the response of an exchange, before and after the filters.

    Parameters
    ----------
    exchange
        The exchange.
    events
        Events of the exchange, which contain the headers that filters wrote.
    """
    request_headers, response_headers = _written_headers(events)
    return [
        Direction(
            "request", ("client sent", "upstream got"), exchange.request, exchange.upstream_request, request_headers
        ),
        Direction(
            "response", ("upstream sent", "client got"), exchange.upstream_response, exchange.response, response_headers
        ),
    ]


def _written_headers(events: Sequence[Event]) -> tuple[dict[bytes, bool], dict[bytes, bool]]:
    """Return the headers that filters wrote, for the request and the response: name -> whether the last write set a value."""
    written: tuple[dict[bytes, bool], dict[bytes, bool]] = ({}, {})
    for event in events:
        if event.name in _WRITERS and isinstance(event.args.get("map_type"), HeaderMapType):
            side = written[event.args["map_type"] >= HeaderMapType.RESPONSE_HEADERS]
            pairs = event.args.get("pairs")
            names = [n for n, _ in pairs] if isinstance(pairs, list) else [event.args.get("key", b"")]
            left = event.name != "remove_header_map_value"
            side.update({bytes(n).lower(): left for n in names if isinstance(n, bytes)})
    return written


def _failure(exchange: Exchange | TcpExchange) -> list[DocumentBlock]:
    """Return the failure of a filter: the exception, and the traceback with lines of the cell. Empty if no filter failed."""
    failure = exchange.failure
    if failure is None:
        return []
    reason = summary_of(failure.traceback) if failure.traceback else failure.message
    earlier = failure.exchange not in (None, exchange.number)
    since = f"the filter has failed on {failure.thread} since #{failure.exchange}: " if earlier else ""
    injected = TextSpan("  injected by inject_trap", "warn") if getattr(failure, "injected", False) else ""
    headline = inline(TextSpan(f"✗ {since}{failure.callback} failed: ", "bad"), reason, injected)
    lines = traceback_lines(failure.traceback)
    return [Paragraph(headline), *([CodeBlock("\n".join(lines), wrap=False)] if lines else [])]


def _verdict(exchange: Exchange, directions: list[Direction]) -> Paragraph:
    """Return a line about the filter's changes, or about a local reply."""
    if exchange.upstream_request is None and exchange.response is not None:
        if exchange.failure is not None:
            return Paragraph(
                inline(
                    TextSpan("Envoy sent a local reply because the filter failed; the upstream got no request.", "warn")
                )
            )
        return Paragraph(inline(TextSpan("The proxy sent a local reply; the upstream got no request.", "warn")))
    changes = [c for d in directions for c in d.changes()]
    if not changes:
        return Paragraph(inline(TextSpan("The filter changed nothing.", "muted")))
    kinds = [kind for kind in SIGNS if kind in changes]
    spans = [
        inline(" · " if i else "", TextSpan(f"{SIGNS[k]} {changes.count(k)} {k}", _ROLES[k]))
        for i, k in enumerate(kinds)
    ]
    return Paragraph(inline(*spans, TextSpan(" by the filter", "muted")))


def worker_name(exchange: Exchange | TcpExchange) -> str:
    """Return the name of the worker that handled an exchange."""
    return "some worker" if exchange.worker is None else f"worker-{exchange.worker}"


def _facts(exchange: Exchange | TcpExchange, events: Sequence[Event]) -> TextSpan:
    calls = sum(e.kind == "callback" for e in events)
    hostcalls = sum(e.kind == "hostcall" for e in events)
    parts = [worker_name(exchange), *filter(None, (total_text(exchange), waited_text(exchange)))]
    if calls:
        inside = f"{plural(calls, 'callback')}, {plural(hostcalls, 'hostcall')}"
        parts.append(f"{duration(exchange.filter_ns)} in the filter: {inside}")
    return TextSpan(f"   {' · '.join(parts)}", "muted")


def _title(exchange: Exchange, events: Sequence[Event]) -> Title:
    r = exchange.request
    status = (
        "no response" if exchange.response is None or not exchange.response.status else str(exchange.response.status)
    )
    bad = exchange.response is None or not 0 < exchange.response.status < 400
    state = inline("  ", state_role(exchange.state)) if exchange.state != "done" else ()
    return Title(
        inline(
            TextSpan(f"#{exchange.number} ", "muted"), TextSpan(f"{r.method} {r.path}", "strong"), " → ",
            TextSpan(status, "warn" if bad else "good"), state, _facts(exchange, events),
        )
    )  # fmt: skip


def exchange_document(exchange: Exchange) -> Document:
    """Return a document about `exchange`: its messages before and after the filters, log lines and callbacks."""
    events = exchange.events
    directions = directions_of(exchange, events)
    blocks: list[DocumentBlock] = [
        _title(exchange, events),
        *_failure(exchange),
        _verdict(exchange, directions),
        *_notes(exchange),
        *_reasons(exchange, events),
    ]
    for direction in directions:
        if direction.before is not None or direction.after is not None:
            blocks += [_table(direction), *_bodies(direction)]
    return Document((*blocks, *_record(exchange), *_log_and_calls(exchange, events)))


def _record(exchange: Exchange) -> list[Paragraph]:
    """Return the access log record if it has response flags, which Envoy sets for errors and other unusual events."""
    record = record_of(exchange)
    if record is None or not record.response_flags:
        return []
    return [Paragraph(inline(TextSpan("access log", "strong"), TextSpan(f"  {record_text(record)}", "muted")))]


def _notes(exchange: Exchange) -> list[Paragraph]:
    """Return the notes of the simulated proxy about an exchange."""
    return [Paragraph(inline(TextSpan("! ", "warn"), note)) for note in exchange.notes]


def _reasons(exchange: Exchange | TcpExchange, events: Sequence[Event]) -> list[Paragraph]:
    """Return the likely reasons why an exchange failed, if they are known."""
    return [Paragraph(inline(TextSpan(text, "warn"))) for text in reasons(exchange, events)]


def _log_and_calls(exchange: Exchange | TcpExchange, events: Sequence[Event]) -> Iterable[DocumentBlock]:
    """Yield the log lines of an exchange, and its callbacks with their hostcalls."""
    log = exchange.log
    if log:
        summary = inline(TextSpan("log", "strong"), TextSpan(f"  {plural(len(log), 'line')}", "muted"))
        yield Fold(summary, (log_table(log[-50:]),), open=True)
    if events:
        summary = inline(
            TextSpan("callbacks and hostcalls", "strong"), TextSpan(f"  {plural(len(events), 'event')}", "muted")
        )
        yield Fold(summary, (Outline(trace_items(events, limit=_EVENTS, folded=False)),))


def _flow(side: str, data: bytes) -> Fold:
    summary = inline(TextSpan(side, "strong"), TextSpan(f"  {size(len(data))}, {body_kind(data)}", "muted"))
    return Fold(summary, (CodeBlock(body_text(data)),) if data else (), open=len(data) <= _OPEN)


def connection_document(exchange: TcpExchange) -> Document:
    """Return a document with the bytes of a TCP connection in both directions, before and after the filters."""
    events = exchange.events
    state = inline("  ", state_role(exchange.state)) if exchange.state != "done" else ()
    title = Title(
        inline(
            TextSpan(f"#{exchange.number} ", "muted"),
            TextSpan("TCP connection", "strong"),
            state,
            _facts(exchange, events),
        )
    )
    flows = (("client sent", exchange.sent), ("upstream got", exchange.upstream_received),
             ("upstream sent", exchange.upstream_sent), ("client got", exchange.received))  # fmt: skip
    head = (title, *_failure(exchange), *_reasons(exchange, events))
    return Document((*head, *(_flow(side, data) for side, data in flows), *_log_and_calls(exchange, events)))


def exchange_html(exchange: Exchange) -> str:
    """Return the document of `exchange` as HTML. Changes by the filter are highlighted."""
    return to_html(exchange_document(exchange))


def exchange_text(exchange: Exchange) -> str:
    """Return the document of `exchange` as text."""
    return to_text(exchange_document(exchange))
