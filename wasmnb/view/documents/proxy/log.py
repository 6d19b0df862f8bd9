"""The document of a proxy's log: a table with one row per log line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wasmnb.host.trace.log import by_time

from ...render.document import Column, Document, Paragraph, Row, Table, TextSpan, inline
from ...render.escape import clip
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import plural
from ...render.values import level_role

if TYPE_CHECKING:
    from wasmnb.host.trace.log import LogLine

__all__ = ["log_document", "log_html", "log_table", "log_text"]

_CARETS = re.compile(r"^ +[~^]+$", re.MULTILINE)
_SHOWN = 200  # maximum number of lines
_CUT = 20_000  # maximum number of characters of one line


_COLUMNS = (
    Column("time", "right", wrap=False), Column("level", wrap=False), Column("thread", wrap=False),
    Column("VM", "right", wrap=False), Column("context", "right", wrap=False), Column("exchange", "right", wrap=False), Column("message", width=100),
)  # fmt: skip


def has_carets(text: str) -> bool:
    """Return whether a text contains lines of carets that point at the line above, as in tracebacks."""
    return "^" in text and _CARETS.search(text) is not None


def _message(line: LogLine) -> str:
    """Return the text of a log line. If Envoy logs a failure, the Wasm backtrace is omitted."""
    first, *rest = line.text.rstrip("\n").split("\n")
    if getattr(line, "source", "") == "envoy" and len(rest) > 1:
        return f"{first}\n… {len(rest)} lines of Wasm backtrace"
    return clip(line.text.rstrip("\n"), _CUT)


def _row(line: LogLine) -> Row:
    name = getattr(line.level, "name", str(line.level))
    level = level_role(name)
    return Row(
        (
            inline(TextSpan(f"{line.time:.6f}", "muted")),
            inline(level),
            inline(line.thread),
            inline("" if line.vm is None else f"VM{line.vm}"),
            inline("" if line.context is None else str(line.context)),
            inline("" if line.exchange is None else f"#{line.exchange}"),
            inline(TextSpan(message := _message(line), "unwrapped" if has_carets(message) else "lines")),
        ),
        level.role if level.role == "bad" else "",
    )


def log_table(lines: Sequence[LogLine]) -> Table:
    """Return a table of log lines in the order of their virtual times."""
    return Table(_COLUMNS, tuple(map(_row, by_time(lines))), wide=True, cut=160)


def log_document(lines: Sequence[LogLine], *, limit: int = _SHOWN) -> Document:
    """Return a document with the last lines of a log and the total number of lines.

    Parameters
    ----------
    lines
        All lines in chronological order.
    limit
        Maximum number of lines to show (default 200).
    """
    if not lines:
        return Document((Paragraph(inline(TextSpan("The log is empty.", "muted"))),))
    hidden = len(lines) - limit
    head = f"{plural(len(lines), 'line')}" + (f", the last {limit} shown" if hidden > 0 else "")
    return Document((Paragraph(inline(TextSpan(head, "muted"))), log_table(lines[-limit:])))


def log_html(lines: Sequence[LogLine]) -> str:
    """Return the document of the log lines `lines` as HTML."""
    return to_html(log_document(lines))


def log_text(lines: Sequence[LogLine]) -> str:
    """Return the document of the log lines `lines` as text."""
    return to_text(log_document(lines))
