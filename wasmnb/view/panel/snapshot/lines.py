"""The log: the newest lines that match a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .texts import Budget, printable

__all__ = ["line", "log"]

LINES = 500
LINE = 8_000  # characters of one line
_BUDGET = 300_000


def line(entry: Any) -> Any:
    """Return a line: time, level, thread, context, exchange, text, VM, source, root context."""
    level = getattr(entry.level, "name", str(entry.level)).lower()
    return [
        round(entry.time, 6), level, printable(entry.thread), entry.context, entry.exchange, printable(entry.text, LINE),
        entry.vm, printable(getattr(entry, "source", "filter")), entry.root,
    ]  # fmt: skip


def log(kept: Any, accepts: Callable[[Any], bool] | None = None) -> Any:
    """Return the newest matching lines, oldest first, and their number.

    Parameters
    ----------
    kept
        `Proxy.log`.
    accepts
        Predicate for lines. Default: all.
    """
    lines = kept[:]
    matching = lines if accepts is None else [entry for entry in lines if accepts(entry)]
    newest = Budget(_BUDGET).fill(reversed(matching[-LINES:]), line)
    return {"written": kept.written, "kept": len(lines), "matching": len(matching), "lines": newest[::-1]}
