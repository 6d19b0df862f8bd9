"""Names of a linked module's functions, from the name sections of the modules that were linked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ...parsing.leb128 import Malformed, Reader
from .component_graph import HOST, Definition, Graph
from .core_module import CoreModule

__all__ = ["function_names", "symbols"]

_FUNCTION_NAMES = 1


def symbols(graph: Graph, order: Sequence[Definition]) -> list[str]:
    """Return a name for each function in `order`. Functions with the same name are numbered, as in `dealloc#1`."""
    known = {node.number: function_names(node.module) for node in graph.all_nodes()}
    seen: Counter[str] = Counter()
    names = []
    for node, number in order:
        if node == HOST:
            names.append(graph.host_imports[number][1])
            continue
        imported = len(graph.node(node).imports["func"])
        name = known[node].get(imported + number) or "anonymous"
        names.append(f"{name}#{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def function_names(module: CoreModule) -> dict[int, str]:
    """Return the names of functions from a module's name section, by index. Returns {} if there is no valid name section."""
    names: dict[int, str] = {}
    for title, start, end in module.sections:
        if title != "custom name":
            continue
        r = Reader(module.data, start, end)
        try:
            r.name()
            while r.more:
                kind, size = r.byte(), r.u32()
                part = Reader(module.data, r.skip(size), r.at)
                if kind == _FUNCTION_NAMES:
                    names.update(part.vector(lambda p=part: (p.u32(), p.name())))  # type: ignore[misc]
        except Malformed:
            break
    return names
