"""Who is who in a component: every import of every core module led back to its definition.

A definition is (node, number): the node is a core module's instance, the number counts the node's own definitions of
that kind, imports left out. Functions that the finished module imports from its host belong to the node `HOST`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from ...formats.leb128 import Malformed, Reader
from .component import Builtin, Component, Lowered, Ref, Target
from .core_module import CoreModule, Expression, Import

__all__ = ["HOST", "Definition", "Graph", "Node", "glue_name"]

Definition = tuple[int, int]

#: Node number of functions that the finished module imports.
HOST = -1

#: A function that does nothing but pass its parameters on through a fixed slot of a table.
_TRAMPOLINE = re.compile(
    rb"\0(?:\x20[\x00-\x7f])*\x41([\x80-\xff]*[\x00-\x7f])\x11[\x80-\xff]*[\x00-\x7f]([\x00-\x7f])\x0b", re.DOTALL
)


def glue_name(target: Lowered | Builtin) -> str:
    """Name of the glue function that stands in for it: `wasi:random/random#get-random-bytes`."""
    if isinstance(target, Builtin):
        return f"builtin#{target.name}"
    return f"{target.interface.split('@')[0]}#{target.name}"


class Node:
    """A core module's instance. `arguments` gives the targets of its imports by (module, name)."""

    def __init__(
        self, number: int, module: CoreModule, arguments: Mapping[tuple[str, str], Target | Definition]
    ) -> None:
        self.number = number
        self.module = module
        self.arguments = arguments
        self.imports = {kind: module.imported(kind) for kind in ("func", "table", "memory", "global")}


class Graph:
    """The component's instances with the glue as one more of them.

    Parameters
    ----------
    component
        What componentize-py made.
    modules
        Its core modules, read.
    """

    def __init__(self, component: Component, modules: list[CoreModule]) -> None:
        self.component = component
        self.nodes: list[Node | None] = []
        self.host_imports: list[tuple[str, str]] = []
        self._glue: int | None = None
        self._functions: dict[Definition, Definition] = {}
        for number, instance in enumerate(component.instances):
            if instance.module is None:
                self.nodes.append(None)
                continue
            module = modules[instance.module]
            arguments = {
                (i.module, i.name): Ref(instance.arguments[i.module], i.name) for i in module.imports
            }  # fmt: skip
            self.nodes.append(Node(number, module, arguments))

    def add_glue(self, module: CoreModule, given: Mapping[tuple[str, str], Target]) -> Node:
        """Add the glue. `given` says what it takes from the component; its other imports become the finished module's."""
        self._glue = len(self.nodes)
        arguments: dict[tuple[str, str], Target | Definition] = {}
        for wanted in module.imports:
            key = (wanted.module, wanted.name)
            if key in given:
                arguments[key] = given[key]
            elif wanted.kind == "func":
                arguments[key] = (HOST, len(self.host_imports))
                self.host_imports.append(key)
        node = Node(self._glue, module, arguments)
        self.nodes.append(node)
        return node

    def all_nodes(self) -> Iterator[Node]:
        """The instances of core modules, in the order in which they start."""
        return (node for node in self.nodes if node is not None)

    @property
    def glue(self) -> Node:
        """The node that `add_glue` made."""
        assert self._glue is not None
        return self.node(self._glue)

    def node(self, number: int) -> Node:
        """The node of a definition."""
        node = self.nodes[number]
        assert node is not None
        return node

    # -- from a name to its definition ------------------------------------------------------------------------------

    def wanted_from_outside(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """The functions that the component does not define itself, by `glue_name`, with their core signatures."""
        found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        for node in self.all_nodes():
            for wanted in node.imports["func"]:
                target = self._follow(node.arguments[wanted.module, wanted.name])
                if isinstance(target, Lowered | Builtin):
                    assert isinstance(wanted.type, int)
                    found[glue_name(target)] = node.module.signature(wanted.type)
        return found

    def _follow(self, target: Target | Definition) -> Target | Definition:
        """Go through bundles until something defined is reached."""
        while isinstance(target, Ref) and self.nodes[target.instance] is None:
            bundle = self.component.instances[target.instance].exports
            if target.name not in bundle:
                raise Malformed(f"the component's instance {target.instance} has no export {target.name!r}")
            target = bundle[target.name]
        return target

    def find(self, target: Target | Definition, kind: str) -> Definition:
        """The definition that a target leads to."""
        target = self._follow(target)
        if isinstance(target, tuple):
            return target
        if isinstance(target, Lowered | Builtin):
            assert self._glue is not None
            target = Ref(self._glue, glue_name(target))
        node = self.node(target.instance)
        if target.name not in node.module.exports:
            raise Malformed(f"instance {target.instance} has no export {target.name!r}")
        found, index = node.module.exports[target.name]
        if found != kind:
            raise Malformed(f"the export {target.name!r} is a {found}, not a {kind}")
        return self.definition(node, kind, index)

    def definition(self, node: Node, kind: str, index: int) -> Definition:
        """What number `index` of a node's index space stands for."""
        imports = node.imports[kind]
        if index >= len(imports):
            return node.number, index - len(imports)
        wanted = imports[index]
        found = self.find(node.arguments[wanted.module, wanted.name], kind)
        if kind == "func":
            self._check_type(node, wanted, found)
        return found

    def _check_type(self, node: Node, wanted: Import, found: Definition) -> None:
        assert isinstance(wanted.type, int)
        if node.module.types[wanted.type] != self._type(found):
            raise Malformed(f"{wanted.module}.{wanted.name} has another signature than what stands in for it")

    def _type(self, function: Definition) -> bytes:
        """Type of a function, encoded."""
        if function[0] == HOST:
            place = self.host_imports[function[1]]
            types = {(i.module, i.name): i.type for i in self.glue.imports["func"]}
            index = types[place]
            assert isinstance(index, int)
            return self.glue.module.types[index]
        module = self.node(function[0]).module
        return module.types[module.functions[function[1]]]

    def function(self, node: Node, index: int) -> Definition:
        """As `definition`, straight through functions that only pass a call on."""
        return self.straight(self.definition(node, "func", index))

    def straight(self, found: Definition) -> Definition:
        """The function that does the work: `found`, or the one behind it if it only passes a call on."""
        if found not in self._functions:
            self._functions[found] = self._behind_trampolines(found)
        return self._functions[found]

    def _behind_trampolines(self, found: Definition) -> Definition:
        while found[0] != HOST:
            node = self.node(found[0])
            start, end = node.module.code[found[1]]
            body = _TRAMPOLINE.fullmatch(node.module.data, start, end) if end - start < 80 else None
            if body is None:
                break
            slot, table = Reader(body[1]).signed(), self.definition(node, "table", body[2][0])
            behind = self.tables[table].get(slot)
            if behind is None:
                break
            found = behind
        return found

    # -- what is known before the module starts ---------------------------------------------------------------------

    @cached_property
    def tables(self) -> dict[Definition, dict[int, Definition]]:
        """The functions in every table's slots."""
        tables: dict[Definition, dict[int, Definition]] = {}
        for node in self.all_nodes():
            for number in range(len(node.module.tables)):
                tables[node.number, number] = {}
        for node in self.all_nodes():
            for elements in node.module.elements:
                if elements.offset is None:
                    raise Malformed("an element segment that is not put into a table at once")
                table = tables[self.definition(node, "table", elements.table)]
                slot = self.evaluate(node, elements.offset)
                for i, function in enumerate(elements.functions):
                    table[slot + i] = self.definition(node, "func", function[0][1])
        return tables

    def global_value(self, definition: Definition) -> int:
        """First value of a global."""
        node = self.node(definition[0])
        return self.evaluate(node, node.module.globals[definition[1]].value)

    def evaluate(self, node: Node, expression: Expression) -> int:
        """Value of a constant expression, as a signed 32-bit number (integers of other kinds: as they are written)."""
        stack: list[int] = []
        for operator, operand in expression:
            if operator.endswith(".const"):
                stack.append(operand)
            elif operator == "global.get":
                stack.append(self.global_value(self.definition(node, "global", operand)))
            elif operator in _OPERATIONS:
                right, left = stack.pop(), stack.pop()
                stack.append(_OPERATIONS[operator](left, right))
            else:
                raise Malformed(f"{operator} in a constant expression")
        return stack[0] if expression[0][0] in {"i64.const", "f32.const", "f64.const"} else _i32(stack[0])


_OPERATIONS = {
    "i32.add": lambda a, b: a + b,
    "i32.sub": lambda a, b: a - b,
    "i32.mul": lambda a, b: a * b,
}


def _i32(value: int) -> int:
    return (value + 0x80000000) % 0x100000000 - 0x80000000
