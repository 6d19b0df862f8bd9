"""The component graph, which resolves each import of the core modules to its definition.

A definition is a pair (node, number). The node is an instance of a core module, and the number is the index among the node's
own definitions of the same kind, without imports. Functions that the finished module imports from its host have the node
`HOST`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from ...engine.declarations import signature_text
from ...parsing.leb128 import Malformed, Reader
from ...parsing.wasm_types import ConstExpression
from .component import Builtin, Component, ImportTarget, Lowered, Ref
from .core_module import CoreModule, Import

__all__ = ["HOST", "Definition", "Graph", "GraphNode", "glue_name"]

Definition = tuple[int, int]

#: Number of the node for functions that the finished module imports from its host.
HOST = -1

#: Body of a function that only calls the function in a fixed slot of a table, with its own parameters.
_TRAMPOLINE = re.compile(
    rb"\0(?:\x20[\x00-\x7f])*\x41([\x80-\xff]*[\x00-\x7f])\x11[\x80-\xff]*[\x00-\x7f]([\x00-\x7f])\x0b", re.DOTALL
)


def glue_name(target: Lowered | Builtin) -> str:
    """Return the name of the glue's function for an import, such as `wasi:random/random#get-random-bytes`."""
    if isinstance(target, Builtin):
        return f"builtin#{target.name}"
    return f"{target.interface.split('@')[0]}#{target.name}"


class GraphNode:
    """An instance of a core module. `arguments` contains the target of each import by (module, name)."""

    def __init__(
        self, number: int, module: CoreModule, arguments: Mapping[tuple[str, str], ImportTarget | Definition]
    ) -> None:
        self.number = number
        self.module = module
        self.arguments = arguments
        self.imports = {kind: module.imported(kind) for kind in ("func", "table", "memory", "global")}


class Graph:
    """The instances of core modules in a component, with the glue as an additional instance.

    Parameters
    ----------
    component
        Component with the connections between the modules.
    modules
        Parsed core modules of the component.
    """

    def __init__(self, component: Component, modules: list[CoreModule]) -> None:
        self.component = component
        self.nodes: list[GraphNode | None] = []
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
            self.nodes.append(GraphNode(number, module, arguments))

    def add_glue(self, module: CoreModule, bindings: Mapping[tuple[str, str], ImportTarget]) -> GraphNode:
        """Add the glue as an instance of the graph, and return its node.

        Parameters
        ----------
        module
            Parsed module of the glue.
        bindings
            Targets in the component for imports of the glue. All other imports of the glue become imports of the finished
            module.
        """
        self._glue = len(self.nodes)
        arguments: dict[tuple[str, str], ImportTarget | Definition] = {}
        for import_ in module.imports:
            key = (import_.module, import_.name)
            if key in bindings:
                arguments[key] = bindings[key]
            elif import_.kind == "func":
                arguments[key] = (HOST, len(self.host_imports))
                self.host_imports.append(key)
        node = GraphNode(self._glue, module, arguments)
        self.nodes.append(node)
        return node

    def all_nodes(self) -> Iterator[GraphNode]:
        """Yield the instances of core modules in the order in which they are started."""
        return (node for node in self.nodes if node is not None)

    @property
    def glue(self) -> GraphNode:
        """Node of the glue, which was added by `add_glue`."""
        assert self._glue is not None
        return self.node(self._glue)

    def node(self, number: int) -> GraphNode:
        """Return the node with a number."""
        node = self.nodes[number]
        assert node is not None
        return node

    # -- resolving names --------------------------------------------------------------------------------------------

    def glue_imports(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Return the functions that the glue must define, as name from `glue_name` -> core signature."""
        signatures: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        for node in self.all_nodes():
            for import_ in node.imports["func"]:
                target = self._follow(node.arguments[import_.module, import_.name])
                if isinstance(target, Lowered | Builtin):
                    assert isinstance(import_.type, int)
                    signatures[glue_name(target)] = node.module.signature(import_.type)
        return signatures

    def _follow(self, target: ImportTarget | Definition) -> ImportTarget | Definition:
        """Follow bundles of exports until the target is a definition."""
        while isinstance(target, Ref) and self.nodes[target.instance] is None:
            bundle = self.component.instances[target.instance].exports
            if target.name not in bundle:
                raise Malformed(f"the component's instance {target.instance} doesn't export {target.name!r}")
            target = bundle[target.name]
        return target

    def find(self, target: ImportTarget | Definition, kind: str) -> Definition:
        """Return the definition to which a target refers. `kind` is its expected kind."""
        target = self._follow(target)
        if isinstance(target, tuple):
            return target
        if isinstance(target, Lowered | Builtin):
            assert self._glue is not None
            target = Ref(self._glue, glue_name(target))
        node = self.node(target.instance)
        if target.name not in node.module.exports:
            raise Malformed(f"instance {target.instance} doesn't export {target.name!r}")
        exported, index = node.module.exports[target.name]
        if exported != kind:
            raise Malformed(f"the export {target.name!r} is a {exported}, not a {kind}")
        return self.definition(node, kind, index)

    def definition(self, node: GraphNode, kind: str, index: int) -> Definition:
        """Return the definition for an index in a node's index space, which includes imports."""
        imports = node.imports[kind]
        if index >= len(imports):
            return node.number, index - len(imports)
        import_ = imports[index]
        definition = self.find(node.arguments[import_.module, import_.name], kind)
        if kind == "func":
            self._check_type(node, import_, definition)
        return definition

    def _check_type(self, node: GraphNode, import_: Import, definition: Definition) -> None:
        assert isinstance(import_.type, int)
        module, index = self._type(definition)
        if node.module.types[import_.type] != module.types[index]:
            expected, actual = (
                signature_text(*node.module.signature(import_.type)),
                signature_text(*module.signature(index)),
            )
            raise Malformed(
                f"{import_.module}.{import_.name} is imported with the signature {expected}, but its definition has {actual}"
            )

    def _type(self, function: Definition) -> tuple[CoreModule, int]:
        """Return the module that contains the type of a function, and the index of the type in this module."""
        if function[0] == HOST:
            name = self.host_imports[function[1]]
            types = {(i.module, i.name): i.type for i in self.glue.imports["func"]}
            index = types[name]
            assert isinstance(index, int)
            return self.glue.module, index
        module = self.node(function[0]).module
        return module, module.functions[function[1]]

    def function(self, node: GraphNode, index: int) -> Definition:
        """Return the definition of a node's function by index. If it is a trampoline, return the function that it calls."""
        return self.skip_trampolines(self.definition(node, "func", index))

    def skip_trampolines(self, function: Definition) -> Definition:
        """Return the function to which a trampoline passes all calls. Other functions are returned unchanged."""
        if function not in self._functions:
            self._functions[function] = self._last_in_chain(function)
        return self._functions[function]

    def _last_in_chain(self, function: Definition) -> Definition:
        while function[0] != HOST:
            node = self.node(function[0])
            start, end = node.module.code[function[1]]
            body = _TRAMPOLINE.fullmatch(node.module.data, start, end) if end - start < 80 else None
            if body is None:
                break
            slot, table = Reader(body[1]).signed(), self.definition(node, "table", body[2][0])
            target = self.tables[table].get(slot)
            if target is None:
                break
            function = target
        return function

    # -- values before the module starts ----------------------------------------------------------------------------

    @cached_property
    def tables(self) -> dict[Definition, dict[int, Definition]]:
        """Functions in each table, by slot."""
        tables: dict[Definition, dict[int, Definition]] = {}
        for node in self.all_nodes():
            for number in range(len(node.module.tables)):
                tables[node.number, number] = {}
        for node in self.all_nodes():
            for elements in node.module.elements:
                if elements.offset is None:
                    raise Malformed("the component has a passive element segment")
                table = tables[self.definition(node, "table", elements.table)]
                slot = self.evaluate(node, elements.offset)
                for i, function in enumerate(elements.functions):
                    table[slot + i] = self.definition(node, "func", function[0][1])
        return tables

    def global_value(self, definition: Definition) -> int:
        """Return the initial value of the global to which a definition refers."""
        node = self.node(definition[0])
        return self.evaluate(node, node.module.globals[definition[1]].value)

    def evaluate(self, node: GraphNode, expression: ConstExpression) -> int:
        """Evaluate a constant expression. The result is a signed number for i32, and an encoded value for other types."""
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
                raise Malformed(f"unsupported instruction {operator} in a constant expression")
        return stack[0] if expression[0][0] in {"i64.const", "f32.const", "f64.const"} else _i32(stack[0])


_OPERATIONS = {
    "i32.add": lambda a, b: a + b,
    "i32.sub": lambda a, b: a - b,
    "i32.mul": lambda a, b: a * b,
}


def _i32(value: int) -> int:
    return (value + 0x80000000) % 0x100000000 - 0x80000000
