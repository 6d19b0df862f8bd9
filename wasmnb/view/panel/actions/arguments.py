"""The signature of an action, and checks of its values, which come from a page and may be anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmnb.errors import UsageError
from wasmnb.view.panel.renderer import Renderer

__all__ = ["Action", "Values", "exchange_of", "integer"]

Values = dict[str, Any]
Action = Callable[[Renderer, Values], str]


def integer(value: Any, name: str) -> int:
    """Convert a value to an int.

    Raises
    ------
    UsageError
        The value isn't a number. The message contains `name`.
    """
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is not a number: {str(value)[:40]!r}") from None


def exchange_of(renderer: Renderer, values: Values) -> Any:
    """Return the exchange that an action is about.

    Raises
    ------
    UsageError
        The proxy no longer has the exchange.
    """
    exchange = renderer.state.history.find(integer(values.get("exchange"), "exchange"))
    if exchange is None:
        raise UsageError("The proxy no longer has this exchange.")
    return exchange
