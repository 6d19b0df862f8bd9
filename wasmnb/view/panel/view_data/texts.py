"""Convert text to printable text for the front end, and limit the size of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from wasmnb.view.render.escape import NEWLINES, clip, visible

__all__ = ["VALUE", "Budget", "printable"]

#: Maximum number of characters of a header value, an argument or a value of shared data.
VALUE = 2_000


def printable(value: str | bytes, limit: int = VALUE) -> str:
    """Escape characters that aren't printable, and shorten the text to a limit.

    Parameters
    ----------
    value
        The text.
    limit
        Maximum number of characters (default `VALUE`).
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


class Taken(NamedTuple):
    """The items that a message contains, and the number of omitted items."""

    items: list[Any]
    omitted: int


class Budget:
    """A limit for the size of a message. Each converted item reduces the number of remaining characters.

    Parameters
    ----------
    characters
        Maximum number of characters of the message.
    """

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, items: Sequence[Any], make: Callable[[Any], Any], limit: int) -> Taken:
        """Convert items to JSON until a number of items or the size limit is reached.

        Parameters
        ----------
        items
            The items.
        make
            Function that converts an item to JSON.
        limit
            Maximum number of items.

        Returns
        -------
        Taken
        """
        converted = self.fill(islice(items, limit), make)
        return Taken(converted, len(items) - len(converted))

    def fill(self, items: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
        """Convert items to JSON with `make` until the size limit is reached."""
        converted: list[Any] = []
        for item in items:
            if self.left <= 0:
                break
            converted.append(make(item))
            self.left -= weight(converted[-1])
        return converted
