"""Convert the log to JSON: the most recent lines that match a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmnb.host.trace.log import by_time

from .texts import Budget, printable

if TYPE_CHECKING:
    from wasmnb.host.trace.log import LogFilter

__all__ = ["line", "log"]

LINES = 500
LINE = 8_000  # maximum number of characters of one line
_BUDGET = 300_000


def line(entry: Any) -> Any:
    """Return a log line as a list: time, level, thread, context, exchange, text, VM, source and root context."""
    level = getattr(entry.level, "name", str(entry.level)).lower()
    return [
        round(entry.time, 6), level, printable(entry.thread), entry.context, entry.exchange, printable(entry.text, LINE),
        entry.vm, printable(getattr(entry, "source", "filter")), entry.root,
    ]  # fmt: skip


def log(kept: Any, selected: LogFilter | None = None) -> Any:
    """Return the last matching lines of a log, oldest first, and the number of all matching lines.

    Parameters
    ----------
    kept
        The log of a proxy, `Proxy.log`.
    selected
        Filter for the lines (default None: all lines match).
    """
    lines = kept[:]
    matching = lines if selected is None else [entry for entry in lines if selected.matches(entry)]
    newest = Budget(_BUDGET).fill(reversed(by_time(matching[-LINES:])), line)
    return {"written": kept.written, "kept": len(lines), "matching": len(matching), "lines": newest[::-1]}
