"""A filter from a class that this Python has run: the class, and what it refers to, as parts of a source.

What a class refers to is found by name. A definition or an import travels as the statement that made it, a constant as
the value that it has now, anything else as the statements that made it, which run again in every VM. So what depends on
this process cannot travel, and is an error at the line that uses it.
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
from ..source.filter_source import Part, Source
from .ast_statements import Statement, Uses
from .cell_order import Piece, ordered
from .sibling_contexts import relatives
from .source_origin import Origin, origin_of
from .value_literals import literal, obstacle

__all__ = ["Collected", "class_of", "collect"]

_MISSING = object()

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

#: What is taken whole: it may define a name in one way or another.
_ALTERNATIVES = (ast.If, ast.Try)

#: Every module has its own.
_OF_EVERY_MODULE = ("__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__")

_HINT = "Give the filter a constant, or pass the value as its configuration."


@dataclass(frozen=True)
class Collected:
    """A class's source, and the folders in which modules lie that it imports."""

    source: Source
    path: tuple[Path, ...]


def class_of(value: Any) -> Any:
    """The class that a decorated name stands for; any other value as it is."""
    return getattr(value, "context_class", None) or value


def collect(cls: type[Any], running: FrameType | None = None) -> Collected:
    """A class with everything that it refers to.

    Parameters
    ----------
    running
        The frame that its class statement is running in just now, if it is: what stands below it counts, too.

    Raises
    ------
    SourceError
        The class has no source, or refers to something that cannot travel.
    UsageError
        It is not the user's class.
    """
    if cls.__module__.startswith("wasmnb."):
        raise UsageError(f"{cls.__name__} is the SDK's own class: derive the filter's class from it.")
    filename = running.f_code.co_filename if running else _file_of(cls)
    origin = origin_of(cls.__module__, filename, running.f_globals if running else None)
    statement = _statement_of(cls, origin, filename, running.f_lineno if running else 0)
    collector = _Collector(cls, origin, statement, running=running is not None)
    collector.take(statement)
    for relative in relatives(cls, origin, statement, set(collector.taken)):
        collector.take(relative)
    parts = ordered([*collector.pieces.values()])
    return Collected(Source(tuple(parts), package=collector.package), origin.path)


def _file_of(cls: type[Any]) -> str:
    """The source that a class's methods are from, or its module's file."""
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
    """The class statement that made a class: of several in its source, the one that runs, or else the last."""
    text = origin.text(filename)
    found = text.classes(cls.__name__) if text is not None else []
    if not found:
        raise SourceError(
            f"the source of class {cls.__name__} is nowhere to be found",
            filename=filename,
            hint="A filter's class stands in a notebook's cell (not under %%time or in exec) or in a .py file.",
        )
    return next((s for s in found if s.line <= line <= (s.node.end_lineno or 0)), found[-1])


class _Collector:
    """Statements by the names that they are needed for."""

    def __init__(self, cls: type[Any], origin: Origin, anchor: Statement, *, running: bool) -> None:
        self.origin = origin
        self.anchor = anchor
        self.running = running
        self.package = ""
        self.taken: dict[Statement, None] = {}
        self.pieces: dict[tuple[tuple[int, int, int], str], Piece] = {}
        self._seen: set[str] = {cls.__name__, *_OF_EVERY_MODULE}
        self._around = frozenset(_free_variables(cls))

    def take(self, statement: Statement) -> None:
        """Take a statement and everything that it refers to."""
        if statement in self.taken:
            return
        self.taken[statement] = None
        uses = statement.uses
        self._add(statement, statement.text, statement.binds, uses)
        alternatives = isinstance(statement.node, _ALTERNATIVES)  # not all of them have been tried
        for name in sorted(uses.needed - statement.binds):
            (self._try if alternatives else self._find)(name, statement)
        for name in sorted(uses.annotations):
            self._try(name, statement)  # may say what is known to editors alone

    def _try(self, name: str, by: Statement) -> None:
        """Take what a name refers to, or nothing at all."""
        before = dict(self.taken), dict(self.pieces), set(self._seen)
        try:
            self._find(name, by, needed=False)
        except SourceError:
            self.taken, self.pieces, self._seen = before

    def _add(self, statement: Statement, text: str, binds: Iterable[str], uses: Uses | None = None) -> None:
        place = statement.place if uses else (-1, *statement.place[1:])  # what needs nothing comes first
        now, later = (uses.now, uses.later) if uses else (frozenset[str](), frozenset[str]())
        statement.source.remember()
        part = Part(text, statement.filename, statement.line)
        self.pieces.setdefault((place, text), Piece(place, part, frozenset(binds), now, later))

    # -- one name

    def _find(self, name: str, by: Statement, *, needed: bool = True) -> None:
        if name in self._seen:
            return
        if name in self._around:
            raise self._error(by, name, "is a variable of the function around the class", "Define it at the top level.")
        value = self.origin.namespace.get(name, _MISSING)
        if value is not _MISSING and value is getattr(sdk, name, None) and name in sdk.__all__:
            return  # it is in every filter's namespace
        statements = self._below(name)
        live = not statements
        statements = statements or self._made_by(name, value)
        if value is _MISSING and live:
            if needed and not hasattr(builtins, name):
                raise self._error(by, name, "is not defined", "Define it in this cell or in one that has run before.")
            return
        self._seen.add(name)
        if not statements:
            self._by_value(name, value, by)
        else:
            self._by_statement(name, value if live else _MISSING, statements, by)

    def _below(self, name: str) -> list[Statement]:
        """The statements that make a name, if some of them are still to run."""
        if not self.running:
            return []
        found = [s for s in self.anchor.source.statements if name in s.binds or s.changes(name)]
        below = any(name in s.binds and s.line > self.anchor.line for s in found)
        return _from_last_binding(name, found) if below else []

    def _made_by(self, name: str, value: Any) -> list[Statement]:
        """The statements that made the value which a name has now."""
        texts = [t for t in self.origin.texts if any(name in s.binds for s in t.statements)]
        if not texts:
            return []
        code = _code_of_definition(value)
        chosen = next((t for t in reversed(texts) if code and t.filename == code.co_filename), texts[-1])
        later = [t for t in self.origin.texts if t.order > chosen.order]
        changes = [s for t in later for s in t.statements if s.changes(name)]
        own = [s for s in chosen.statements if name in s.binds or s.changes(name)]
        return [*_from_last_binding(name, own), *changes]

    def _by_statement(self, name: str, value: Any, statements: Sequence[Statement], by: Statement) -> None:
        first = statements[0]
        constant = None if isinstance(first.node, (*_DEFINITIONS, *_ALTERNATIVES)) else literal(value)
        if isinstance(first.node, ast.ImportFrom):
            self._import(name, first, by)
        elif isinstance(first.node, ast.Import):  # `import a.b` and `import a.c` both make what `a` is
            every = (s for t in self.origin.texts for s in t.statements)
            for statement in (s for s in every if isinstance(s.node, ast.Import) and name in s.binds):
                self._import(name, statement, by)
        elif constant is not None:
            self._constant(name, constant, first)
        elif obstacle(value):
            raise self._error(by, name, f"holds {obstacle(value)}: that cannot go into a module", _HINT)
        elif isinstance(first.node, (*_DEFINITIONS, *_ALTERNATIVES, ast.Assign, ast.AnnAssign)):
            for statement in statements:
                self.take(statement)
        else:
            kind = type(first.node).__name__.lower()
            raise self._error(by, name, f"comes from a {kind} statement and is no constant", _HINT)

    def _import(self, name: str, statement: Statement, by: Statement) -> None:
        """Of an import statement, the one name."""
        node = statement.node
        assert isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names:
            bound = alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)
            if bound == name:
                self._add(statement, self._import_text(node, alias, by), {name})

    def _import_text(self, node: ast.Import | ast.ImportFrom, alias: ast.alias, by: Statement) -> str:
        renamed = f" as {alias.asname}" if alias.asname else ""
        if isinstance(node, ast.Import):
            return f"import {alias.name}{renamed}"
        if node.level:
            self.package = self.origin.package
        if node.module == "wasmnb" and not node.level and alias.name not in (*sdk.__all__, "filter"):
            raise self._error(by, alias.name, "belongs to the notebook: inside a filter there is only the SDK", _HINT)
        return f"from {'.' * node.level}{node.module or ''} import {alias.name}{renamed}"

    def _constant(self, name: str, constant: str, statement: Statement) -> None:
        """The statement itself if it says the value, else an assignment of what it has become."""
        node = statement.node
        same = False
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                same = literal(ast.literal_eval(node.value)) == constant
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                same = False
        self._add(statement, statement.text if same else f"{name} = {constant}", {name})

    def _by_value(self, name: str, value: Any, by: Statement) -> None:
        """A name that no statement made: a star import, a value that a magic left, IPython's own."""
        constant = literal(value)
        module, own = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        if constant is not None:
            self._add(by, f"{name} = {constant}", {name})
        elif isinstance(value, ModuleType):
            self._add(by, f"import {value.__name__} as {name}", {name})
        elif module in sys.modules and module != self.origin.name and getattr(sys.modules[module], own, None) is value:
            self._add(by, f"from {module} import {own} as {name}", {name})
        else:
            why = obstacle(value)
            known = f"holds {why}: that cannot go into a module"
            raise self._error(by, name, known if why else "has no source: no statement made it", _HINT)

    def _error(self, by: Statement, name: str, what: str, hint: str) -> SourceError:
        by.source.remember()
        return SourceError(
            f"{by.label} uses {name}, which {what}", filename=by.filename, lineno=by.line_of(name), hint=hint
        )


def _code_of_definition(value: Any) -> CodeType | None:
    """Code of a function, or of a method of a class: it knows its source."""
    value = class_of(value)
    candidates = [*vars(value).values()] if isinstance(value, type) else [value]
    return next((code for code in map(_code, candidates) if code is not None), None)


def _from_last_binding(name: str, statements: Sequence[Statement]) -> list[Statement]:
    """The last statement that gives a name a new value, and those that change it from there on. `x = x + 1` changes it."""
    plain = [i for i, s in enumerate(statements) if name in s.binds and not s.changes(name)]
    fresh = [i for i in plain if not (isinstance(statements[i].node, ast.Assign) and name in statements[i].uses.needed)]
    return list(statements[fresh[-1] if fresh else plain[0] :]) if plain else []


def _free_variables(cls: type[Any]) -> Iterator[str]:
    """Variables of a function around a class that its methods use."""
    for value in vars(cls).values():
        code = _code(value)
        if code is not None:
            yield from (name for name in code.co_freevars if name != "__class__")
