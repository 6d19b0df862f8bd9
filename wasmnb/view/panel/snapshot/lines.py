"""The log: the newest lines that somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .texts import Room, shown

__all__ = ["line", "log"]

LINES = 500
LINE = 8_000  # characters of one line
_ROOM = 300_000


def line(entry: Any) -> Any:
    """A line: time, level, thread, context, exchange, text, VM, who wrote it, root context."""
    level = getattr(entry.level, "name", str(entry.level)).lower()
    return [
        round(entry.time, 6), level, shown(entry.thread), entry.context, entry.exchange, shown(entry.text, LINE),
        entry.vm, shown(getattr(entry, "source", "filter")), entry.root,
    ]  # fmt: skip


def log(kept: Any, wanted: Callable[[Any], bool] | None = None) -> Any:
    """The newest lines among those wanted, oldest first, and how many there are."""
    lines = kept[:]
    matching = lines if wanted is None else [entry for entry in lines if wanted(entry)]
    made = Room(_ROOM).fill(reversed(matching[-LINES:]), line)
    return {"written": kept.written, "kept": len(lines), "matching": len(matching), "lines": made[::-1]}
