"""Import of modules at build time that other modules would import later, when there is no file system to import from.

Imports inside the functions of a module are found in the syntax tree of its file. An import that fails here would also fail in
a filter.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import resolve_name

__all__ = ["import_late"]

#: Module -> modules that frozen code imports for it. Frozen code isn't in a file that can be read.
_FROZEN = {"importlib.resources": ("importlib.readers",)}

#: Names of functions that are called only from the command line or by a test suite.
_COMMANDS = {"main", "_main", "_test", "test"}


def import_late(before: set[str], skipped: Iterable[str]) -> None:
    """Import the modules that newly loaded modules can import later, and repeat this until no more modules are loaded.

    Parameters
    ----------
    before
        Names of modules that were loaded earlier. Their late imports are already known.
    skipped
        Top-level modules that can't work in a filter.
    """
    done, ignored = set(before), frozenset(skipped)
    while waiting := [name for name in sys.modules if name not in done]:
        for name in waiting:
            done.add(name)
            for late in _late_imports(name):
                if late not in sys.modules and late.partition(".")[0] not in ignored:
                    with suppress(BaseException):
                        import_module(late)


def _late_imports(name: str) -> Iterator[str]:
    yield from _FROZEN.get(name, ())
    module = sys.modules[name]
    path = getattr(module, "__file__", None)
    if not isinstance(path, str) or not path.endswith(".py"):
        return
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - no pathlib in the guest's start
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    package = name if hasattr(module, "__path__") else name.rpartition(".")[0]
    for node in _lazy_statements(tree, lazy=False):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        try:
            base = resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:
            continue
        yield base
        # an imported name can be a submodule
        yield from (
            f"{base}.{a.name}" for a in node.names if not hasattr(sys.modules.get(base), a.name) and a.name != "*"
        )


def _lazy_statements(node: ast.AST, *, lazy: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        if lazy:
            yield node
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        if node.name in _COMMANDS:
            return
        lazy = True
    for child in ast.iter_child_nodes(node):
        yield from _lazy_statements(child, lazy=lazy)
