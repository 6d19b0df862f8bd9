"""CEL expressions, as far as the foreign functions `expr_create` and `expr_evaluate` need them.

Facts: https://github.com/google/cel-spec. Identifiers are the attributes of the stream (`..properties`). Supported are
literals, member access and indexing, arithmetic, comparison, logic with both sides tolerant of errors, `in`, `?:`, lists and
maps, `has`, `size`, conversions, and the string functions. An attribute that is not there makes an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["CelError", "CelSyntaxError", "Expression", "parse"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>0[xX][0-9a-fA-F]+u?|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+u?)
    |(?P<bytes>[bB](?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}]))""",
    re.VERBOSE,
)

#: What ANTLR, which Envoy's parser is made with, says could stand where an expression is missing.
_EXPECTED = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)

_DEEPEST = 100


class CelSyntaxError(Exception):
    """The text is no expression; the message is as Envoy logs it."""


class CelError(Exception):
    """An expression has no value."""


#: Gives the value of an identifier; raises CelError.
Lookup = Callable[[str], Any]

#: A compiled expression: a function of the lookup.
Expression = Callable[[Lookup], Any]


class _Parser:
    """Recursive descent, one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error(at, f"token recognition error at: '{text[at]}'")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind), match.start(kind)))
            at = match.end()
        self.tokens.append(("end", "<EOF>", len(text)))
        self.at = 0
        self.depth = 0

    def _error(self, at: int, what: str) -> CelSyntaxError:
        dots = "." * at
        return CelSyntaxError(f"ERROR: <input>:1:{at + 1}: Syntax error: {what}\n | {self.text}\n | {dots}^")

    @property
    def _next(self) -> tuple[str, str, int]:
        return self.tokens[self.at]

    def _take(self, *operators: str) -> str | None:
        kind, text, _ = self._next
        if (kind == "operator" and text in operators) or (kind == "name" and text in operators and text == "in"):
            self.at += 1
            return text
        return None

    def _need(self, operator: str) -> None:
        if self._take(operator) is None:
            _, text, at = self._next
            raise self._error(at, f"mismatched input '{text}' expecting '{operator}'")

    def whole(self) -> Expression:
        expression = self.ternary()
        kind, text, at = self._next
        if kind != "end":
            raise self._error(at, f"extraneous input '{text}' expecting <EOF>")
        return expression

    def ternary(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error(self._next[2], "expression nested too deeply")
        condition = self._or()
        if self._take("?"):
            yes = self.ternary()
            self._need(":")
            no = self.ternary()
            self.depth -= 1
            return lambda look: yes(look) if _truth(condition(look)) else no(look)
        self.depth -= 1
        return condition

    def _or(self) -> Expression:
        left = self._and()
        while self._take("||"):
            left = _logic(left, self._and(), decisive=True)
        return left

    def _and(self) -> Expression:
        left = self._relation()
        while self._take("&&"):
            left = _logic(left, self._relation(), decisive=False)
        return left

    def _relation(self) -> Expression:
        left = self._sum()
        while operator := self._take("==", "!=", "<", "<=", ">", ">=", "in"):
            left = _binary(operator, left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while operator := self._take("+", "-"):
            left = _binary(operator, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while operator := self._take("*", "/", "%"):
            left = _binary(operator, left, self._unary())
        return left

    def _unary(self) -> Expression:
        if self._take("!"):
            operand = self._unary_limited()
            return lambda look: not _truth(operand(look))
        if self._take("-"):
            operand = self._unary_limited()
            return lambda look: -_number(operand(look))
        return self._member()

    def _unary_limited(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._error(self._next[2], "expression nested too deeply")
        operand = self._unary()
        self.depth -= 1
        return operand

    def _member(self) -> Expression:
        value = self._primary()
        while True:
            if self._take("."):
                name = self._name()
                value = self._method(name, value) if self._take("(") else _select(value, name)
            elif self._take("["):
                value = _index(value, self.ternary())
                self._need("]")
            else:
                return value

    def _method(self, name: str, target: Expression) -> Expression:
        return _call(name, [target, *self._arguments(")")])

    def _name(self) -> str:
        kind, text, at = self._next
        if kind != "name":
            raise self._error(at, f"no viable alternative at input '{text}'")
        self.at += 1
        return text

    def _arguments(self, end: str) -> list[Expression]:
        found: list[Expression] = []
        if self._take(end):
            return found
        while True:
            found.append(self.ternary())
            if not self._take(","):
                self._need(end)
                return found

    def _primary(self) -> Expression:
        kind, text, at = self._next
        if kind in ("number", "string", "bytes"):
            self.at += 1
            return _constant(_literal(kind, text))
        if kind == "name":
            self.at += 1
            return self._identifier(text)
        if self._take("("):
            inner = self.ternary()
            self._need(")")
            return inner
        if self._take("["):
            items = self._arguments("]")
            return lambda look: [item(look) for item in items]
        if self._take("{"):
            return self._map()
        raise self._error(at, f"mismatched input '{text}' expecting {_EXPECTED}")

    def _identifier(self, name: str) -> Expression:
        constants: dict[str, Any] = {"true": True, "false": False, "null": None}
        if name in constants:
            return _constant(constants[name])
        if self._take("("):
            arguments = self._arguments(")")
            return _has(arguments) if name == "has" else _call(name, arguments)
        return lambda look: look(name)

    def _map(self) -> Expression:
        entries: list[tuple[Expression, Expression]] = []
        while not self._take("}"):
            key = self.ternary()
            self._need(":")
            entries.append((key, self.ternary()))
            if not self._take(","):
                self._need("}")
                break
        return lambda look: {k(look): v(look) for k, v in entries}


# -- pieces ---------------------------------------------------------------------------------------------------------


def _constant(value: Any) -> Expression:
    return lambda _look: value


def _literal(kind: str, text: str) -> Any:
    if kind == "number":
        if text[-1] in "uU":
            return int(text[:-1], 0)
        return float(text) if re.search(r"[.eE]", text) and not text.lower().startswith("0x") else int(text, 0)
    raw = text[2:-1] if kind == "bytes" else text[1:-1]
    plain = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}.get(m[1], m[1]), raw)
    return plain.encode() if kind == "bytes" else plain


def _text(value: Any) -> Any:
    """Attributes come as bytes; CEL sees strings."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError("no matching overload: a boolean is needed")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CelError("no matching overload: a number is needed")
    return value


def _logic(left: Expression, right: Expression, *, decisive: bool) -> Expression:
    """`||` and `&&`: one side that decides makes an error of the other side unimportant."""

    def evaluate(look: Lookup) -> bool:
        try:
            first = _truth(left(look))
        except CelError:
            if _truth(right(look)) is decisive:
                return decisive
            raise
        return first if first is decisive else _truth(right(look))

    return evaluate


def _binary(operator: str, left: Expression, right: Expression) -> Expression:
    function = _OPERATORS[operator]

    def evaluate(look: Lookup) -> Any:
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
    "*": lambda a, b: _number(a) * _number(b),
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}


def _select(value: Expression, name: str) -> Expression:
    return lambda look: _member_of(value(look), name)


def _index(value: Expression, key: Expression) -> Expression:
    return lambda look: _member_of(value(look), _text(key(look)))


def _member_of(value: Any, key: Any) -> Any:
    if isinstance(value, list | tuple):
        if isinstance(key, int) and 0 <= key < len(value):
            return value[key]
        raise CelError(f"Index error: index={key} size={len(value)}")
    if isinstance(value, Mapping) or hasattr(value, "member"):
        try:
            found = value[key] if isinstance(value, Mapping) else value.member(key)
        except KeyError:
            found = None
        if found is not None:
            return found
        raise CelError(f"Key not found in map: {key!r}")
    raise CelError(f"Applying SELECT to a {type(value).__name__}")


def _has(arguments: list[Expression]) -> Expression:
    def evaluate(look: Lookup) -> bool:
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
    """Envoy uses RE2, which never takes long; Python's may, so that patterns which could are refused."""
    plain = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern)
    if (
        len(pattern) > 1000
        or len(text) > 10_000
        or len(re.findall(r"[*+]|\{\d+,", plain)) > 2
        or re.search(r"\)[*+{]", plain)
    ):
        raise CelError("the pattern could take long")
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
    "bytes": lambda value: value.encode(),
}


def _call(name: str, arguments: list[Expression]) -> Expression:
    function = _FUNCTIONS.get(name)

    def evaluate(look: Lookup) -> Any:
        if function is None:
            raise CelError(f"No overloads provided for FunctionCall(name='{name}')")
        try:
            return function(*(_text(argument(look)) for argument in arguments))
        except (TypeError, ValueError, AttributeError, re.error) as error:
            raise CelError(f"no matching overload for {name}: {error}") from None

    return evaluate


def parse(text: str) -> Expression:
    """Compile an expression.

    Raises
    ------
    CelSyntaxError
        The text is no expression.
    """
    return _Parser(text).whole()
