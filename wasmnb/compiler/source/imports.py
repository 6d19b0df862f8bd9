"""What a filter's source imports, read from its syntax tree, and where each module is to come from.

Facts: there is no file system where the filter runs. Every module that it may import has to be imported while the
runtime is built, so that imports inside functions and branches count like those at the top. An import inside `try` whose
`except` takes an ImportError may fail, here as anywhere.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

__all__ = ["Imported", "imported_modules", "is_standard", "parse", "standard_module_exists"]

_IMPORTERS = {"import_module", "__import__"}
_IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Imported:
    """A module that a source imports.

    Attributes
    ----------
    name
        Dotted name.
    lineno, offset
        Where: line and column in the source, counted from 1.
    names
        What is taken from it; these may be submodules.
    level
        Dots of a relative import.
    optional
        Whether the source goes on without it.
    lazy
        Whether it stands inside a function.
    conditional
        Whether it stands under an `if`.
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
    """The syntax tree of a source; of one that this Python does not understand, its import statements alone.

    The filter is compiled by the Python inside the module, which is another than this one: what is an error here need
    not be one there, and what is one there is reported from there.
    """
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module([], [])
    for number, line in enumerate(source.splitlines(), 1):
        if not line.lstrip().startswith(("import ", "from ")):
            continue
        try:
            found = ast.parse(line.strip()).body
        except (SyntaxError, ValueError):
            continue
        for statement in found:
            ast.increment_lineno(statement, number - 1)
            tree.body.append(statement)
    return tree


def imported_modules(tree: ast.AST) -> list[Imported]:
    """Every import in a syntax tree, in the order of the source; code under `if TYPE_CHECKING` is left out."""
    return list(_walk(tree, _Place()))


@dataclass(frozen=True)
class _Place:
    """What the code around says about an import."""

    optional: bool = False
    lazy: bool = False
    conditional: bool = False


def _walk(node: ast.AST, place: _Place) -> Iterator[Imported]:
    for name, names, level in _imports(node):
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        yield Imported(name, line, column, names, level, place.optional, place.lazy, place.conditional)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        place = replace(place, lazy=True)
    for child, around in _children(node, place):
        yield from _walk(child, around)


def _imports(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """(module, names taken from it, dots) of what one statement or call imports."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, (), 0) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or "", tuple(alias.name for alias in node.names), node.level
    elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
            yield first.value, (), 0


def _children(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    """The nodes below, and what their place says."""
    if isinstance(node, ast.If) and _names_type_checking(node.test):
        yield from ((child, place) for child in node.orelse)
    elif isinstance(node, ast.If | ast.IfExp | ast.Match):
        yield from ((child, replace(place, conditional=True)) for child in ast.iter_child_nodes(node))
    elif isinstance(node, ast.Try) and any(_takes_import_error(h) for h in node.handlers):
        body = {id(n) for n in node.body}
        for child in ast.iter_child_nodes(node):
            # what stands in the handlers is the substitute: it may be missing as well
            optional = id(child) in body or isinstance(child, ast.ExceptHandler)
            yield child, replace(place, optional=place.optional or optional)
    else:
        yield from ((child, place) for child in ast.iter_child_nodes(node))


def _names_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", None) == "TYPE_CHECKING" or getattr(test, "attr", None) == "TYPE_CHECKING"


def _takes_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(k, "id", getattr(k, "attr", "")) in _IMPORT_ERRORS for k in kinds)


def is_standard(name: str) -> bool:
    """Whether a module is the standard library's."""
    return name.partition(".")[0] in sys.stdlib_module_names


def standard_module_exists(name: str) -> bool:
    """Whether the standard library has a module of this dotted name; nothing is imported to find out."""
    top, _, rest = name.partition(".")
    if top not in sys.stdlib_module_names:
        return False
    if not rest:
        return True
    path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
