"""The signature of an action, and functions that check its values, because a web page may send any values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmnb.errors import UsageError
from wasmnb.view.panel.renderer import Renderer

__all__ = ["PanelAction", "Values", "exchange_of", "integer"]

Values = dict[str, Any]
PanelAction = Callable[[Renderer, Values], str]


def integer(value: Any, name: str) -> int:
    """Convert a value of a message to an int.

    Raises
    ------
    UsageError
        The value is not a number. The message contains `name`.
    """
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} must be a number, not {str(value)[:40]!r}.") from None


def exchange_of(renderer: Renderer, values: Values) -> Any:
    """Return the exchange that the value `exchange` of an action refers to.

    Raises
    ------
    UsageError
        The proxy has discarded the exchange.
    """
    exchange = renderer.state.history.find(integer(values.get("exchange"), "exchange"))
    if exchange is None:
        raise UsageError("The proxy has discarded this exchange. Choose a newer one.")
    return exchange
