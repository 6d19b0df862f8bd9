"""The tree of contexts: what each node is called, how it is, what is worth knowing of it, what choosing it narrows to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wasmnb.view.documents.proxy.tree import details_of, folded
from wasmnb.view.render.units import plural, size

from .texts import shown

if TYPE_CHECKING:
    from wasmnb.host.callouts.record import Callout

__all__ = ["tree"]

STREAMS = 50  # live streams under one plugin
CALLS = 5  # pending calls of one plugin that are named

_BRIEF = 120  # characters beside a node's name

Scope = dict[str, Any]


def tree(top: Any, exchanges: Mapping[int, Any], callouts: Iterable[Callout] = ()) -> Any:
    """The proxy's node with all below it.

    Parameters
    ----------
    top
        `Proxy.tree()`.
    exchanges
        Those that live streams belong to, by number.
    callouts
        Those that may be pending.
    """
    pending: dict[int, list[Callout]] = defaultdict(list)
    for callout in callouts:
        if callout.state == "pending":
            pending[callout.vm].append(callout)
    return _Drawing(exchanges, pending).node(top, "", {})


class _Drawing:
    def __init__(self, exchanges: Mapping[int, Any], pending: Mapping[int, list[Callout]]) -> None:
        self.exchanges = exchanges
        self.pending = pending

    def node(self, node: Any, path: str, scope: Scope) -> Any:
        """A node; `path` names it, and `scope` is what choosing it narrows the other views to."""
        path = f"{path}/{node.name}" if path else node.name
        scope = {**scope, **_scope(node)}
        children = node.children[:STREAMS] if node.kind == "plugin" else node.children
        x = self.exchanges.get(node.facts.get("exchange", 0)) if node.kind == "stream" else None
        return {
            "path": shown(path),
            "kind": shown(node.kind),
            "name": shown(node.name),
            "label": shown(node.label if node.label != node.name else "", _BRIEF),
            "state": shown(node.state),
            "brief": shown(_brief(node, x), _BRIEF),
            "facts": [[shown(k), shown(v, 300)] for k, v in self._facts(node, scope, x)],
            "scope": scope,
            "folded": folded(node),
            "more": len(node.children) - len(children),
            "children": [self.node(child, path, scope) for child in children],
        }

    def _facts(self, node: Any, scope: Scope, x: Any) -> Iterable[tuple[str, str]]:
        yield "state", f"{node.state}{f', {node.label}' if node.kind == 'stream' and node.label else ''}"
        if x is not None:
            yield "request", _request(x)
            yield "since", f"{x.started:.6f} s"
            if x.paused:
                yield "paused", x.paused
        for key, value in node.facts.items():
            yield key, size(value) if key == "memory" else str(value)
        for key, number in node.counts.items():
            yield key, f"{number:,}"
        if node.kind == "plugin":
            pending = self.pending.get(scope.get("vm", 0), [])
            for call in pending[:CALLS]:
                yield (
                    f"call {call.token}",
                    f"{call.kind} to {call.cluster}{call.request.path}, since {call.started:.6f} s",
                )
            if len(pending) > CALLS:
                yield "more calls", f"{len(pending) - CALLS:,}"


def _scope(node: Any) -> Scope:
    """What a node adds to the scope of those above it."""
    if node.kind == "thread":
        return {"thread": shown(node.name)}
    if node.kind == "vm":
        plugins = [shown(child.name) for child in node.children]
        return {"vm": int(node.name[2:]), "plugins": plugins} if node.name[2:].isdigit() else {}
    if node.kind == "plugin":
        return {"root": node.facts.get("context"), "plugins": [shown(node.name)]}
    if node.kind == "stream":
        return {"exchange": node.facts.get("exchange")}
    return {}


def _request(x: Any) -> str:
    return f"{x.request.method} {x.request.path}" if hasattr(x, "request") else "TCP connection"


def _brief(node: Any, x: Any) -> str:
    """A few words beside the name."""
    facts, counts = node.facts, node.counts
    if node.kind == "vm":
        return facts.get("failure") or (size(facts["memory"]) if "memory" in facts else facts.get("runs", ""))
    if node.kind == "plugin":
        period = [f"tick {facts['tick period']}"] if "tick period" in facts else []
        return " · ".join([*period, *(plural(n, k.removesuffix("s"), k) for k, n in counts.items())])
    if node.kind == "stream":
        return _request(x) if x is not None else ""
    return details_of(node)
