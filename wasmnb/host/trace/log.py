"""The log of a proxy, with lines from filters and Envoy's own lines about filters."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar, overload

from ..._display import NEWLINES, Shown, visible
from ...abi import LogLevel

__all__ = ["LEVELS", "Log", "LogFilter", "LogLine", "by_time"]

#: Names of the log levels, in ascending order.
LEVELS = tuple(level.name.lower() for level in LogLevel)

#: Maximum number of lines in a log by default.
DEFAULT_LIMIT = 100_000


#: Maximum number of characters in all lines of a log.
_MOST_CHARACTERS = 64 << 20


L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log.

    Attributes
    ----------
    time
        Virtual seconds since the proxy started.
    level, text
        The log level and the text.
    thread, vm, context, exchange
        Name of the thread, number of the VM, id of the context in the VM, and number of the exchange. All of these
        except the thread can be None.
    prefix
        Envoy's text between `wasm log` and the line: plugin name, root_id and vm_id. Empty for Envoy's own lines.
    source
        Origin of the line: `filter` (a module), `envoy`, or `simulation` (a warning that a real Envoy doesn't log).
    root
        Id of the context's root context, which is the context of its plugin. None for Envoy's own lines.
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
        """Format the line as Envoy does, preceded by the virtual time."""
        writer = f"wasm log{' ' + self.prefix if self.prefix else ''}: " if self.source == "filter" else ""
        text = visible(f"{writer}{self.text}", keep=NEWLINES)  # a filter must not control the terminal
        return f"[{self.time:.6f}][{self.thread}][{self.level.name.lower()}] {text}"


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Criteria for selecting log lines. A criterion that is None matches all lines.

    Attributes
    ----------
    level
        Lowest level, one of `LEVELS`.
    thread
        Name of the thread, such as `main` or `worker-2`.
    vm, root, context, exchange
        Numbers, as in `LogLine`.
    text
        Text that the line must contain. By default (empty), all lines match.
    """

    level: str = "trace"
    thread: str | None = None
    vm: int | None = None
    root: int | None = None
    context: int | None = None
    exchange: int | None = None
    text: str = ""

    def matches(self, line: Any) -> bool:
        """Return whether a line meets all criteria."""
        return (
            int(line.level) >= LEVELS.index(self.level)
            and self.thread in (None, line.thread)
            and self.vm in (None, line.vm)
            and self.root in (None, line.root)
            and self.context in (None, line.context)
            and self.exchange in (None, line.exchange)
            and (not self.text or self.text in line.text)
        )


def by_time(lines: Iterable[L]) -> list[L]:
    """Return lines sorted by their virtual times, as in Envoy's log.

    A log contains lines in the order in which the simulation wrote them. Because the simulation runs one thread after another,
    a line of one worker can follow a later line of another worker. Lines with the same time keep their order.
    """
    return sorted(lines, key=attrgetter("time"))


class Log(Shown, Sequence[LogLine]):
    """The last lines of a proxy's log, oldest first, as a sequence of `LogLine`.

    Parameters
    ----------
    level
        Lowest level that is written (default INFO), as in Envoy's `--component-log-level wasm:...`.
    limit
        Maximum number of lines to keep (default 100,000).

    Attributes
    ----------
    written
        Number of lines written since the start of the proxy, including dropped ones.
    """

    def __init__(self, level: LogLevel = LogLevel.INFO, limit: int = DEFAULT_LIMIT) -> None:
        self.level = level
        self._lines: deque[LogLine] = deque(maxlen=limit)
        self._characters = 0
        self.written = 0

    def add(self, line: LogLine) -> None:
        """Write the line `line`, unless its level is below the log's level."""
        if line.level >= self.level:
            if len(self._lines) == self._lines.maxlen:
                self._characters -= len(self._lines[0].text)
            self._lines.append(line)
            self._characters += len(line.text)
            self.written += 1
            while self._characters > _MOST_CHARACTERS:
                self._characters -= len(self._lines.popleft().text)

    def truncate(self, lines: int) -> None:
        """Drop all but the last `lines` lines."""
        while len(self._lines) > lines:
            self._characters -= len(self._lines.popleft().text)

    def since(self, written: int) -> list[LogLine]:
        """Return the lines written since `Log.written` was `written`."""
        count = self.written - written
        return [*islice(reversed(self._lines), max(0, count))][::-1]  # the newest, without copying all others

    def of_exchange(self, number: int) -> list[LogLine]:
        """Return the lines written during the exchange `number`."""
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
        """Format all lines as text, in the order of their virtual times."""
        return "\n".join(map(str, by_time(self._lines)))
