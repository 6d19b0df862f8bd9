"""The linker, which merges a component and its glue into one core module.

Functions that can't be reached from the exports and the tables are omitted. Globals that are never set become constants, and
the component's trampolines are bypassed. All initialisers become plain constants, because V8 as configured by Envoy rejects
some extended constant expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from ...parsing import leb128 as leb
from ...parsing.leb128 import CORE_MAGIC, VALUE_TYPES, Malformed, Reader
from .component_graph import HOST, Definition, Graph, GraphNode
from .memory_image import MemoryImage
from .relocations import Parts, body_parts

__all__ = ["CodeRewrite", "link", "memory_image"]

_FUNC, _MEMORY = 0, 2


#: Function that returns a replacement for the function body `data[start:end]` of a node, or None if the body isn't changed.
CodeRewrite = Callable[[GraphNode, int, int], bytes | None]


def link(
    graph: Graph,
    exports: Mapping[str, Definition],
    image: MemoryImage,
    rewrite: CodeRewrite = lambda *_: None,
    order: list[Definition] | None = None,
) -> bytes:
    """Merge the exported functions, and all functions that they need, into one core module. Return the module's bytes.

    Parameters
    ----------
    graph
        Component to which the glue has been added.
    exports
        Functions to export, by name. The memory is exported as `memory` as well.
    image
        Initial content of the memory.
    rewrite
        Called with every linked function body, for which it can return a replacement. By default, bodies aren't changed.
    order
        List to which the functions of the module are appended, in the order of their indexes (default None).

    Raises
    ------
    Malformed
        The component uses a feature that the linker doesn't support, because componentize-py doesn't use it.
    """
    linked = _Link(graph, exports, rewrite)
    if order is not None:
        order += linked.functions
    return linked.module(image)


def memory_image(graph: Graph) -> MemoryImage:
    """Return the initial content of the component's memory.

    Raises
    ------
    Malformed
        The component doesn't have exactly one memory, or it has a start function or passive data segments.
    """
    memories = [m for node in graph.all_nodes() for m in node.module.memories]
    if len(memories) != 1:
        raise Malformed(f"the component has {len(memories)} memories; the linker supports exactly one")
    image = MemoryImage(memories[0].minimum)
    for node in graph.all_nodes():
        if node.module.start is not None:
            raise Malformed("a module in the component has a start function, which the linker doesn't support")
        view = memoryview(node.module.data)
        for segment in node.module.segments:
            if segment.offset is None:
                raise Malformed("the component has a passive data segment, which the linker doesn't support")
            image.put(graph.evaluate(node, segment.offset) % (1 << 32), view[segment.start : segment.end])
    return image


class _Link:
    """One run of the linker, which finds reachable functions, numbers them, and encodes the module."""

    def __init__(self, graph: Graph, exports: Mapping[str, Definition], rewrite: CodeRewrite) -> None:
        self.graph = graph
        self.rewrite = rewrite
        self.exports = exports
        self.bodies: dict[Definition, tuple[bytes, Parts]] = {}
        self.set_globals: set[Definition] = set()
        self.read_globals: set[Definition] = set()
        self.used_tables: set[Definition] = set()
        self._reach()
        self.functions = self._number_functions()
        self.globals = {
            d: i for i, d in enumerate(sorted((self.set_globals | self._non_i32_globals()) & self._accessed_globals()))
        }
        self.tables = {d: i for i, d in enumerate(sorted(self.used_tables))}
        self.types: dict[bytes, int] = {}

    # -- reachability -----------------------------------------------------------------------------------------------

    def _reach(self) -> None:
        """Find all functions that can be reached from the exports. If a table is used, all functions in it are reachable."""
        waiting = list(self.exports.values())
        while waiting:
            definition = waiting.pop()
            if definition in self.bodies or definition[0] == HOST:
                continue
            node = self.graph.node(definition[0])
            start, end = node.module.code[definition[1]]
            replacement = self.rewrite(node, start, end)
            locals_, parts = (
                body_parts(node.module.data, start, end)
                if replacement is None
                else body_parts(replacement, 0, len(replacement))
            )
            self.bodies[definition] = locals_, parts
            waiting.extend(self._references(node, {instruction for _, instruction in parts}))

    def _references(self, node: GraphNode, instructions: Iterable[bytes]) -> Iterable[Definition]:
        graph = self.graph
        for instruction in instructions:
            if not instruction:
                continue
            kind, operands = _operands(instruction)
            if kind == "func":
                yield graph.function(node, operands[0])
            elif kind == "global":
                accessed = self.set_globals if instruction[0] == 0x24 else self.read_globals
                accessed.add(graph.definition(node, "global", operands[0]))
            elif kind in {"indirect", "table"}:
                for table in {graph.definition(node, "table", t) for t in operands[kind == "indirect" :]}:
                    if table not in self.used_tables:
                        self.used_tables.add(table)
                        yield from (self.graph.skip_trampolines(f) for f in graph.tables[table].values())

    def _accessed_globals(self) -> set[Definition]:
        return self.read_globals | self.set_globals

    def _non_i32_globals(self) -> set[Definition]:
        """Return the globals of types other than i32. They stay globals even if they are never set."""
        return {d for d in self.read_globals if self._global_type(d) != "i32"}

    def _global_type(self, definition: Definition) -> str:
        return VALUE_TYPES[self.graph.node(definition[0]).module.globals[definition[1]].type]

    def _number_functions(self) -> dict[Definition, int]:
        host = [(HOST, i) for i in range(len(self.graph.host_imports))]
        return {d: i for i, d in enumerate(chain(host, sorted(self.bodies)))}

    # -- encoding ---------------------------------------------------------------------------------------------------

    def module(self, image: MemoryImage) -> bytes:
        """Return the bytes of the finished module."""
        code = self._code()
        functions = leb.vector(leb.unsigned(self._function_type(d)) for d in sorted(self.bodies))
        imports, elements, globals_ = self._imports(), self._elements(), self._globals()
        tables = [len(self.graph.tables[d]) and max(self.graph.tables[d]) + 1 for d in self.tables]
        return b"".join(
            (
                CORE_MAGIC,
                leb.section(1, leb.vector(self.types)),
                leb.section(2, imports),
                leb.section(3, functions),
                leb.section(4, leb.vector(b"\x70\x01" + 2 * leb.unsigned(size) for size in tables)),
                leb.section(5, leb.vector([b"\0" + leb.unsigned(image.pages)])),
                leb.section(6, globals_),
                leb.section(7, self._exports()),
                leb.section(9, elements),
                leb.section(10, code),
                leb.section(11, image.section()),
            )
        )

    def type_number(self, node: GraphNode, index: int) -> int:
        """Return the index of a node's type in the finished module."""
        return self.types.setdefault(node.module.types[index], len(self.types))

    def _function_type(self, definition: Definition) -> int:
        node = self.graph.node(definition[0])
        return self.type_number(node, node.module.functions[definition[1]])

    def _code(self) -> bytes:
        rewriters = {node.number: _Rewriter(self, node) for node in self.graph.all_nodes()}
        out: list[bytes] = []
        for definition in sorted(self.bodies):
            locals_, parts = self.bodies[definition]
            rewriter = rewriters[definition[0]]
            body = b"".join([code for run, instruction in parts for code in (run, rewriter[instruction])])
            out += (leb.unsigned(len(locals_) + len(body)), locals_, body)
        return leb.unsigned(len(self.bodies)) + b"".join(out)

    def _imports(self) -> bytes:
        glue = self.graph.glue
        types = {(i.module, i.name): i.type for i in glue.imports["func"]}
        items = []
        for module, name in self.graph.host_imports:
            index = types[module, name]
            assert isinstance(index, int)
            items.append(leb.name(module) + leb.name(name) + b"\0" + leb.unsigned(self.type_number(glue, index)))
        return leb.vector(items)

    def _globals(self) -> bytes:
        items = []
        for definition in self.globals:
            kind = self._global_type(definition)
            if kind not in {"i32", "i64"}:
                raise Malformed(f"the component has a global of type {kind}; the linker supports i32 and i64")
            value = leb.signed(self.graph.global_value(definition))
            items.append((b"\x7f\x01\x41" if kind == "i32" else b"\x7e\x01\x42") + value + b"\x0b")
        return leb.vector(items)

    def _exports(self) -> bytes:
        functions = [
            leb.name(name) + bytes((_FUNC,)) + leb.unsigned(self.functions[d]) for name, d in self.exports.items()
        ]
        return leb.vector([leb.name("memory") + bytes((_MEMORY, 0)), *functions])

    def _elements(self) -> bytes:
        """Encode an element segment for each run of filled slots."""
        items = []
        for definition, number in self.tables.items():
            slots = self.graph.tables[definition]
            for first, functions in _runs(
                {s: self.functions[self.graph.skip_trampolines(f)] for s, f in slots.items()}
            ):
                head = b"\0" if number == 0 else b"\x02" + leb.unsigned(number)
                kind = b"" if number == 0 else b"\0"
                offset = b"\x41" + leb.signed(first) + b"\x0b"
                items.append(head + offset + kind + leb.vector(map(leb.unsigned, functions)))
        return leb.vector(items)


class _Rewriter(dict[bytes, bytes]):
    """Map from instructions in a node's code to instructions with the indexes of the finished module."""

    def __init__(self, link: _Link, node: GraphNode) -> None:
        super().__init__({b"": b""})
        self.link = link
        self.node = node

    def __missing__(self, instruction: bytes) -> bytes:
        self[instruction] = new = self._rewrite(instruction)
        return new

    def _rewrite(self, instruction: bytes) -> bytes:
        link, node, graph = self.link, self.node, self.link.graph
        kind, operands = _operands(instruction)
        opcode = instruction[:1]
        match kind:
            case "func":
                return opcode + leb.unsigned(link.functions[graph.function(node, operands[0])])
            case "global":
                definition = graph.definition(node, "global", operands[0])
                if definition in link.globals:
                    return opcode + leb.unsigned(link.globals[definition])
                return b"\x41" + leb.signed(graph.global_value(definition))
            case "indirect":
                table = link.tables[graph.definition(node, "table", operands[1])]
                return opcode + leb.unsigned(link.type_number(node, operands[0])) + leb.unsigned(table)
            case "block":
                return opcode + leb.signed(link.type_number(node, operands[0]))
            case _:
                prefix = instruction[:2] if opcode == b"\xfc" else opcode
                numbers = (link.tables[graph.definition(node, "table", t)] for t in operands)
                return prefix + b"".join(map(leb.unsigned, numbers))


_KINDS = {
    0x10: "func", 0x12: "func", 0xD2: "func", 0x11: "indirect", 0x13: "indirect", 0x23: "global", 0x24: "global",
    0x25: "table", 0x26: "table", 0x02: "block", 0x03: "block", 0x04: "block", 0xFC: "table",
}  # fmt: skip


def _operands(instruction: bytes) -> tuple[str, list[int]]:
    """Return the kind of an instruction's index, and the instruction's operands."""
    kind = _KINDS[instruction[0]]
    r = Reader(instruction, 2 if instruction[0] == 0xFC else 1)
    if kind == "block":
        return kind, [r.signed()]
    if instruction[0] == 0xD2:
        raise Malformed("the component contains the instruction ref.func, which the linker doesn't support")
    operands = []
    while r.more:
        operands.append(r.u32())
    return kind, operands


def _runs(slots: Mapping[int, int]) -> Iterable[tuple[int, list[int]]]:
    """Group adjacent slots, and yield (first slot, values) for each group."""
    first = -1
    values: list[int] = []
    for slot in sorted(slots):
        if slot != first + len(values):
            if values:
                yield first, values
            first, values = slot, []
        values.append(slots[slot])
    if values:
        yield first, values
