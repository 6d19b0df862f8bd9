"""The class collector, which turns a class and everything that it refers to into parts of a source.

References are resolved by name. A definition or import is copied as its statement, a constant as its current value, and any
other value as the statements that created it, which run again in every VM. A value that depends on this process can't be
copied, so an error is raised for the line that uses it.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from ... import sdk
from ...errors import SourceError, UsageError
from ..dependencies.filter_source import Part, Source
from .ast_statements import Statement, Uses
from .cell_order import OrderedPart, in_order
from .sibling_contexts import sibling_contexts
from .source_origin import Origin, origin_of
from .value_literals import literal, obstacle

__all__ = ["Collected", "class_of", "collect"]

_MISSING = object()

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

#: Statements that are copied as a whole, because they can define a name in several ways.
_ALTERNATIVES = (ast.If, ast.Try)

#: Names that exist in every module.
_MODULE_NAMES = ("__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__")

_HINT = "Give the filter a constant, or pass the value as its configuration."


@dataclass(frozen=True)
class Collected:
    """The collected source of a class, and the folders of the modules that the source imports."""

    source: Source
    path: tuple[Path, ...]


def class_of(value: Any) -> Any:
    """Return the class from which `@wasmnb.filter` made a `Filter`. Other values are returned unchanged."""
    return getattr(value, "context_class", None) or value


def collect(cls: type[Any], running: FrameType | None = None) -> Collected:
    """Collect the source of a class and of everything that it refers to.

    Parameters
    ----------
    cls
        Class to collect.
    running
        Frame in which the class statement is still running. If it is set, statements below the class are used as well (default
        None).

    Raises
    ------
    SourceError
        The class has no source, or uses a value that can't be copied.
    UsageError
        The class is part of the SDK.
    """
    if cls.__module__.startswith("wasmnb."):
        raise UsageError(f"{cls.__name__} is a class of the SDK, not a filter. Define a class that derives from it.")
    filename = running.f_code.co_filename if running else _file_of(cls)
    origin = origin_of(cls.__module__, filename, running.f_globals if running else None)
    statement = _statement_of(cls, origin, filename, running.f_lineno if running else 0)
    collector = _Collector(cls, origin, statement, running=running is not None)
    collector.take(statement)
    for sibling in sibling_contexts(cls, origin, statement, set(collector.taken)):
        collector.take(sibling)
    parts = in_order([*collector.parts.values()])
    return Collected(Source(tuple(parts), package=collector.package), origin.path)


def _file_of(cls: type[Any]) -> str:
    """Return the file name in the code of the class's methods. If it has no methods, return the file of its module."""
    for value in vars(cls).values():
        code = _code(value)
        if code is not None:
            return code.co_filename
    return str(getattr(sys.modules.get(cls.__module__), "__file__", None) or f"<{cls.__module__}>")


def _code(value: Any) -> CodeType | None:
    value = getattr(value, "__func__", value)
    while hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value.__code__ if isinstance(value, FunctionType) else None


def _statement_of(cls: type[Any], origin: Origin, filename: str, line: int) -> Statement:
    """Return the statement that defines a class: the running class statement, otherwise the last one with the class's name."""
    text = origin.text(filename)
    statements = text.classes(cls.__name__) if text is not None else []
    if not statements:
        raise SourceError(
            f"the source of class {cls.__name__} can't be found",
            filename=filename,
            hint="Define the class in a notebook cell or a .py file, but not with exec or under %%time.",
        )
    return next((s for s in statements if s.line <= line <= (s.node.end_lineno or 0)), statements[-1])


class _Collector:
    """Collector of the statements that define a class and the names that it uses."""

    def __init__(self, cls: type[Any], origin: Origin, anchor: Statement, *, running: bool) -> None:
        self.origin = origin
        self.anchor = anchor
        self.running = running
        self.package = ""
        self.taken: dict[Statement, None] = {}
        self.parts: dict[tuple[tuple[int, int, int], str], OrderedPart] = {}
        self._seen: set[str] = {cls.__name__, *_MODULE_NAMES}
        self._enclosing = frozenset(_free_variables(cls))

    def take(self, statement: Statement) -> None:
        """Collect a statement and everything that it refers to."""
        if statement in self.taken:
            return
        self.taken[statement] = None
        uses = statement.uses
        self._add(statement, statement.text, statement.binds, uses)
        alternatives = isinstance(statement.node, _ALTERNATIVES)  # branches that don't run can use undefined names
        for name in sorted(uses.required - statement.binds):
            (self._try if alternatives else self._resolve)(name, statement)
        for name in sorted(uses.annotations):
            self._try(name, statement)  # annotations can use names that exist only for type checkers

    def _try(self, name: str, required_by: Statement) -> None:
        """Collect the statements that define a name. If that fails, ignore the name."""
        before = dict(self.taken), dict(self.parts), set(self._seen)
        try:
            self._resolve(name, required_by, required=False)
        except SourceError:
            self.taken, self.parts, self._seen = before

    def _add(self, statement: Statement, text: str, binds: Iterable[str], uses: Uses | None = None) -> None:
        place = statement.place if uses else (-1, *statement.place[1:])  # imports and constants come first
        now, later = (uses.now, uses.later) if uses else (frozenset[str](), frozenset[str]())
        statement.source.remember()
        part = Part(text, statement.filename, statement.line)
        self.parts.setdefault((place, text), OrderedPart(place, part, frozenset(binds), now, later))

    # -- resolving one name

    def _resolve(self, name: str, required_by: Statement, *, required: bool = True) -> None:
        if name in self._seen:
            return
        if name in self._enclosing:
            raise self._error(
                required_by, name, "is a variable of the enclosing function", "Define it outside of functions."
            )
        value = self.origin.namespace.get(name, _MISSING)
        if value is not _MISSING and value is getattr(sdk, name, None) and name in sdk.__all__:
            return  # the name is in every filter's namespace
        statements = self._below(name)
        live = not statements
        statements = statements or self._assignments(name, value)
        if value is _MISSING and live:
            if required and not hasattr(builtins, name):
                raise self._error(required_by, name, "isn't defined", "Define it in this cell or in an earlier one.")
            return
        self._seen.add(name)
        if not statements:
            self._by_value(name, value, required_by)
        else:
            self._by_statement(name, value if live else _MISSING, statements, required_by)

    def _below(self, name: str) -> list[Statement]:
        """Return the statements that assign a name if some of them are below the running class, otherwise []."""
        if not self.running:
            return []
        statements = [s for s in self.anchor.source.statements if name in s.binds or s.changes(name)]
        below = any(name in s.binds and s.line > self.anchor.line for s in statements)
        return _from_last_binding(name, statements) if below else []

    def _assignments(self, name: str, value: Any) -> list[Statement]:
        """Return the statements that created the current value of a name."""
        texts = [t for t in self.origin.texts if any(name in s.binds for s in t.statements)]
        if not texts:
            return []
        code = _code_of_definition(value)
        chosen = next((t for t in reversed(texts) if code and t.filename == code.co_filename), texts[-1])
        later = [t for t in self.origin.texts if t.order > chosen.order]
        changes = [s for t in later for s in t.statements if s.changes(name)]
        own = [s for s in chosen.statements if name in s.binds or s.changes(name)]
        return [*_from_last_binding(name, own), *changes]

    def _by_statement(self, name: str, value: Any, statements: Sequence[Statement], required_by: Statement) -> None:
        first = statements[0]
        constant = None if isinstance(first.node, (*_DEFINITIONS, *_ALTERNATIVES)) else literal(value)
        if isinstance(first.node, ast.ImportFrom):
            self._import(name, first, required_by)
        elif isinstance(first.node, ast.Import):  # `import a.b` and `import a.c` both define `a`
            every = (s for t in self.origin.texts for s in t.statements)
            for statement in (s for s in every if isinstance(s.node, ast.Import) and name in s.binds):
                self._import(name, statement, required_by)
        elif constant is not None:
            self._constant(name, constant, first)
        elif obstacle(value):
            raise self._error(required_by, name, f"holds {obstacle(value)}, which can't go into a module", _HINT)
        elif isinstance(first.node, (*_DEFINITIONS, *_ALTERNATIVES, ast.Assign, ast.AnnAssign)):
            for statement in statements:
                self.take(statement)
        else:
            kind = type(first.node).__name__.lower()
            raise self._error(required_by, name, f"is assigned by a {kind} statement, but isn't a constant", _HINT)

    def _import(self, name: str, statement: Statement, required_by: Statement) -> None:
        """Collect the part of an import statement that binds one name."""
        node = statement.node
        assert isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names:
            bound = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
            if bound == name:
                self._add(statement, self._import_text(node, alias, required_by), {name})

    def _import_text(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, required_by: Statement) -> str:
        renamed = f" as {alias.asname}" if alias.asname else ""
        if isinstance(node, ast.Import):
            return f"import {alias.name}{renamed}"
        if node.level:
            self.package = self.origin.package
        if node.module == "wasmnb" and not node.level and alias.name not in (*sdk.__all__, "filter"):
            raise self._error(required_by, alias.name, "is available only in notebooks, not in filters", _HINT)
        return f"from {'.' * node.level}{node.module or ''} import {alias.name}{renamed}"

    def _constant(self, name: str, constant: str, statement: Statement) -> None:
        """Collect the statement if it assigns the constant to the name. Otherwise, collect a new assignment of the constant."""
        node = statement.node
        same = False
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                same = literal(ast.literal_eval(node.value)) == constant
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                same = False
        self._add(statement, statement.text if same else f"{name} = {constant}", {name})

    def _by_value(self, name: str, value: Any, required_by: Statement) -> None:
        """Collect a name that no statement assigns, because a star import, a magic or IPython defined it."""
        constant = literal(value)
        module, own = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if constant is not None:
            self._add(required_by, f"{name} = {constant}", {name})
        elif isinstance(value, ModuleType):
            self._add(required_by, f"import {value.__name__} as {name}", {name})
        elif module in sys.modules and module != self.origin.name and getattr(sys.modules[module], own, None) is value:
            self._add(required_by, f"from {module} import {own} as {name}", {name})
        else:
            kind = obstacle(value)
            reason = f"holds {kind}, which can't go into a module" if kind else "isn't assigned by any statement"
            raise self._error(required_by, name, reason, _HINT)

    def _error(self, required_by: Statement, name: str, reason: str, hint: str) -> SourceError:
        required_by.source.remember()
        return SourceError(
            f"{required_by.label} uses {name}, which {reason}",
            filename=required_by.filename,
            lineno=required_by.line_of(name),
            hint=hint,
        )


def _code_of_definition(value: Any) -> CodeType | None:
    """Return the code object of a function or of one of a class's methods, or None for other values."""
    value = class_of(value)
    candidates = [*vars(value).values()] if isinstance(value, type) else [value]
    return next((code for code in map(_code, candidates) if code is not None), None)


def _from_last_binding(name: str, statements: Sequence[Statement]) -> list[Statement]:
    """Return the last statement that assigns a new value to a name, and the statements that change this value afterwards.

    `x = x + 1` counts as a change.
    """
    plain = [i for i, s in enumerate(statements) if name in s.binds and not s.changes(name)]
    fresh = [
        i for i in plain if not (isinstance(statements[i].node, ast.Assign) and name in statements[i].uses.required)
    ]
    return list(statements[fresh[-1] if fresh else plain[0] :]) if plain else []


def _free_variables(cls: type[Any]) -> Iterator[str]:
    """Yield the variables of enclosing functions that methods of the class use."""
    for value in vars(cls).values():
        code = _code(value)
        if code is not None:
            yield from (name for name in code.co_freevars if name != "__class__")
