"""CEL expressions, as far as the foreign functions `expr_create` and `expr_evaluate` need them.

Facts: https://github.com/google/cel-spec. Identifiers are the attributes of the stream (`..properties`). Supported are
literals, member access and indexing, arithmetic, comparison, logic with both sides tolerant of errors, `in`, `?:`, lists and
maps, `has`, `size`, conversions, and the string functions. An attribute that is not there makes an error.
"""

from __future__ import annotations

import re
from typing import Any

from .cel_values import CelError, Expression, binary, call, has, index, logic, number, select, truth

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
            return lambda look: yes(look) if truth(condition(look)) else no(look)
        self.depth -= 1
        return condition

    def _or(self) -> Expression:
        left = self._and()
        while self._take("||"):
            left = logic(left, self._and(), decisive=True)
        return left

    def _and(self) -> Expression:
        left = self._relation()
        while self._take("&&"):
            left = logic(left, self._relation(), decisive=False)
        return left

    def _relation(self) -> Expression:
        left = self._sum()
        while operator := self._take("==", "!=", "<", "<=", ">", ">=", "in"):
            left = binary(operator, left, self._sum())
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while operator := self._take("+", "-"):
            left = binary(operator, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while operator := self._take("*", "/", "%"):
            left = binary(operator, left, self._unary())
        return left

    def _unary(self) -> Expression:
        if self._take("!"):
            operand = self._unary_limited()
            return lambda look: not truth(operand(look))
        if self._take("-"):
            operand = self._unary_limited()
            return lambda look: -number(operand(look))
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
                value = self._method(name, value) if self._take("(") else select(value, name)
            elif self._take("["):
                value = index(value, self.ternary())
                self._need("]")
            else:
                return value

    def _method(self, name: str, target: Expression) -> Expression:
        return call(name, [target, *self._arguments(")")])

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
            return has(arguments) if name == "has" else call(name, arguments)
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


def parse(text: str) -> Expression:
    """Compile an expression.

    Raises
    ------
    CelSyntaxError
        The text is no expression.
    """
    return _Parser(text).whole()
