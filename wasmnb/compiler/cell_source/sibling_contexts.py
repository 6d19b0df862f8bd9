"""Search for context classes that are part of a filter although the filter's class doesn't refer to them by name."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from typing import Any

from ...errors import SourceError
from ...sdk.loading.source import BASES
from .ast_statements import Statement
from .source_origin import Origin

__all__ = ["FILTER_DECORATOR", "sibling_contexts"]

#: Attribute that marks the decorator `@wasmnb.filter`, which is defined in a module that imports this one.
FILTER_DECORATOR = "_is_filter_decorator"

#: Kind of the decorated class -> kinds of other classes that the filter can have.
_BELONG = {
    "http": ("plugin", "vm"),
    "tcp": ("plugin", "vm"),
    "plugin": ("vm", "http", "tcp"),
    "vm": ("plugin", "http", "tcp"),
}


def sibling_contexts(
    cls: type[Any], origin: Origin, anchor: Statement, taken: Collection[Statement]
) -> list[Statement]:
    """Find the other context classes of a filter in the same source, at most one for each kind that isn't collected yet.

    Parameters
    ----------
    cls
        Class of the filter.
    origin
        Module in which the class is defined.
    anchor
        Statement that defines the class.
    taken
        Statements that have already been collected.

    Raises
    ------
    SourceError
        The source contains several classes of the same kind.
    """
    classes = {s.node.name: s for s in anchor.source.statements if isinstance(s.node, ast.ClassDef)}
    kinds = {name: _kind(name, classes, origin, frozenset()) for name in classes}
    have = {_kind_of(cls), *(kinds.get(s.label) for s in taken if isinstance(s.node, ast.ClassDef))}
    siblings = []
    for kind in _BELONG.get(_kind_of(cls) or "", ()):
        candidates = [s for name, s in classes.items() if kinds[name] == kind and not _is_decorated(s, origin)]
        leaves = [s for s in candidates if not any(s.label in _bases(other) for other in candidates)]
        if kind not in have:
            siblings += _only(kind, cls, leaves)
    return siblings


def _only(kind: str, cls: type[Any], leaves: Sequence[Statement]) -> list[Statement]:
    if len(leaves) < 2:
        return list(leaves)
    names = " and ".join(s.label for s in leaves)
    link = {"plugin": "plugin", "vm": "vm"}.get(kind, "")
    raise SourceError(
        f"{names} all derive from {BASES[kind].__name__}, but {cls.__name__} can have only one",
        filename=leaves[-1].filename,
        lineno=leaves[-1].line,
        hint=f"Choose one: write `{link}: {leaves[0].label}` in class {cls.__name__}." if link else "Keep one of them.",
    )


def _kind_of(value: Any) -> str | None:
    value = getattr(value, "context_class", None) or value
    return next((k for k, base in BASES.items() if isinstance(value, type) and issubclass(value, base)), None)


def _kind(name: str, classes: dict[str, Statement], origin: Origin, seen: frozenset[str]) -> str | None:
    """Return the kind of a class as its base classes determine it. The class statement may not have run yet."""
    if name in seen:
        return None
    for base in _bases(classes[name]):
        kind = _kind(base, classes, origin, seen | {name}) if base in classes else _kind_of(_lookup(base, origin))
        if kind:
            return kind
    return None


def _bases(statement: Statement) -> list[str]:
    node = statement.node
    return [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []


def _lookup(dotted: str, origin: Origin) -> Any:
    """Return the current value of a dotted name without evaluating code, or None."""
    first, *rest = dotted.split(".")
    value = origin.namespace.get(first)
    for part in rest:
        value = getattr(value, part, None)
    return value


def _is_decorated(statement: Statement, origin: Origin) -> bool:
    """Return whether a class has the decorator `@wasmnb.filter`, which makes it a separate filter."""
    decorators = [d.func if isinstance(d, ast.Call) else d for d in getattr(statement.node, "decorator_list", ())]
    values = (_lookup(ast.unparse(d), origin) for d in decorators)
    return any(getattr(value, FILTER_DECORATOR, False) is True for value in values)
