"""CEL's operators and functions. Each accepts expressions and returns an expression.

A value of the wrong type is an error (`CelError`), which only `||`, `&&` and `has` tolerate. Attributes are bytes, and are
treated as strings.

Reference: https://github.com/google/cel-spec
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...abi.text import encode_text

__all__ = [
    "AttributeLookup",
    "CelError",
    "CompiledExpression",
    "binary",
    "call",
    "has",
    "index",
    "logic",
    "number",
    "select",
    "truth",
]


class CelError(Exception):
    """Error for an expression that can't be evaluated."""


#: Function that returns the value of an identifier, or raises CelError.
AttributeLookup = Callable[[str], Any]

#: A compiled expression, which is a function that accepts an `AttributeLookup` and returns the value.
CompiledExpression = Callable[[AttributeLookup], Any]


def _text(value: Any) -> Any:
    """Decode bytes of an attribute to text. Return other values unchanged."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def truth(value: Any) -> bool:
    """Return the value if it is a boolean. Raises `CelError` otherwise.

    Raises
    ------
    CelError
        The value isn't a boolean.
    """
    if not isinstance(value, bool):
        raise CelError("no matching overload: a boolean is required")
    return value


def number(value: Any) -> Any:
    """Return the value if it is a number. Raises `CelError` otherwise.

    Raises
    ------
    CelError
        The value isn't a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CelError("no matching overload: a number is required")
    return value


def logic(left: CompiledExpression, right: CompiledExpression, *, decisive: bool) -> CompiledExpression:
    """Combine two expressions with `||` or `&&`.

    Parameters
    ----------
    decisive
        Value that determines the result even if the other side is an error: True for `||`, False for `&&`.
    """

    def evaluate(look: AttributeLookup) -> bool:
        try:
            first = truth(left(look))
        except CelError:
            if truth(right(look)) is decisive:
                return decisive
            raise
        return first if first is decisive else truth(right(look))

    return evaluate


def binary(operator: str, left: CompiledExpression, right: CompiledExpression) -> CompiledExpression:
    """Combine two expressions with a binary operator."""
    function = _OPERATORS[operator]

    def evaluate(look: AttributeLookup) -> Any:
        try:
            value = function(_text(left(look)), _text(right(look)))
        except (TypeError, ZeroDivisionError, OverflowError) as error:
            raise CelError(f"no matching overload for {operator}: {error}") from None
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
            raise CelError("integer overflow")
        return value

    return evaluate


def _divide(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        quotient = abs(a) // abs(b)
        return quotient if (a < 0) == (b < 0) else -quotient
    return a / b


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, list | tuple):
        return item in [_text(v) for v in container]
    if isinstance(container, Mapping):
        return item in container
    raise CelError("no matching overload for in")


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": _contains,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: number(a) * number(b),
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}


def select(value: CompiledExpression, name: str) -> CompiledExpression:
    """Create the expression `value.name`."""
    return lambda look: _member_of(value(look), name)


def index(value: CompiledExpression, key: CompiledExpression) -> CompiledExpression:
    """Create the expression `value[key]`."""
    return lambda look: _member_of(value(look), _text(key(look)))


def _member_of(value: Any, key: Any) -> Any:
    if isinstance(value, list | tuple):
        if isinstance(key, int) and 0 <= key < len(value):
            return value[key]
        raise CelError(f"Index error: index={key} size={len(value)}")
    if isinstance(value, Mapping) or hasattr(value, "member"):
        try:
            member = value[key] if isinstance(value, Mapping) else value.member(key)
        except KeyError:
            member = None
        if member is not None:
            return member
        raise CelError(f"Key not found in map: {key!r}")
    raise CelError(f"Applying SELECT to a {type(value).__name__}")


def has(arguments: list[CompiledExpression]) -> CompiledExpression:
    """Create the expression `has(value.name)`."""

    def evaluate(look: AttributeLookup) -> bool:
        try:
            arguments[0](look)
        except CelError:
            return False
        return True

    return evaluate


def _size(value: Any) -> int:
    if isinstance(value, str | bytes | list | tuple | Mapping):
        return len(value)
    raise CelError("no matching overload for size")


def _matches(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern. Reject patterns that Python, unlike RE2, might not search in linear time."""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern)
    if (
        len(pattern) > 1000
        or len(text) > 10_000
        or len(re.findall(r"[*+]|\{\d+,", plain)) > 2
        or re.search(r"\)[*+{]", plain)
    ):
        raise CelError("matching the pattern could take exponential time")
    return re.search(pattern, text) is not None


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": _size,
    "contains": lambda text, part: part in text,
    "startsWith": lambda text, part: text.startswith(part),
    "endsWith": lambda text, part: text.endswith(part),
    "matches": _matches,
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "int": int,
    "uint": int,
    "double": float,
    "string": lambda value: str(value).lower() if isinstance(value, bool) else str(value),
    "bytes": encode_text,
}


def call(name: str, arguments: list[CompiledExpression]) -> CompiledExpression:
    """Create the expression that calls a function. For a method, the first argument is its target."""
    function = _FUNCTIONS.get(name)

    def evaluate(look: AttributeLookup) -> Any:
        if function is None:
            raise CelError(f"No overloads provided for FunctionCall(name='{name}')")
        try:
            return function(*(_text(argument(look)) for argument in arguments))
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise CelError(f"no matching overload for {name}: {error}") from None

    return evaluate
