"""What a wish is, and how its values are read: they come from a page, and may be anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmnb.errors import UsageError

if TYPE_CHECKING:
    from wasmnb.view.panel.panel import Panel

__all__ = ["Action", "Values", "exchange_of", "number"]

Values = dict[str, Any]
Action = Callable[["Panel", Values], str]


def number(value: Any, name: str) -> int:
    """A whole number; UsageError says which one is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is a number, not {str(value)[:40]!r}") from None


def exchange_of(panel: Panel, values: Values) -> Any:
    """The exchange that a wish is about; UsageError if it is no longer remembered."""
    found = panel.history.find(number(values.get("exchange"), "exchange"))
    if found is None:
        raise UsageError("that exchange is no longer remembered")
    return found
