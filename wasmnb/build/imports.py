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
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Imported", "imported_modules", "is_standard", "parse", "standard_module_exists"]

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
    optional
        Whether the source goes on without it.
    names
        What is taken from it; these may be submodules.
    level
        Dots of a relative import.
    lazy
        Whether it stands inside a function.
    """

    name: str
    lineno: int
    offset: int
    optional: bool = False
    names: tuple[str, ...] = ()
    level: int = 0
    lazy: bool = False


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
    return list(_walk(tree, optional=False, lazy=False))


def _walk(node: ast.AST, *, optional: bool, lazy: bool) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Imported(alias.name, node.lineno, node.col_offset + 1, optional, lazy=lazy)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Imported(node.module or "", node.lineno, node.col_offset + 1, optional, names, node.level, lazy)
    elif isinstance(node, ast.Call) and _is_dynamic_import(node):
        name = node.args[0].value  # type: ignore[attr-defined]
        yield Imported(name, node.lineno, node.col_offset + 1, optional, lazy=lazy)
    lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    for child, is_optional in _children(node):
        yield from _walk(child, optional=optional or is_optional, lazy=lazy)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes below, and whether an import that fails there is caught."""
    if isinstance(node, ast.If) and _names_type_checking(node.test):
        yield from ((child, False) for child in node.orelse)
        return
    guarded = isinstance(node, ast.Try) and any(_takes_import_error(h) for h in node.handlers)
    body = {id(n) for n in node.body} if isinstance(node, ast.Try) and guarded else set()
    for child in ast.iter_child_nodes(node):
        # what stands in the handlers is the substitute: it may be missing as well
        yield child, guarded and (id(child) in body or isinstance(child, ast.ExceptHandler))


def _names_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", None) == "TYPE_CHECKING" or getattr(test, "attr", None) == "TYPE_CHECKING"


def _takes_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(getattr(k, "id", getattr(k, "attr", "")) in _IMPORT_ERRORS for k in kinds)


def _is_dynamic_import(call: ast.Call) -> bool:
    function = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if function not in {"import_module", "__import__"} or not call.args:
        return False
    return isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)


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
