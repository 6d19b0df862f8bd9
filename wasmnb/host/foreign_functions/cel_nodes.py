"""Compiled parts of CEL expressions: each function returns a function that evaluates a part in a scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .cel_functions import TYPES
from .cel_values import CelError, CelGroup, CelMap, binary, has, member, negate, truth

__all__ = [
    "MACROS",
    "Evaluate",
    "Scope",
    "both",
    "call",
    "comprehension",
    "conditional",
    "constant",
    "field_test",
    "identifier",
    "index",
    "items",
    "mapping",
    "opposite",
    "two_sided",
]

#: Maximum number of items that the macros of one evaluation visit. Envoy has no limit.
_MOST_STEPS = 100_000


class Scope:
    """Values of identifiers.

    Parameters
    ----------
    look
        Function that returns the value of an attribute, or raises `CelError`.
    """

    __slots__ = ("_look", "_steps", "_variables")

    def __init__(self, look: Callable[[str], Any]) -> None:
        self._look = look
        self._variables: dict[str, Any] = {}
        self._steps = [0]

    def value(self, name: str) -> Any:
        """Return the value of an identifier."""
        if name in self._variables:
            return self._variables[name]
        return TYPES[name] if name in TYPES else self._look(name)

    def with_variable(self, name: str, value: Any) -> Scope:
        """Return a scope with one more variable, and count a step of a macro."""
        self._steps[0] += 1
        if self._steps[0] > _MOST_STEPS:
            raise CelError(f"the macros visit more than {_MOST_STEPS:,} items")
        inner = Scope(self._look)
        inner._variables = {**self._variables, name: value}
        inner._steps = self._steps
        return inner


#: A compiled part.
Evaluate = Callable[[Scope], Any]


def constant(value: Any) -> Evaluate:
    """Compile a literal."""
    return lambda _scope: value


def identifier(name: str) -> Evaluate:
    """Compile an identifier."""
    return lambda scope: scope.value(name)


def index(container: Evaluate, key: Evaluate) -> Evaluate:
    """Compile `container[key]`."""
    return lambda scope: member(container(scope), key(scope))


def field_test(container: Evaluate, name: str) -> Evaluate:
    """Compile `has(container.name)`."""
    return lambda scope: has(container(scope), name)


def items(parts: list[Evaluate]) -> Evaluate:
    """Compile a list."""
    return lambda scope: [part(scope) for part in parts]


def mapping(entries: list[tuple[Evaluate, Evaluate]]) -> Evaluate:
    """Compile a map."""
    return lambda scope: CelMap([(key(scope), value(scope)) for key, value in entries])


def call(function: Callable[..., Any], arguments: list[Evaluate]) -> Evaluate:
    """Compile a call. The first argument of a method is its target."""
    return lambda scope: function(*[argument(scope) for argument in arguments])


def two_sided(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """Compile a binary operator except `||` and `&&`."""
    function = binary(operator)
    return lambda scope: function(left(scope), right(scope))


def opposite(operator: str, part: Evaluate) -> Evaluate:
    """Compile `!part` or `-part`."""
    if operator == "-":
        return lambda scope: negate(part(scope))
    return lambda scope: not truth(part(scope))


def conditional(condition: Evaluate, yes: Evaluate, no: Evaluate) -> Evaluate:
    """Compile `condition ? yes : no`."""
    return lambda scope: yes(scope) if truth(condition(scope)) else no(scope)


def both(left: Evaluate, right: Evaluate, *, decisive: bool) -> Evaluate:
    """Compile `||` or `&&`.

    Parameters
    ----------
    decisive
        Value that determines the result even if the other side is an error: True for `||`, False for `&&`.
    """

    def evaluate(scope: Scope) -> bool:
        try:
            first = truth(left(scope))
        except CelError:
            if truth(right(scope)) is decisive:
                return decisive
            raise
        return first if first is decisive else truth(right(scope))

    return evaluate


# -- macros ---------------------------------------------------------------------------------------------------------


def _scopes(target: Any, variable: str, scope: Scope) -> list[tuple[Any, Scope]]:
    """Return the items of a list or the keys of a map, each with a scope in which the variable has this value."""
    if isinstance(target, CelGroup):
        return []
    if isinstance(target, str | bytes) or not hasattr(target, "__iter__"):
        raise CelError("a macro needs a list or a map")
    return [(item, scope.with_variable(variable, item)) for item in target]


def _quantifier(*, decisive: bool) -> Callable[..., Any]:
    def evaluate(scopes: list[tuple[Any, Scope]], test: Evaluate) -> bool:
        failure: CelError | None = None
        for _, inner in scopes:
            try:
                if truth(test(inner)) is decisive:
                    return decisive
            except CelError as error:
                failure = error
        if failure is not None:
            raise failure
        return not decisive

    return evaluate


def _exists_one(scopes: list[tuple[Any, Scope]], test: Evaluate) -> bool:
    return sum(truth(test(inner)) for _, inner in scopes) == 1


def _filter(scopes: list[tuple[Any, Scope]], test: Evaluate) -> list[Any]:
    return [item for item, inner in scopes if truth(test(inner))]


def _map(scopes: list[tuple[Any, Scope]], *parts: Evaluate) -> list[Any]:
    return [parts[-1](inner) for _, inner in scopes if len(parts) == 1 or truth(parts[0](inner))]


#: Name of a macro and number of its arguments -> function.
MACROS: dict[tuple[str, int], Callable[..., Any]] = {
    ("all", 2): _quantifier(decisive=False),
    ("exists", 2): _quantifier(decisive=True),
    ("exists_one", 2): _exists_one,
    ("filter", 2): _filter,
    ("map", 2): _map,
    ("map", 3): _map,
}


def comprehension(macro: Callable[..., Any], target: Evaluate, variable: str, parts: list[Evaluate]) -> Evaluate:
    """Compile a macro such as `target.all(variable, part)`."""
    return lambda scope: macro(_scopes(target(scope), variable, scope), *parts)
