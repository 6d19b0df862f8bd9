"""The proxy's log: what filters write, and what Envoy says about them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from ..._display import NEWLINES, Shown, visible
from ...abi import LogLevel

__all__ = ["LEVELS", "Log", "LogFilter", "LogLine"]

#: Names of the levels, in order.
LEVELS = tuple(level.name.lower() for level in LogLevel)

#: Lines that a log keeps.
DEFAULT_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes
    ----------
    time
        Virtual seconds since the proxy started.
    level, text
        What was written.
    thread, vm, context, exchange
        Who wrote it, and during which exchange (None where it does not apply).
    prefix
        What Envoy prints between `wasm log` and the text: plugin name, root_id and vm_id. Envoy's own lines have none.
    source
        `filter` for what a module wrote, `envoy` for what Envoy says.
    root
        Id of the root context, the plugin's, whose context wrote it.
    """

    time: float
    level: LogLevel
    text: str
    thread: str
    vm: int | None = None
    context: int | None = None
    exchange: int | None = None
    prefix: str = ""
    source: str = "filter"
    root: int | None = None

    def __str__(self) -> str:
        """The line as Envoy writes it, with the virtual time in front."""
        who = f"wasm log{' ' + self.prefix if self.prefix else ''}: " if self.source == "filter" else ""
        text = visible(f"{who}{self.text}", keep=NEWLINES)  # what a filter writes must not steer a terminal
        return f"[{self.time:.6f}][{self.thread}][{self.level.name.lower()}] {text}"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Selects log lines. Each criterion that is None matches all lines.

    Attributes
    ----------
    level
        Lowest level, one of `LEVELS`.
    thread
        `main` or `worker-2`.
    vm, root, context, exchange
        Numbers, as in `LogLine`.
    text
        Part of the line's text; empty for all lines.
    """

    level: str = "trace"
    thread: str | None = None
    vm: int | None = None
    root: int | None = None
    context: int | None = None
    exchange: int | None = None
    text: str = ""

    def matches(self, line: Any) -> bool:
        """Whether a line is selected."""
        return (
            int(line.level) >= LEVELS.index(self.level)
            and self.thread in (None, line.thread)
            and self.vm in (None, line.vm)
            and self.root in (None, line.root)
            and self.context in (None, line.context)
            and self.exchange in (None, line.exchange)
            and (not self.text or self.text in line.text)
        )


class Log(Shown, Sequence[LogLine]):
    """The last lines, oldest first.

    Parameters
    ----------
    level
        Lines below it are not written, as Envoy's `--component-log-level wasm:...` has it.
    """

    def __init__(self, level: LogLevel = LogLevel.INFO, limit: int = DEFAULT_LIMIT) -> None:
        self.level = level
        self._lines: deque[LogLine] = deque(maxlen=limit)
        self.written = 0

    def add(self, line: LogLine) -> None:
        """Write a line, unless it is below the level."""
        if line.level >= self.level:
            self._lines.append(line)
            self.written += 1

    def since(self, written: int) -> list[LogLine]:
        """Lines written after `Log.written` had this value."""
        fresh = self.written - written
        return list(self._lines)[-fresh:] if fresh > 0 else []

    def of_exchange(self, number: int) -> list[LogLine]:
        """Lines of one exchange."""
        return [line for line in self._lines if line.exchange == number]

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> list[LogLine]: ...
    def __getitem__(self, index: int | slice) -> LogLine | list[LogLine]:
        return list(self._lines)[index]

    def __repr__(self) -> str:
        return f"<Log of {len(self)} lines>"

    def __str__(self) -> str:
        """All lines."""
        return "\n".join(map(str, self._lines))
