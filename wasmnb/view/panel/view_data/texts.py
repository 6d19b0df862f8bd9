"""Printable text for the front end, and the size limit of a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from wasmnb.view.render.escape import NEWLINES, clip, visible

__all__ = ["VALUE", "Budget", "printable"]

#: Characters of one header value, argument or value of shared data.
VALUE = 2_000


def printable(value: str | bytes, limit: int = VALUE) -> str:
    """Return printable text, cut to a limit.

    Parameters
    ----------
    value
        Any text.
    limit
        Number of characters (default `VALUE`).
    """
    if type(value) is str and len(value) <= limit and value.isprintable():  # the usual case
        return value
    length = len(value)
    text = visible(value[: 2 * limit] if length > 2 * limit else value, keep=NEWLINES)
    if length <= 2 * limit:
        return clip(text, limit)
    return f"{text[:limit]}… ({length - limit:,} more)"


def weight(value: Any) -> int:
    """Return the approximate number of characters of a JSON value."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, dict):
        return sum(len(k) + 4 + weight(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return 2 + sum(map(weight, value))
    return 8


class Budget:
    """The number of characters that are left for a message.

    Parameters
    ----------
    characters
        Number of characters at the beginning.
    """

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, items: Sequence[Any], make: Callable[[Any], Any], limit: int) -> tuple[list[Any], int]:
        """Convert items until a limit or the budget is reached.

        Parameters
        ----------
        items
            The items.
        make
            Converts one of them to JSON.
        limit
            Number of items.

        Returns
        -------
        tuple
            The converted items, and the number of omitted ones.
        """
        converted = self.fill(islice(items, limit), make)
        return converted, len(items) - len(converted)

    def fill(self, items: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
        """Convert items with `make` until the budget is used up."""
        converted: list[Any] = []
        for item in items:
            if self.left <= 0:
                break
            converted.append(make(item))
            self.left -= weight(converted[-1])
        return converted
