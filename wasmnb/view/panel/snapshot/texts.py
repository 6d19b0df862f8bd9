"""Text for the front-end, and how much of it one message may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from wasmnb.view.render.escape import NEWLINES, clip, visible

__all__ = ["VALUE", "Room", "shown"]

#: Characters of one header value, argument or piece of shared data.
VALUE = 2_000


def shown(value: str | bytes, limit: int = VALUE) -> str:
    """Text for the front-end: printable, and cut."""
    if type(value) is str and len(value) <= limit and value.isprintable():  # as nearly all is
        return value
    whole = len(value)
    text = visible(value[: 2 * limit] if whole > 2 * limit else value, keep=NEWLINES)
    if whole <= 2 * limit:
        return clip(text, limit)
    return f"{text[:limit]}… ({whole - limit:,} more)"


def weight(value: Any) -> int:
    """About how many characters a piece of JSON has."""
    if isinstance(value, str):
        return len(value) + 3
    if isinstance(value, dict):
        return sum(len(k) + 4 + weight(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return 2 + sum(map(weight, value))
    return 8


class Room:
    """Characters that a message has left, so that it stays small whatever it tells of."""

    def __init__(self, characters: int) -> None:
        self.left = characters

    def take(self, items: Sequence[Any], make: Callable[[Any], Any], limit: int) -> tuple[list[Any], int]:
        """What `make` makes of the first `limit` items, as far as there is room, and how many are left out."""
        made = self.fill(islice(items, limit), make)
        return made, len(items) - len(made)

    def fill(self, items: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
        """What `make` makes of the items, as far as there is room."""
        made: list[Any] = []
        for item in items:
            if self.left <= 0:
                break
            made.append(make(item))
            self.left -= weight(made[-1])
        return made
