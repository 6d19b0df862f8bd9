"""Linking of the module of a runtime, which is a complete Proxy-Wasm module except for the filter's source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...engine import assemble
from ...parsing.leb128 import Malformed
from ..glue import C_API, FINISHED, GLUE_PAGES, glue_text
from ..wasm_binary.component import Component, ImportTarget, Ref
from ..wasm_binary.component_graph import Definition, Graph
from ..wasm_binary.core_module import CoreModule
from ..wasm_binary.linker import link, memory_image
from ..wasm_binary.memory_image import PAGE
from ..wasm_binary.stack_guard import StackGuard
from ..wasm_binary.symbols import symbols
from .archive import archive_in
from .frozen_modules import clear_frozen
from .heap_trim import MemoryRegions, clear_unused

__all__ = ["LinkedRuntime", "archive_of", "link_component"]

#: Name under which the modules of a component export or import their common function table.
_TABLE = "__indirect_function_table"


@dataclass(frozen=True)
class LinkedRuntime:
    """The Wasm module of a runtime, and the layout of its memory.

    Attributes
    ----------
    wasm
        Bytes of the module.
    symbols
        Names of the module's functions, by function index.
    regions
        Addresses of the stack and the heap in the module's memory.
    archive
        Address and size of the archive of Python's library in the module's memory.
    """

    wasm: bytes
    symbols: list[str]
    regions: MemoryRegions
    archive: tuple[int, int]


def link_component(data: bytes, archive: bytes = b"") -> LinkedRuntime:
    """Link componentize-py's component with the glue, which results in the module of a runtime.

    Parameters
    ----------
    data
        Bytes of the component.
    archive
        The archive of Python's library, which is placed after the component's memory (default empty).

    Raises
    ------
    Malformed
        The component doesn't have the expected structure.
    """
    component, graph = _graph(data)
    image = memory_image(graph)
    regions = MemoryRegions.of(graph)
    clear_unused(image.bytes, regions)
    clear_frozen(image.bytes, regions.heap_base)
    place = image.grow(-(-len(archive) // PAGE)), len(archive)
    image.put(place[0], archive)
    base = image.grow(GLUE_PAGES)
    glue = CoreModule.read(assemble(glue_text(graph.glue_imports(), base, _first_free_slot(graph), place)))
    graph.add_glue(glue, _glue_bindings(component, graph))
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
    return LinkedRuntime(module, symbols(graph, order), regions, place)


def archive_of(data: bytes) -> bytes:
    """Return the archive of Python's library from the component of the guest that compiles it.

    Raises
    ------
    Malformed
        The component doesn't contain an archive.
    """
    return archive_in(bytes(memory_image(_graph(data)[1]).bytes))


def _graph(data: bytes) -> tuple[Component, Graph]:
    component = Component(data)
    return component, Graph(component, [CoreModule.read(data, *span) for span in component.modules])


def _glue_bindings(component: Component, graph: Graph) -> Mapping[tuple[str, str], ImportTarget]:
    """Return the definitions that the glue imports from the component: memory, allocator, Python's functions and lifted
    functions.
    """
    bindings: dict[tuple[str, str], ImportTarget] = {}
    for name, lift in component.exports.items():
        if lift.post_return is None:
            raise Malformed(f"the component's export {name!r} has no post-return function")
        bindings["lift", name] = lift.function
        bindings["post", name] = lift.post_return
    function = next(iter(component.exports.values())).function
    assert isinstance(function, Ref)
    bindings["component", "realloc"] = Ref(function.instance, "cabi_realloc")
    bindings["component", "free"] = Ref(_with_exports(graph, {"malloc", "free"}), "free")
    bindings["component", "table"] = Ref(_with_exports(graph, {_TABLE}), _TABLE)
    python = _with_exports(graph, set(C_API))
    bindings.update({("python", name): Ref(python, name) for name in C_API})
    return bindings


def _with_exports(graph: Graph, names: set[str]) -> int:
    """Return the index of the module in the component that exports all of the names."""
    number = next((n.number for n in graph.all_nodes() if names <= n.module.exports.keys()), None)
    if number is None:
        raise Malformed(f"no module of the component exports {', '.join(sorted(names))}")
    return number


def _first_free_slot(graph: Graph) -> int:
    """Return the size of the component's function table, which is the index of the first unused slot."""
    return graph.node(_with_exports(graph, {_TABLE})).module.tables[0].minimum
