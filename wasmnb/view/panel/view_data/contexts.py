"""Convert the context tree to JSON: name, state, facts and scope of each node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wasmnb.view.documents.proxy.tree import details_of, is_folded
from wasmnb.view.render.units import plural, size

from .texts import printable

if TYPE_CHECKING:
    from wasmnb.host.callouts.record import Callout

__all__ = ["tree"]

STREAMS = 50  # maximum number of open streams of one plugin
CALLS = 5  # maximum number of pending callouts of one plugin

_BRIEF = 120  # maximum number of characters after the name of a node

ScopeJson = dict[str, Any]


def tree(top: Any, exchanges: Mapping[int, Any], callouts: Iterable[Callout] = ()) -> Any:
    """Return the context tree of a proxy as JSON.

    Parameters
    ----------
    top
        The root node, from `Proxy.tree()`.
    exchanges
        Exchanges that haven't ended: number -> exchange.
    callouts
        Callouts of the proxy (default none). Only pending callouts are shown.
    """
    pending: dict[int, list[Callout]] = defaultdict(list)
    for callout in callouts:
        if callout.state == "pending":
            pending[callout.vm].append(callout)
    return _TreeBuilder(exchanges, pending).node(top, "", {})


class _TreeBuilder:
    def __init__(self, exchanges: Mapping[int, Any], pending: Mapping[int, list[Callout]]) -> None:
        self.exchanges = exchanges
        self.pending = pending

    def node(self, node: Any, path: str, scope: ScopeJson) -> Any:
        """Return a node and all nodes below it as JSON. Its `scope` limits the views while the node is selected."""
        path = f"{path}/{node.name}" if path else node.name
        scope = {**scope, **_scope(node)}
        children = node.children[:STREAMS] if node.kind == "plugin" else node.children
        exchange = self.exchanges.get(node.facts.get("exchange", 0)) if node.kind == "stream" else None
        return {
            "path": printable(path),
            "kind": printable(node.kind),
            "name": printable(node.name),
            "label": printable(node.label if node.label != node.name else "", _BRIEF),
            "context": " ".join(filter(None, (node.context, printable(node.class_name)))),
            "state": printable(node.state),
            "brief": printable(_brief(node, exchange), _BRIEF),
            "facts": [[printable(k), printable(v, 300)] for k, v in self._facts(node, scope, exchange)],
            "scope": scope,
            "folded": is_folded(node),
            "creates": printable(str(node.facts.get("creates", ""))),
            "more": len(node.children) - len(children),
            "children": [self.node(child, path, scope) for child in children],
        }

    def _facts(self, node: Any, scope: ScopeJson, exchange: Any) -> Iterable[tuple[str, str]]:
        yield "state", f"{node.state}{f', {node.label}' if node.kind == 'stream' and node.label else ''}"
        if exchange is not None:
            yield "request", _request(exchange)
            yield "since", f"{exchange.started:.6f} s"
            if exchange.paused:
                yield "paused", exchange.paused
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


def _scope(node: Any) -> ScopeJson:
    """Return the part of the scope that a node adds to the scope of its parent."""
    if node.kind == "thread":
        return {"thread": printable(node.name)}
    if node.kind == "vm":
        plugins = [printable(child.name) for child in node.children]
        return {"vm": int(node.name[2:]), "plugins": plugins} if node.name[2:].isdigit() else {}
    if node.kind == "plugin":
        return {"root": node.facts.get("context"), "plugins": [printable(node.name)]}
    if node.kind == "stream":
        return {"exchange": node.facts.get("exchange")}
    return {}


def _request(exchange: Any) -> str:
    return f"{exchange.request.method} {exchange.request.path}" if hasattr(exchange, "request") else "TCP connection"


def _brief(node: Any, exchange: Any) -> str:
    """Return the text that is shown after the name of a node."""
    facts, counts = node.facts, node.counts
    if node.kind == "vm":
        if "injected trap" in facts:
            return "trap injected"
        return facts.get("failure") or (size(facts["memory"]) if "memory" in facts else facts.get("runs", ""))
    if node.kind == "plugin":
        period = [f"tick {facts['tick period']}"] if "tick period" in facts else []
        return " · ".join([*period, *(plural(n, k.removesuffix("s"), k) for k, n in counts.items())])
    if node.kind == "stream":
        return _request(exchange) if exchange is not None else ""
    return details_of(node)
