"""What the panel shows, as JSON: pure functions from the host's objects.

All text goes through `visible` here, so the front-end gets nothing but printable characters, and it only ever writes
text nodes. Long things are cut here as well, and say so: a trace of a million events, a body of 50 MB or a log of
100,000 lines costs what is shown of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.view.body import body_kind, body_text
from wasmnb.view.diff import SIGNS, Entry
from wasmnb.view.errors import traceback_lines
from wasmnb.view.escape import NEWLINES, clip, visible
from wasmnb.view.exchange import Direction, directions_of, worker_name
from wasmnb.view.histogram import QUANTILES, series_of
from wasmnb.view.trace import nested, result_of
from wasmnb.view.tree import details_of, folded
from wasmnb.view.units import duration, size
from wasmnb.view.values import arguments, value_text

if TYPE_CHECKING:
    from wasmnb.traffic.distribution import Distribution

    from .spans import Span

__all__ = ["call", "detail", "lanes", "latency", "line", "metrics", "module", "row", "shown", "state", "tree"]

Json = Any

VALUE = 2_000  # characters of one header value
LINE = 8_000  # characters of one log line
STREAMS = 50  # live streams under one plugin
CALLS = 400  # callbacks of one exchange
HOSTCALLS = 200  # hostcalls of one callback
BARS = 4_000  # events of the timeline
ENTRIES = 1_000  # of shared data, and queues


def shown(value: str | bytes, limit: int = VALUE) -> str:
    """Text for the front-end: printable, and cut."""
    return clip(visible(value[: 2 * limit] if len(value) > 2 * limit else value, keep=NEWLINES), limit)


# ── contexts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def tree(node: Any, path: str = "", thread: str = "") -> Json:
    """A node with its children; `path` names it, `thread` is what selecting it narrows the other views to."""
    path = f"{path}/{node.name}" if path else node.name
    thread = node.name if node.kind == "thread" else thread
    children = node.children[:STREAMS] if node.kind == "plugin" else node.children
    return {
        "path": shown(path),
        "kind": shown(node.kind),
        "name": shown(node.name),
        "label": shown(node.label if node.label != node.name else ""),
        "state": shown(node.state),
        "details": shown(details_of(node)),
        "thread": shown(thread),
        "folded": folded(node),
        "more": len(node.children) - len(children),
        "children": [tree(child, path, thread) for child in children],
    }


# ── exchanges ───────────────────────────────────────────────────────────────────────────────────────────────────────


def row(x: Any, filter_ns: int) -> Json:
    """An exchange as a row of the list, an array to keep ten thousand of them small."""
    if hasattr(x, "request"):
        what, path = shown(x.request.method, 20), shown(x.request.path, 300)
        status = x.response.status if x.response is not None else 0
    else:
        what, path, status = "TCP", f"{size(len(x.sent))} sent, {size(len(x.received))} received", 0
    state = shown(x.paused or x.state, 60)
    return [
        x.number,
        what,
        path,
        status,
        shown(worker_name(x)),
        round(x.duration * 1e6, 1),
        round(filter_ns / 1e3, 1),
        state,
    ]


def _entry(direction: Direction, entry: Entry, label: str = "") -> Json:
    sides = [None if side is None else shown(side) for side in (entry.before, entry.after)]
    sign = "Envoy" if direction.envoys(entry) else SIGNS[direction.sign(entry)]
    return [sign, label + shown(entry.name), *sides]


def _bodies(direction: Direction) -> Iterable[Json]:
    entry = direction.body
    for head, message, data in zip(
        direction.heads, (direction.before, direction.after), (entry.before, entry.after), strict=True
    ):
        if data is not None:
            kind = (message.headers.get("content-type") or "") if message is not None else ""
            yield {
                "who": head,
                "size": len(data),
                "kind": body_kind(data, kind),
                "text": visible(body_text(data, kind), keep=NEWLINES),
                "changed": direction.crossed and entry.change != "same",
            }


def _direction(direction: Direction) -> Json:
    rows = [_entry(direction, e) for e in direction.headers]
    rows += [_entry(direction, e, "trailer ") for e in direction.trailers]
    return {"noun": direction.noun, "heads": direction.heads, "rows": rows, "bodies": list(_bodies(direction))}


def call(top: Any, inner: Sequence[Any]) -> Json:
    """A callback with the hostcalls inside it."""
    made = _event(top)
    made["inner"] = [_event(event) for event in inner[:HOSTCALLS]]
    made["more"] = max(0, len(inner) - HOSTCALLS)
    return made


def _event(event: Any) -> Json:
    status = getattr(event.status, "name", None if event.status is None else str(event.status))
    return {
        "seq": event.seq,
        "kind": event.kind,
        "name": shown(event.name),
        "args": shown(arguments(event.args)),
        "result": "" if event.result is None else shown(value_text(result_of(event), 400)),
        "status": status,
        "ns": event.guest_ns if event.kind == "callback" else event.host_ns,
        "time": event.time,
        "thread": shown(event.thread),
        "context": event.context,
    }


def _directions(x: Any, events: Sequence[Any]) -> Json:
    return [_direction(d) for d in directions_of(x, events) if d.before is not None or d.after is not None]


def _flows(x: Any) -> Iterable[Json]:
    """Both directions of a TCP connection."""
    for noun, heads, before, after in (
        ("downstream", ("client sent", "upstream got"), x.sent, x.upstream_received),
        ("upstream", ("upstream sent", "client got"), x.upstream_sent, x.received),
    ):
        bodies = [
            {"who": who, "size": len(data), "kind": body_kind(data), "text": visible(body_text(data), keep=NEWLINES),
             "changed": before != after}
            for who, data in zip(heads, (before, after), strict=True) if data
        ]  # fmt: skip
        yield {"noun": noun, "heads": heads, "rows": [], "bodies": bodies}


def detail(x: Any) -> Json:
    """An exchange at its four stations, with bodies, log and calls."""
    events = x.events
    calls, http = nested(events), hasattr(x, "request")
    return {
        "row": row(x, sum(e.guest_ns for e in events if e.kind == "callback")),
        "local": http and x.upstream_request is None and x.response is not None,
        "directions": _directions(x, events) if http else list(_flows(x)),
        "failure": "\n".join(traceback_lines(x.traceback)) or (x.failure.message if x.failure is not None else ""),
        "notes": [shown(note) for note in getattr(x, "notes", ())],
        "log": [line(entry) for entry in x.log[-50:]],
        "calls": [call(*group) for group in calls[:CALLS]],
        "more": max(0, len(calls) - CALLS),
    }


# ── log, latency, state ─────────────────────────────────────────────────────────────────────────────────────────────


def line(entry: Any) -> Json:
    """A line of the log."""
    level = getattr(entry.level, "name", str(entry.level)).lower()
    return [round(entry.time, 6), level, shown(entry.thread), entry.context, entry.exchange, shown(entry.text, LINE)]


def latency(measured: Iterable[Distribution], harness: Iterable[tuple[str, float]] = ()) -> Json:
    """Distributions with quantiles and buckets, and the harness's own cost, in nanoseconds."""
    series = [series_of(m) for m in measured]
    return {
        "quantiles": [name for name, _ in QUANTILES],
        "series": [
            {"name": shown(s.name), "count": s.count, "quantiles": s.quantiles, "max": s.maximum, "buckets": s.buckets}
            for s in series
            if s.count
        ],
        "harness": [[name, ns] for name, ns in harness],
    }


def metrics(all_metrics: Any) -> Json:
    """Metrics: name, kind, value as text; Envoy's own last."""
    rows = []
    for m in all_metrics.all()[:500]:
        kind = m.kind.name.lower()
        rows.append([shown(m.name), kind, f"{len(m.samples):,} samples" if kind == "histogram" else f"{m.value:,}"])
    return rows + [[shown(name), "envoy", f"{value:,}"] for name, value in all_metrics.envoy.items()]


def state(proxy: Any) -> Json:
    """Metrics, shared data, queues."""
    entries, queues = proxy.shared_data.entries()[:ENTRIES], proxy.shared_data.queues()[:ENTRIES]
    return {
        "metrics": metrics(proxy.metrics),
        "data": [[shown(vm_id), shown(key), shown(value), cas] for vm_id, key, value, cas in entries],
        "queues": [[shown(q.vm_id), shown(q.name), len(q.items), shown(q.receiver)] for q in queues],
    }


def module(plugin: Any) -> Json:
    """What is known of a plugin's module."""
    info = plugin.filter.info
    facts = [
        ["filter", info.name],
        ["ABI", info.abi_version],
        ["size", size(info.size)],
        ["memory at start", size(info.memory)],
    ]
    if info.runtime:
        facts += [["Python", info.python], ["SDK", info.sdk], ["runtime", info.runtime[:12]]]
        facts += [[f"{step} took", duration(seconds * 1e9)] for step, seconds in info.build_times.items()]
    return {
        "facts": [[name, shown(str(value))] for name, value in facts],
        "problems": [],
        "sections": sorted(([shown(n), b] for n, b in info.sections.items()), key=lambda pair: -pair[1]),
        "exports": [shown(n) for n in info.exports],
        "imports": [shown(n) for n in info.imports],
    }


# ── timeline ────────────────────────────────────────────────────────────────────────────────────────────────────────


def lanes(events: Sequence[Any], made: int, lasting: Iterable[Span] = ()) -> Json:
    """Bars of the newest events of `made`: a callback spans its time in guest and host, hostcalls lie inside it.

    `lasting` are pauses and callouts, which lie under the callbacks.
    """
    bars = []
    for top, inner in nested(events):
        if top.kind != "callback":
            continue
        whole = top.guest_ns + top.host_ns
        bars.append([shown(top.thread), top.time, whole, top.seq, shown(top.name), top.exchange, top.context,
                     [[shown(e.name), e.host_ns, e.seq] for e in inner[:HOSTCALLS] if e.kind == "hostcall"]])  # fmt: skip
    spans = [[shown(part, 200) if isinstance(part, str) else part for part in span] for span in lasting]
    return {"bars": bars, "spans": spans[-BARS:], "cut": made - len(events)}
