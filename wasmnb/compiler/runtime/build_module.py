"""From componentize-py's component to the runtime: a finished Proxy-Wasm module that still lacks a filter's source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...engine import assemble
from ...formats.leb128 import Malformed
from ..glue import C_API, FINISHED, GLUE_PAGES, glue_text
from ..wasm.component import Component, Ref, Target
from ..wasm.component_graph import Definition, Graph
from ..wasm.core_module import CoreModule
from ..wasm.linker import link, memory_image
from ..wasm.stack_guard import StackGuard
from ..wasm.symbols import symbols
from .heap_trim import Regions, clear_unused

__all__ = ["LinkedRuntime", "link_component"]

#: Name under which the modules of a component share their function table.
_TABLE = "__indirect_function_table"


@dataclass(frozen=True)
class LinkedRuntime:
    """A runtime's module and what is known of it.

    Attributes
    ----------
    wasm
        The module.
    symbols
        Names of its functions, by number.
    regions
        Where its stack and its heap are.
    """

    wasm: bytes
    symbols: list[str]
    regions: Regions


def link_component(data: bytes) -> LinkedRuntime:
    """Make the runtime module of a component; raises `Malformed` if it is not built as componentize-py builds them."""
    component = Component(data)
    graph = Graph(component, [CoreModule.read(data, *span) for span in component.modules])
    image = memory_image(graph)
    regions = Regions.of(graph)
    clear_unused(image.bytes, regions)
    base = image.grow(GLUE_PAGES)
    glue = CoreModule.read(assemble(glue_text(graph.wanted_from_outside(), base, _first_free_slot(graph))))
    graph.add_glue(glue, _given(component, graph))
    for segment in glue.segments:
        assert segment.offset is not None
        image.put(graph.evaluate(graph.glue, segment.offset), glue.data[segment.start : segment.end])
    exports = {
        name.removeprefix(FINISHED): graph.find(Ref(graph.glue.number, name), "func")
        for name in glue.exports
        if name.startswith(FINISHED)
    }
    order: list[Definition] = []
    module = link(graph, exports, image, StackGuard(graph), order)
    return LinkedRuntime(module, symbols(graph, order), regions)


def _given(component: Component, graph: Graph) -> Mapping[tuple[str, str], Target]:
    """What the glue takes from the component: memory, allocator, the functions behind the callbacks."""
    given: dict[tuple[str, str], Target] = {}
    for name, lift in component.exports.items():
        if lift.post_return is None:
            raise Malformed(f"the component's export {name!r} has no post-return function")
        given["lift", name] = lift.function
        given["post", name] = lift.post_return
    function = next(iter(component.exports.values())).function
    assert isinstance(function, Ref)
    given["component", "realloc"] = Ref(function.instance, "cabi_realloc")
    given["component", "free"] = Ref(_with_exports(graph, {"malloc", "free"}), "free")
    given["component", "table"] = Ref(_with_exports(graph, {_TABLE}), _TABLE)
    python = _with_exports(graph, set(C_API))
    given.update({("python", name): Ref(python, name) for name in C_API})
    return given


def _with_exports(graph: Graph, names: set[str]) -> int:
    """Number of the module that exports all of these."""
    found = next((n.number for n in graph.all_nodes() if names <= n.module.exports.keys()), None)
    if found is None:
        raise Malformed(f"no module of the component exports {', '.join(sorted(names))}")
    return found


def _first_free_slot(graph: Graph) -> int:
    """Size of the component's function table."""
    return graph.node(_with_exports(graph, {_TABLE})).module.tables[0].minimum
