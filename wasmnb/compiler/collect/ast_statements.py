"""The top-level statements of a source: which names each one binds, and which names of others it uses."""

from __future__ import annotations

import ast
import linecache
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from textwrap import dedent
from typing import Any

__all__ = ["Statement", "Text", "Uses"]

#: Nodes with a namespace of their own.
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Uses:
    """Names that a statement takes from around it.

    Attributes
    ----------
    now
        It needs them as it runs.
    later
        Functions in it need them when they are called.
    annotations
        They stand in annotations of a class, which may stay unknown.
    """

    now: frozenset[str]
    later: frozenset[str]
    annotations: frozenset[str]

    @property
    def needed(self) -> frozenset[str]:
        """What it does not work without."""
        return self.now | self.later


@dataclass(frozen=True, eq=False)
class Statement:
    """One statement.

    Attributes
    ----------
    source
        What it stands in.
    line
        Its first line, decorators included.
    """

    node: ast.stmt
    source: Text
    line: int

    @cached_property
    def text(self) -> str:
        """It alone; one inside a function begins at the left margin."""
        return self.source.cut(self.node, self.line)

    @property
    def filename(self) -> str:
        """What people call its source."""
        return self.source.shown

    @property
    def place(self) -> tuple[int, int, int]:
        """What orders statements as they ran."""
        return self.source.order, self.line, self.node.col_offset

    @property
    def label(self) -> str:
        """What an error calls it."""
        return self.node.name if isinstance(self.node, _DEFINITIONS) else "The filter"

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it gives a value."""
        return frozenset(_bound(self.node))

    def changes(self, name: str) -> bool:
        """Whether it changes what a name holds, without binding it anew: `x[1] = 2`, `x += 1`, `x.add(1)`, `@x.add`."""
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
        """Names that it takes from around it, the builtin ones included."""
        strip = _StripAnnotations()
        tree = ast.fix_missing_locations(strip.visit(_parse(self.text)))
        table = symtable.symtable(ast.unparse(tree), self.filename, "exec")
        now, later = (frozenset(_globals(table, called)) for called in (False, True))
        return Uses(now, later, frozenset(strip.names) - now - later)

    def line_of(self, name: str) -> int:
        """The first line on which a name stands."""
        offset = self.line - 1
        lines = [n.lineno for n in ast.walk(_parse(self.text)) if isinstance(n, ast.Name) and n.id == name]
        return min(lines) + offset if lines else self.line


class Text:
    """A source and its statements. One that this Python cannot read has none.

    Parameters
    ----------
    filename
        What its code objects call it.
    order
        Its number among those that ran, the newest last.
    shown
        What people call it, if that is something else.
    """

    def __init__(self, filename: str, text: str, order: int = 0, shown: str = "") -> None:
        self.filename = filename
        self.shown = shown or filename
        self.order = order
        self._text = text
        self._lines = text.splitlines(keepends=True)

    def remember(self) -> None:
        """Have its lines at hand under the name that people know."""
        if self.shown != self.filename:
            linecache.cache[self.shown] = (len(self._text), None, self._lines, self.shown)

    @property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return _tree(self._text)

    def cut(self, node: ast.stmt, line: int) -> str:
        """The text of a statement that begins on this line."""
        if hasattr(node, "body"):
            return dedent("".join(self._lines[line - 1 : node.end_lineno]))
        return ast.get_source_segment(self._text, node) or ""  # it may share its line with others

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Its top-level statements."""
        return tuple(self._statement(node) for node in self.tree.body)

    def classes(self, name: str) -> list[Statement]:
        """Every class of this name; one inside a function as a statement of its own."""
        found = [n for n in ast.walk(self.tree) if isinstance(n, ast.ClassDef) and n.name == name]
        around = {id(s.node): s for s in self.statements}
        return [around.get(id(node)) or self._around(node) or self._statement(node) for node in found]

    def _around(self, node: ast.ClassDef) -> Statement | None:
        """The top-level `if` or `try` that a class stands in."""
        return next((s for s in self.statements if node.name in s.binds and node in ast.walk(s.node)), None)

    def _statement(self, node: ast.stmt) -> Statement:
        line = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        return Statement(node, self, line)


@lru_cache(maxsize=2048)  # cells stay as they are, and each decorated class looks at all of them
def _tree(text: str) -> ast.Module:
    try:
        return _parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def _parse(text: str) -> ast.Module:
    """Cells may have `await` at the top."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(text, "<source>", "exec", flags, dont_inherit=True)
    return tree


def _bound(node: ast.AST) -> Iterator[str]:
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
            yield from _bound(child)


def _root(node: ast.AST) -> str | None:
    """The name that `name.a[0].b` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _is_part_of(node: ast.AST, name: str) -> bool:
    return not isinstance(node, ast.Name) and _root(node) == name


#: Functions that the compiler makes of comprehensions; they are called at once.
_AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr"}


def _globals(table: symtable.SymbolTable, called: bool, inside: bool = False) -> Iterator[str]:
    """Names of the module's or the builtin namespace that are used in a scope and those inside it.

    Parameters
    ----------
    called
        Whether names in functions are wanted, or those that are not.
    inside
        Whether the scope is in a function.
    """
    top = table.get_type() == "module"
    inside = inside or (table.get_type() == "function" and table.get_name() not in _AT_ONCE)
    for symbol in table.get_symbols() if inside == called else ():
        if symbol.is_referenced() if top else symbol.is_global():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, called, inside)


class _StripAnnotations(ast.NodeTransformer):
    """Takes annotations out of a tree, and keeps the names in those of classes: others are never read in a filter."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def _take(self, annotation: ast.expr) -> None:
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name):
                self.names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                try:
                    self._take(ast.parse(node.value, mode="eval").body)
                except (SyntaxError, ValueError):
                    continue

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign):
                self._take(statement.annotation)
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
