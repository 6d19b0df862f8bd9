"""The foreign functions `expr_create`, `expr_evaluate` and `expr_delete`.

In Envoy 1.40, each root context counts tokens from 0. A text that can't be parsed returns BadArgument, and Envoy logs the
reason at level info. A token of the wrong size returns BadArgument, an unknown token returns NotFound, and an expression
without a value returns InternalFailure. Values are encoded like properties.

Envoy doesn't limit the number of expressions. Here a root context stores at most 10,000 expressions with a million characters.
Beyond this limit, `expr_create` returns InternalFailure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...abi import LogLevel, Status
from ...abi.text import encode_text
from ..properties.lookup import GROUPS, Unserialisable, attribute, serialise, top
from .cel import CelError, CelSyntaxError, parse

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["create", "delete", "evaluate"]

_TOKEN_SIZE = 4

#: Maximum number of expressions in a root context, and maximum number of characters of their texts.
MOST_EXPRESSIONS, MOST_CHARACTERS = 10_000, 1_000_000


class _AttributeGroup:
    """A group of attributes in an expression, such as `request` in `request.path`."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name

    def member(self, key: str) -> Any:
        """Return the value of an attribute in the group, or None."""
        return attribute(self._context, encode_text(self._name), encode_text(key))


def _lookup(context: Context, name: str) -> Any:
    if name in GROUPS or name == "filter_state":
        return _AttributeGroup(context, name)
    value = top(context, encode_text(name))
    if value is None:
        raise CelError(f"No value with name {name!r} found in Activation")
    return value


def create(context: Context, data: bytes) -> tuple[int, bytes]:
    """Compile an expression. Return the status and the expression's token."""
    root: Any = context.root
    if len(root.expressions) >= MOST_EXPRESSIONS or root.expression_characters + len(data) > MOST_CHARACTERS:
        return Status.INTERNAL_FAILURE, b""
    try:
        expression = parse(data.decode("utf-8", "replace"))
    except CelSyntaxError as error:
        vm = context.vm
        vm.server.write_log(LogLevel.INFO, f"expr_create parse error: {error}", vm.thread, vm=vm.number, time=vm.now())
        return Status.BAD_ARGUMENT, b""
    token = root.expressions_made
    root.expressions_made += 1
    root.expressions[token] = expression, len(data)
    root.expression_characters += len(data)
    return Status.OK, token.to_bytes(_TOKEN_SIZE, "little")


def evaluate(context: Context, data: bytes) -> tuple[int, bytes]:
    """Evaluate an expression on the calling context. Return the status and the encoded value."""
    if len(data) != _TOKEN_SIZE:
        return Status.BAD_ARGUMENT, b""
    expression, _ = getattr(context.root, "expressions", {}).get(int.from_bytes(data, "little"), (None, 0))
    if expression is None:
        return Status.NOT_FOUND, b""
    try:
        return Status.OK, serialise(expression(lambda name: _lookup(context, name)))
    except CelError:
        return Status.INTERNAL_FAILURE, b""
    except Unserialisable:
        return Status.SERIALIZATION_FAILURE, b""


def delete(context: Context, data: bytes) -> tuple[int, bytes]:
    """Delete an expression by its token. Return the status and an empty result."""
    if len(data) != _TOKEN_SIZE:
        return Status.BAD_ARGUMENT, b""
    root: Any = context.root
    _, size = getattr(root, "expressions", {}).pop(int.from_bytes(data, "little"), (None, 0))
    if size:
        root.expression_characters -= size
    return Status.OK, b""
