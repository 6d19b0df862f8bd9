"""The imports of a source, which are read from its syntax tree.

Filters run without a file system. Every module that a filter imports must be loaded while the runtime is built, so imports
inside functions and branches are treated like all others. An import inside a `try` whose `except` catches ImportError is
optional.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["Imported", "imported_modules", "parse"]

_IMPORTERS = {"import_module", "__import__"}
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Imported:
    """An import of one module in a source.

    Attributes
    ----------
    name
        Dotted name of the module.
    lineno, offset
        Line and column of the statement in the source, counted from 1.
    names
        Names that the statement imports from the module. They can be submodules.
    level
        Number of dots of a relative import, or 0 for an absolute import.
    optional
        Whether the source handles a failure of the import.
    lazy
        Whether the statement is inside a function.
    conditional
        Whether the statement is in a branch of an `if`.
    """

    name: str
    lineno: int
    offset: int
    names: tuple[str, ...] = ()
    level: int = 0
    optional: bool = False
    lazy: bool = False
    conditional: bool = False


def parse(source: str) -> ast.Module:
    """Parse source code. If this Python rejects the syntax, the tree contains only the import statements.

    Syntax errors are reported later by the Python inside the module, which can be another version.
    """
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    for number, line in enumerate(source.splitlines(), 1):
        if not line.lstrip().startswith(("import ", "from ")):
            continue
        try:
            statements = ast.parse(line.strip()).body
        except (SyntaxError, ValueError):
            continue
        for statement in statements:
            ast.increment_lineno(statement, number - 1)
            tree.body.append(statement)
    return tree


def imported_modules(tree: ast.AST) -> list[Imported]:
    """Return all imports in a syntax tree in source order. Imports under `if TYPE_CHECKING` are omitted."""
    return list(_walk(tree, _ImportContext()))


@dataclass(frozen=True)
class _ImportContext:
    """Properties of an import that depend on the code around it."""

    optional: bool = False
    lazy: bool = False
    conditional: bool = False


def _walk(node: ast.AST, outer: _ImportContext) -> Iterator[Imported]:
    for name, names, level in _imports(node):
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        yield Imported(name, line, column, names, level, outer.optional, outer.lazy, outer.conditional)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        outer = replace(outer, lazy=True)
    for child, inner in _children(node, outer):
        yield from _walk(child, inner)


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Yield (module, imported names, dots) for one import statement or call of an import function."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, (), 0) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or "", tuple(alias.name for alias in node.names), node.level
    elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            yield first.value, (), 0


def _children(node: ast.AST, outer: _ImportContext) -> Iterator[tuple[ast.AST, _ImportContext]]:
    """Yield the child nodes of a node, and the properties that imports inside them inherit."""
    if isinstance(node, ast.If) and _names_type_checking(node.test):
        yield from ((child, outer) for child in node.orelse)
    elif isinstance(node, ast.If | ast.IfExp | ast.Match):
        yield from ((child, replace(outer, conditional=True)) for child in ast.iter_child_nodes(node))
    elif isinstance(node, ast.Try) and any(_catches_import_error(h) for h in node.handlers):
        body = {id(n) for n in node.body}
        for child in ast.iter_child_nodes(node):
            # handlers import substitutes, which can also be missing
            optional = id(child) in body or isinstance(child, ast.ExceptHandler)
            yield child, replace(outer, optional=outer.optional or optional)
    else:
        yield from ((child, outer) for child in ast.iter_child_nodes(node))


def _names_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", None) == "TYPE_CHECKING" or getattr(test, "attr", None) == "TYPE_CHECKING"


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(k, "id", getattr(k, "attr", "")) in _IMPORT_ERRORS for k in kinds)
