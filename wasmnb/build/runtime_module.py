"""From componentize-py's component to the runtime: a finished Proxy-Wasm module that still lacks a filter's source."""

from __future__ import annotations

from collections.abc import Mapping

from .component import Component, Ref, Target
from .core import CoreModule
from .glue import FINISHED, GLUE_PAGES, glue_text
from .graph import Graph
from .leb import Malformed
from .link import link, memory_image

__all__ = ["link_component"]


def link_component(data: bytes) -> bytes:
    """Make the runtime module of a component; raises `Malformed` if it is not built as componentize-py builds them."""
    from wasmtime import wat2wasm

    component = Component(data)
    graph = Graph(component, [CoreModule.read(data, *span) for span in component.modules])
    image = memory_image(graph)
    base = image.grow(GLUE_PAGES)
    glue = CoreModule.read(bytes(wat2wasm(glue_text(graph.wanted_from_outside(), base))))
    graph.add_glue(glue, _given(component, graph))
    for segment in glue.segments:
        assert segment.offset is not None
        image.put(graph.evaluate(graph.glue, segment.offset), glue.data[segment.start : segment.end])
    exports = {
        name.removeprefix(FINISHED): graph.find(Ref(graph.glue.number, name), "func")
        for name in glue.exports
        if name.startswith(FINISHED)
    }
    return link(graph, exports, image)


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
    libc = next((n.number for n in graph.all_nodes() if {"malloc", "free"} <= n.module.exports.keys()), None)
    if libc is None:
        raise Malformed("no module of the component exports malloc and free")
    given["component", "free"] = Ref(libc, "free")
    return given
