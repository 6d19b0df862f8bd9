"""Read an ES module: its imports, its exports, and its source without the keywords of both.

tree-sitter parses the source, so import and export are recognised by the grammar, and text in strings, templates, comments and
regular expressions isn't touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

__all__ = ["Module", "read_module"]

_LANGUAGE = Language(tree_sitter_javascript.language())

_FUNCTIONS = {
    "function_expression", "function_declaration", "generator_function", "generator_function_declaration",
    "arrow_function", "method_definition",
}  # fmt: skip
_CONSTANTS = {"function_declaration", "generator_function_declaration", "class_declaration"}
_NAMES = {"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"}
_ANONYMOUS = {"function_expression": "function", "generator_function": "*", "class": "class"}


@dataclass
class Module:
    """An ES module. Names of other modules are as in its source, such as `./rows.js`."""

    label: str
    #: Modules that it imports, in the order of the statements.
    references: list[str] = field(default_factory=list)
    #: Local name -> (module, name there). The name `*` is the object with all exports.
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Exported name -> local name.
    exports: dict[str, str] = field(default_factory=dict)
    #: Exported name -> (module, name there), for `export ... from`.
    forwarded: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Modules whose exports are all exported: `export * from`.
    stars: list[str] = field(default_factory=list)
    #: All identifiers in the source, and the source of the body.
    identifiers: set[str] = field(default_factory=set)
    body: str = ""

    def error(self, node: Node, message: str) -> ValueError:
        """Return an exception that names the module and the line of `node`."""
        return ValueError(f"{self.label}, line {node.start_point.row + 1}: {message}")


def read_module(label: str, source: bytes) -> Module:
    """Parse a module.

    Parameters
    ----------
    label
        Name of the module in errors.
    source
        The source, in UTF-8.

    Raises
    ------
    ValueError
        The source contains a syntax error, or a form of import or export that a joined module can't have.
    """
    reader = _Reader(Module(label), source)
    reader.read(Parser(_LANGUAGE).parse(source).root_node)
    return reader.module


class _Reader:
    def __init__(self, module: Module, source: bytes) -> None:
        self.module = module
        self.source = source
        self.edits: list[tuple[int, int, str]] = []  # start, end, replacement
        self.constants: set[str] = set()
        self.default = "$default"

    def read(self, root: Node) -> None:
        if root.has_error:
            raise self.module.error(_first_error(root), "Syntax error.")
        self._check(root, in_function=False)
        while self.default in self.module.identifiers:
            self.default += "_"
        for node in root.named_children:
            self._declarations(node.child_by_field_name("declaration") or node)
        leading = True  # only imports and comments so far
        for node in root.named_children:
            if node.type == "import_statement":
                self._import(node)
                self._remove(node, leading=leading)
            elif node.type == "export_statement":
                self._export(node)
            leading = leading and node.type in {"import_statement", "comment"}
        self.module.body = self._edited()

    def _edited(self) -> str:
        parts, position = [], 0
        for start, end, text in sorted(self.edits):
            parts += [self.source[position:start], text.encode()]
            position = end
        return b"".join([*parts, self.source[position:]]).decode().strip("\n")

    def _check(self, node: Node, *, in_function: bool) -> None:
        """Collect identifiers, and refuse what has no meaning inside the function that a module becomes."""
        if node.type in _NAMES:
            self.module.identifiers.add(_text(node))
        elif node.type == "import" and node.is_named:
            raise self.module.error(node, "import() is not supported. Use an import statement.")
        elif node.type == "meta_property" and _text(node).startswith("import"):
            raise self.module.error(node, "import.meta is not supported, because the modules are joined into one.")
        elif not in_function and (node.type == "return_statement" or (node.type == "await" and not node.is_named)):
            raise self.module.error(node, f"{node.type.split('_')[0]} outside of a function is not supported.")
        for child in node.children:
            self._check(child, in_function=in_function or node.type in _FUNCTIONS)

    def _declarations(self, node: Node) -> None:
        if node.type in _CONSTANTS or (node.type == "lexical_declaration" and _text(node.children[0]) == "const"):
            self.constants.update(_declared(node))

    def _import(self, node: Node) -> None:
        reference = self._reference(node)
        for clause in (child for child in node.named_children if child.type == "import_clause"):
            for part in clause.named_children:
                if part.type == "identifier":
                    self.module.imports[_text(part)] = (reference, "default")
                elif part.type == "namespace_import":
                    self.module.imports[_text(part.named_children[-1])] = (reference, "*")
                else:
                    for name, alias in _specifiers(part):
                        self.module.imports[alias] = (reference, name)

    def _export(self, node: Node) -> None:
        declaration, value = node.child_by_field_name("declaration"), node.child_by_field_name("value")
        if node.child_by_field_name("source") is not None:
            self._forward(node)
        elif value is not None:
            self._export_value(node, value)
        elif declaration is not None:
            self._export_declaration(node, declaration)
        else:
            for name, alias in _specifiers(node.named_children[0]):
                self._add(node, alias, name)
            self._remove(node)

    def _export_value(self, node: Node, value: Node) -> None:
        """`export default` with an expression or an anonymous function or class. A function stays a declaration."""
        keyword = _ANONYMOUS.get(value.type)
        if keyword is None:
            leaf = _first_token(value)
            if leaf.parent is not None and leaf.parent.type in _ANONYMOUS:
                raise self.module.error(
                    value, "Put a semicolon after this default export. The parser takes the next line for a part of it."
                )
            self.edits.append((node.start_byte, value.start_byte, f"const {self.default} = "))
        else:
            end = next(child.end_byte for child in value.children if child.type == keyword)
            self.edits += [(node.start_byte, value.start_byte, ""), (end, end, f" {self.default}")]
        self.constants.add(self.default)
        self._add(node, "default", self.default)

    def _export_declaration(self, node: Node, declaration: Node) -> None:
        default = any(child.type == "default" for child in node.children)
        for name in _declared(declaration):
            self._add(node, "default" if default else name, name)
        for child in node.children:
            if child.type in {"export", "default"}:
                blank = self.source[child.end_byte : child.end_byte + 1] == b" "
                self.edits.append((child.start_byte, child.end_byte + blank, ""))

    def _forward(self, node: Node) -> None:
        reference = self._reference(node)
        clause = node.named_children[0]
        if clause.type == "export_clause":
            for name, alias in _specifiers(clause):
                self._add(node, alias, name, reference)
        elif clause.type == "namespace_export":
            self._add(node, _text(clause.named_children[0]), "*", reference)
        else:
            self.module.stars.append(reference)
        self._remove(node)

    def _add(self, node: Node, name: str, local: str, reference: str | None = None) -> None:
        module = self.module
        if name in module.exports or name in module.forwarded:
            raise module.error(node, f"{name} is exported twice.")
        if reference is not None:
            module.forwarded[name] = (reference, local)
        elif local in module.imports:
            module.forwarded[name] = module.imports[local]
        elif local in self.constants:
            module.exports[name] = local
        else:
            raise module.error(
                node, f"{local} is exported, but it isn't a constant, a function or a class of this module."
            )

    def _reference(self, node: Node) -> str:
        if any(child.type == "import_attribute" for child in node.children):
            raise self.module.error(node, "Import attributes are not supported.")
        source = node.child_by_field_name("source")
        assert source is not None
        reference = _text(source)[1:-1]
        if not reference.startswith(("./", "../")):
            raise self.module.error(
                node, f'"{reference}" is not supported. Import files, with a path that begins with ./ or ../'
            )
        if reference not in self.module.references:
            self.module.references.append(reference)
        return reference

    def _remove(self, node: Node, *, leading: bool = False) -> None:
        """Remove a statement. A semicolon takes its place if a statement before it may rely on its end."""
        end = node.end_byte + (leading and self.source[node.end_byte : node.end_byte + 1] == b"\n")
        self.edits.append((node.start_byte, end, "" if leading else ";"))


def _text(node: Node) -> str:
    return str(node.text or b"", "utf-8")


def _specifiers(clause: Node) -> Iterator[tuple[str, str]]:
    """Yield name and alias of each entry between braces."""
    for specifier in (child for child in clause.named_children if child.type.endswith("_specifier")):
        names = [_text(child).strip("\"'") for child in specifier.children if child.type not in {"as", "comment"}]
        yield names[0], names[-1]


def _declared(node: Node) -> Iterator[str]:
    """Yield the names that a declaration or a pattern declares."""
    name = node.child_by_field_name("name")
    if node.type in {"identifier", "shorthand_property_identifier_pattern"}:
        yield _text(node)
    elif name is not None:
        yield from _declared(name)
    elif node.type in {"object_assignment_pattern", "assignment_pattern"}:
        yield from _declared(node.named_children[0])
    elif node.type == "pair_pattern":
        yield from _declared(node.named_children[-1])
    else:
        for child in node.named_children:
            yield from _declared(child)


def _first_token(node: Node) -> Node:
    return _first_token(node.children[0]) if node.children else node


def _first_error(node: Node) -> Node:
    for child in node.children:
        if child.has_error or child.is_missing:
            return _first_error(child)
    return node
