"""One exchange at its four stations: what the client sent, what the upstream got, what it answered, what came back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.abi import HeaderMapType
from wasmnb.errors import conclusion_of

from ...errors.error_lines import traceback_lines
from ...render.document import (
    Block,
    Code,
    Column,
    Document,
    Fold,
    Inline,
    Outline,
    Paragraph,
    Role,
    Row,
    Span,
    Table,
    Title,
    inline,
)
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural, size
from ...render.values import state_role
from ..proxy.log import log_table
from ..proxy.trace import trace_items
from .body import body_kind, body_text
from .header_diff import SIGNS, Change, HeaderChange, diff_pairs, single

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

#: What Envoy adds to messages, or takes away, with or without a filter (beside everything that begins with x-envoy-).
ENVOYS_OWN = frozenset(
    (b"x-forwarded-proto", b"x-forwarded-for", b"x-request-id", b"date", b"server", b"content-length",
     b"transfer-encoding", b"connection", b"keep-alive", b"te", b"upgrade", b"via")
)  # fmt: skip

_WRITERS = ("add_header_map_value", "replace_header_map_value", "remove_header_map_value", "set_header_map_pairs")
_PSEUDO = ("method", "path", "authority", "scheme")
_ABSENT = "—"
_OPEN = 600  # bytes of a body that is shown without being asked for
_EVENTS = 40
_ROLES: dict[Change, Role] = {"same": "", "added": "added", "removed": "removed", "changed": "changed"}


def _pseudo(message: Any) -> list[tuple[bytes, bytes]]:
    """Pseudo-headers of a message, as the entries that the filter sees them as."""
    if message is None:
        return []
    if hasattr(message, "status"):
        return [(b":status", str(message.status).encode())]
    return [(f":{n}".encode(), str(getattr(message, n)).encode("utf-8", "surrogateescape")) for n in _PSEUDO]


def _head(message: Any) -> list[tuple[bytes, bytes]]:
    return [] if message is None else [*_pseudo(message), *message.headers.raw]


def _trailers(message: Any) -> list[tuple[bytes, bytes]]:
    return [] if message is None else list(message.trailers.raw)


def _body(message: Any) -> bytes | None:
    return None if message is None or not message.body else bytes(message.body)


def _type(message: Any) -> str:
    return (message.headers.get("content-type") or "") if message is not None else ""


class Direction:
    """One direction of an exchange: a message before and after the filter; `touched` are the names that filters wrote.

    To each belongs whether the filter left a value: what is there after a filter has removed it is Envoy's again.
    """

    def __init__(self, noun: str, heads: tuple[str, str], before: Any, after: Any, touched: dict[bytes, bool]) -> None:
        self.noun, self.heads, self.before, self.after = noun, heads, before, after
        self.touched = touched
        self.headers = diff_pairs(_head(before), _head(after))
        self.trailers = diff_pairs(_trailers(before), _trailers(after))
        self.body = single(b"", _body(before), _body(after))

    @property
    def crossed(self) -> bool:
        """Whether there is a before and an after to compare."""
        return self.before is not None and self.after is not None

    def changes(self) -> list[Change]:
        """Every change that the filter made; none if the message stopped or began in the proxy."""
        if not self.crossed:
            return []
        return [self.sign(e) for e in (*self.headers, *self.trailers, self.body) if self.sign(e) != "same"]

    def sign(self, entry: HeaderChange) -> Change:
        """The filter's change of an entry; `same` where Envoy itself made the difference."""
        return "same" if not self.crossed or self.envoys(entry) else entry.change

    def envoys(self, entry: HeaderChange) -> bool:
        """Whether the entry differs because of what Envoy adds to every message."""
        own = entry.name in ENVOYS_OWN or entry.name.startswith(b"x-envoy-")
        filters = entry.name in self.touched and (entry.change != "added" or self.touched[entry.name])
        return self.crossed and entry.change != "same" and own and not filters


def _value(value: bytes | None, role: Role = "") -> Inline:
    return inline(Span(_ABSENT, "muted")) if value is None else (Span(value or b'""', role),)


def _row(direction: Direction, entry: HeaderChange, label: str = "") -> Row:
    change = direction.sign(entry)
    role = _ROLES[change]
    envoys = inline(Span("Envoy", "muted")) if direction.envoys(entry) else ()
    return Row(
        (
            inline(Span(SIGNS[change], role)) if role else envoys,
            inline(Span(label, "muted"), Span(entry.name, "code")),
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


def _bodies(direction: Direction) -> Iterable[Block]:
    entry = direction.body
    sides = [(direction.heads[0], direction.before, entry.before), (direction.heads[1], direction.after, entry.after)]
    if entry.change == "same":
        sides = sides[1:]
    for who, message, data in sides:
        if data is not None:
            kind = body_kind(data, _type(message))
            what = inline(
                Span(f"{direction.noun} body", "strong"), Span(f"  {who}, {size(len(data))}, {kind}", "muted")
            )
            yield Fold(what, (Code(body_text(data, _type(message))),), open=len(data) <= _OPEN)


def directions_of(x: Exchange, events: Sequence[Event]) -> list[Direction]:
    """Both directions of an exchange, whose events tell what filters wrote."""
    asked, answered = _touched(events)
    return [
        Direction("request", ("client sent", "upstream got"), x.request, x.upstream_request, asked),
        Direction("response", ("upstream answered", "client got"), x.upstream_response, x.response, answered),
    ]


def _touched(events: Sequence[Event]) -> tuple[dict[bytes, bool], dict[bytes, bool]]:
    """Header names that filters wrote in the request and in the response, and whether the last of them left a value."""
    found: tuple[dict[bytes, bool], dict[bytes, bool]] = ({}, {})
    for event in events:
        if event.name in _WRITERS and isinstance(event.args.get("map_type"), HeaderMapType):
            side = found[event.args["map_type"] >= HeaderMapType.RESPONSE_HEADERS]
            pairs = event.args.get("pairs")
            names = [n for n, _ in pairs] if isinstance(pairs, list) else [event.args.get("key", b"")]
            left = event.name != "remove_header_map_value"
            side.update({bytes(n).lower(): left for n in names if isinstance(n, bytes)})
    return found


def _failure(x: Exchange | TcpExchange) -> list[Block]:
    """Why a filter failed: the last line of its traceback first, then the cell's lines."""
    failure = getattr(x, "failure", None)
    if failure is None:
        return []
    what = conclusion_of(failure.traceback) if failure.traceback else failure.message
    earlier = failure.exchange not in (None, x.number)
    since = f"the filter has been down on {failure.thread} since #{failure.exchange}: " if earlier else ""
    said = inline(Span(f"✗ {since}{failure.callback} failed: ", "bad"), what)
    drawn = traceback_lines(failure.traceback)
    return [Paragraph(said), *([Code("\n".join(drawn))] if drawn else [])]


def _verdict(x: Exchange, directions: list[Direction]) -> Paragraph:
    """One sentence on what the filter did to the messages."""
    if x.upstream_request is None and x.response is not None:
        if getattr(x, "failure", None) is not None:
            return Paragraph(inline(Span("Envoy answered for the failed filter; the upstream saw nothing.", "warn")))
        return Paragraph(inline(Span("Answered in the proxy; the upstream saw nothing.", "warn")))
    changes = [c for d in directions for c in d.changes()]
    if not changes:
        return Paragraph(inline(Span("The filter changed nothing.", "muted")))
    kinds = [kind for kind in SIGNS if kind in changes]
    spans = [
        inline(" · " if i else "", Span(f"{SIGNS[k]} {changes.count(k)} {k}", _ROLES[k])) for i, k in enumerate(kinds)
    ]
    return Paragraph(inline(*spans, Span(" by the filter", "muted")))


def worker_name(x: Exchange | TcpExchange) -> str:
    """Name of the worker that served an exchange."""
    return "some worker" if x.worker is None else f"worker-{x.worker}"


def _facts(x: Exchange | TcpExchange, events: Sequence[Event]) -> Span:
    calls = [e.guest_ns for e in events if e.kind == "callback"]
    hostcalls = sum(e.kind == "hostcall" for e in events)
    parts = [worker_name(x), f"{duration(x.duration * 1e9)} in all"]
    if calls:
        inside = f"{plural(len(calls), 'callback')}, {plural(hostcalls, 'hostcall')}"
        parts.append(f"{duration(sum(calls))} in the filter: {inside}")
    return Span(f"   {' · '.join(parts)}", "muted")


def _title(x: Exchange, events: Sequence[Event]) -> Title:
    r = x.request
    status = "no answer" if x.response is None or not x.response.status else str(x.response.status)
    bad = x.response is None or not 0 < x.response.status < 400
    state = inline("  ", state_role(x.state)) if x.state != "done" else ()
    return Title(
        inline(
            Span(f"#{x.number} ", "muted"), Span(f"{r.method} {r.path}", "strong"), " → ",
            Span(status, "warn" if bad else "good"), state, _facts(x, events),
        )
    )  # fmt: skip


def exchange_document(x: Exchange) -> Document:
    """The exchange as a document: both directions as tables of two stations, bodies, log, calls."""
    events = x.events
    directions = directions_of(x, events)
    blocks: list[Block] = [_title(x, events), *_failure(x), _verdict(x, directions), *_notes(x)]
    for direction in directions:
        if direction.before is not None or direction.after is not None:
            blocks += [_table(direction), *_bodies(direction)]
    return Document((*blocks, *_happenings(x, events)))


def _notes(x: Exchange) -> list[Paragraph]:
    """What the simulator has to say about it."""
    return [Paragraph(inline(Span("! ", "warn"), note)) for note in getattr(x, "notes", ())]


def _happenings(x: Exchange | TcpExchange, events: Sequence[Event]) -> Iterable[Block]:
    """Log lines, and the calls between host and guest."""
    log = x.log
    if log:
        what = inline(Span("log", "strong"), Span(f"  {plural(len(log), 'line')}", "muted"))
        yield Fold(what, (log_table(log[-50:]),), open=True)
    if events:
        what = inline(Span("callbacks and hostcalls", "strong"), Span(f"  {plural(len(events), 'event')}", "muted"))
        yield Fold(what, (Outline(trace_items(events, limit=_EVENTS, folded=False)),))


def _flow(who: str, data: bytes) -> Fold:
    what = inline(Span(who, "strong"), Span(f"  {size(len(data))}, {body_kind(data)}", "muted"))
    return Fold(what, (Code(body_text(data)),) if data else (), open=len(data) <= _OPEN)


def connection_document(x: TcpExchange) -> Document:
    """A TCP connection: the bytes at its four stations."""
    events = x.events
    state = inline("  ", state_role(x.state)) if x.state != "done" else ()
    title = Title(inline(Span(f"#{x.number} ", "muted"), Span("TCP connection", "strong"), state, _facts(x, events)))
    flows = (("client sent", x.sent), ("upstream got", x.upstream_received),
             ("upstream sent", x.upstream_sent), ("client got", x.received))  # fmt: skip
    return Document((title, *_failure(x), *(_flow(who, data) for who, data in flows), *_happenings(x, events)))


def exchange_html(x: Exchange) -> str:
    """The exchange as tables; what the filter changed is marked with a sign and a tint."""
    return to_html(exchange_document(x))


def exchange_text(x: Exchange) -> str:
    """The exchange as a terminal shows it."""
    return to_text(exchange_document(x))
