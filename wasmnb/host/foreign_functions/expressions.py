"""The foreign functions `expr_create`, `expr_evaluate` and `expr_delete`.

In Envoy 1.40, each root context counts tokens from 0. A text that can't be parsed returns BadArgument, and Envoy logs the
reason at level info. An expression with an unknown function does so too, but still uses up a token. A token of the wrong size
returns BadArgument, an unknown token returns NotFound, and an expression without a value returns InternalFailure. Values are
encoded like properties.

Envoy doesn't limit the number of expressions. Here a root context stores at most 10,000 expressions with a million characters.
Beyond this limit, `expr_create` returns InternalFailure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...abi import LogLevel, Status
from ..properties.lookup import Unserialisable
from .cel import CelCompileError, CelError, CelSyntaxError, CompiledExpression, parse
from .cel_attributes import lookup_attribute, serialise_value

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["create", "delete", "evaluate"]

_TOKEN_SIZE = 4

#: Maximum number of expressions in a root context, and maximum number of characters of their texts.
MOST_EXPRESSIONS, MOST_CHARACTERS = 10_000, 1_000_000


def create(context: Context, data: bytes) -> tuple[int, bytes]:
    """Compile an expression. Return the status and the expression's token."""
    root: Any = context.root
    if len(root.expressions) >= MOST_EXPRESSIONS or root.expression_characters + len(data) > MOST_CHARACTERS:
        return Status.INTERNAL_FAILURE, b""
    expression = _parsed(context, root, data.decode("utf-8", "replace"))
    if expression is None:
        return Status.BAD_ARGUMENT, b""
    token = root.expressions_made
    root.expressions_made += 1
    root.expressions[token] = expression, len(data)
    root.expression_characters += len(data)
    return Status.OK, token.to_bytes(_TOKEN_SIZE, "little")


def _parsed(context: Context, root: Any, text: str) -> CompiledExpression | None:
    """Compile an expression. If this isn't possible, log the reason and return None."""
    try:
        return parse(text)
    except CelSyntaxError as error:
        message = f"expr_create parse error: {error}"
    except CelCompileError as error:
        message = f"expr_create compile error: {error}"
        root.expressions_made += 1
    vm = context.vm
    vm.server.write_log(LogLevel.INFO, message, vm.thread, vm=vm.number, time=vm.now())
    return None


def evaluate(context: Context, data: bytes) -> tuple[int, bytes]:
    """Evaluate an expression on the calling context. Return the status and the encoded value."""
    if len(data) != _TOKEN_SIZE:
        return Status.BAD_ARGUMENT, b""
    expression, _ = getattr(context.root, "expressions", {}).get(int.from_bytes(data, "little"), (None, 0))
    if expression is None:
        return Status.NOT_FOUND, b""
    try:
        return Status.OK, serialise_value(expression(lambda name: lookup_attribute(context, name)))
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
