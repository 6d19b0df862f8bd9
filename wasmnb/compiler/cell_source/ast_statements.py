"""Top-level statements of a source, and the names that each statement binds and uses."""

from __future__ import annotations

import ast
import linecache
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from textwrap import dedent
from typing import Any

__all__ = ["SourceText", "Statement", "Uses"]

#: Nodes that have their own namespace.
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Uses:
    """Names that a statement uses but doesn't bind.

    Attributes
    ----------
    now
        Names that are used while the statement runs.
    later
        Names that are used when functions of the statement are called.
    annotations
        Names in annotations of a class. They can stay undefined.
    """

    now: frozenset[str]
    later: frozenset[str]
    annotations: frozenset[str]

    @property
    def required(self) -> frozenset[str]:
        """Names that must be defined before the statement runs or its functions are called."""
        return self.now | self.later


@dataclass(frozen=True, eq=False)
class Statement:
    """One top-level statement of a cell or file.

    Attributes
    ----------
    source
        Source that contains the statement.
    line
        Number of the line on which the statement, including its decorators, begins.
    """

    node: ast.stmt
    source: SourceText
    line: int

    @cached_property
    def text(self) -> str:
        """Text of the statement. A statement inside a function is dedented."""
        return self.source.cut(self.node, self.line)

    @property
    def filename(self) -> str:
        """File name of the statement's source, as shown to users."""
        return self.source.display_name

    @property
    def place(self) -> tuple[int, int, int]:
        """Sort key that orders statements as they ran."""
        return self.source.order, self.line, self.node.col_offset

    @property
    def label(self) -> str:
        """Name of the statement for error messages."""
        return self.node.name if isinstance(self.node, _DEFINITIONS) else "The filter"

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that the statement binds."""
        return frozenset(_bound_names(self.node))

    def changes(self, name: str) -> bool:
        """Return whether the statement changes the value of a name in place: `x[1] = 2`, `x += 1`, `x.add(1)`, `@x.add`."""
        node: Any = self.node
        if isinstance(node, ast.AugAssign):
            return _root(node.target) == name
        if isinstance(node, ast.Assign):
            return any(not isinstance(t, ast.Name) and _root(t) == name for t in node.targets)
        if isinstance(node, ast.Expr):
            return isinstance(node.value, ast.Call) and _is_part_of(node.value.func, name)
        decorators = getattr(node, "decorator_list", ())
        return any(_is_part_of(d.func if isinstance(d, ast.Call) else d, name) for d in decorators)

    @cached_property
    def uses(self) -> Uses:
        """Names that the statement uses but doesn't bind, including builtins."""
        strip = _StripAnnotations()
        tree = ast.fix_missing_locations(strip.visit(_parse(self.text)))
        table = symtable.symtable(ast.unparse(tree), self.filename, "exec")
        now, later = (frozenset(_globals(table, called)) for called in (False, True))
        return Uses(now, later, frozenset(strip.names) - now - later)

    def line_of(self, name: str) -> int:
        """Return the first line of the statement on which a name is used."""
        offset = self.line - 1
        lines = [n.lineno for n in ast.walk(_parse(self.text)) if isinstance(n, ast.Name) and n.id == name]
        return min(lines) + offset if lines else self.line


class SourceText:
    """The source code of a cell or file. Code with a syntax error has no statements.

    Parameters
    ----------
    filename
        File name in the source's code objects (`co_filename`).
    text
        Text of the source.
    order
        Position in the order of execution. The latest source has the highest number (default 0).
    display_name
        File name that is shown to users (default `filename`).
    """

    def __init__(self, filename: str, text: str, order: int = 0, display_name: str = "") -> None:
        self.filename = filename
        self.display_name = display_name or filename
        self.order = order
        self._text = text
        self._lines = text.splitlines(keepends=True)

    def remember(self) -> None:
        """Register the source with `linecache` under its displayed name, so that tracebacks show its lines."""
        if self.display_name != self.filename:
            linecache.cache[self.display_name] = (len(self._text), None, self._lines, self.display_name)

    @property
    def tree(self) -> ast.Module:
        """Syntax tree of the source. Empty if the source has a syntax error."""
        return _tree(self._text)

    def cut(self, node: ast.stmt, line: int) -> str:
        """Return the text of one of the source's statements, which begins on line `line`."""
        if hasattr(node, "body"):
            return dedent("".join(self._lines[line - 1 : node.end_lineno]))
        return ast.get_source_segment(self._text, node) or ""  # other statements can be on the same line

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Top-level statements of the source."""
        return tuple(self._statement(node) for node in self.tree.body)

    def classes(self, name: str) -> list[Statement]:
        """Return the statements that define classes with a certain name. For a class inside a function, this is the class
        statement.
        """
        nodes = [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef) and n.name == name]
        top_level = {id(s.node): s for s in self.statements}
        return [top_level.get(id(node)) or self._enclosing(node) or self._statement(node) for node in nodes]

    def _enclosing(self, node: ast.ClassDef) -> Statement | None:
        """Return the top-level statement that defines a class inside it, such as an `if` or `try`, or None."""
        return next((s for s in self.statements if node.name in s.binds and node in ast.walk(s.node)), None)

    def _statement(self, node: ast.stmt) -> Statement:
        line = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        return Statement(node, self, line)


@lru_cache(maxsize=2048)  # cells don't change, and each decorated class reads all of them
def _tree(text: str) -> ast.Module:
    try:
        return _parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _parse(text: str) -> ast.Module:
    """Parse source in which `await` can be outside of functions, as in notebook cells."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(text, "<source>", "exec", flags, dont_inherit=True)
    return tree


def _bound_names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, _DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Import):
        yield from (a.asname or a.name.partition(".")[0] for a in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (a.asname or a.name for a in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _bound_names(child)


def _root(node: ast.AST) -> str | None:
    """Return the first name of an expression such as `name.a[0].b`, or None."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_part_of(node: ast.AST, name: str) -> bool:
    return not isinstance(node, ast.Name) and _root(node) == name


#: Names of functions that Python creates for comprehensions and calls immediately.
_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}


def _globals(table: symtable.SymbolTable, called: bool, inside: bool = False) -> Iterator[str]:
    """Yield global and builtin names used in a scope and its nested scopes.

    Parameters
    ----------
    called
        True to yield names that are used inside functions, False to yield names that are used outside of functions.
    inside
        Whether the scope is inside a function.
    """
    top = table.get_type() == "module"
    inside = inside or (table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS)
    for symbol in table.get_symbols() if inside == called else ():
        if symbol.is_referenced() if top else symbol.is_global():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, called, inside)


class _StripAnnotations(ast.NodeTransformer):
    """Transformer that removes annotations, and collects names in annotations of classes. Filters never
    read other annotations.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def _collect(self, annotation: ast.expr) -> None:
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name):
                self.names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    self._collect(ast.parse(node.value, mode="eval").body)
                except (SyntaxError, ValueError):
                    continue

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                self._collect(statement.annotation)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return self.generic_visit(ast.Assign([node.target], node.value))
