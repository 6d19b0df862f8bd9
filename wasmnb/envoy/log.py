r"""Reading of Envoy's log file.

Envoy writes its application log to a temporary file in the format from `log_format`. Every record begins with a
random token, so a guest can't forge a record by logging a line break. A record can have several lines (as a traceback does).

    <token> 1792310400.123456 4242 info wasm wasm log auth root vm: text

Facts (Envoy 1.40): the text of a guest reaches the `wasm` logger with a prefix: "wasm log", then plugin name (streams only), root_id
and vm_id if they aren't empty, then ": ". The VM context has only "wasm log".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .._display import NEWLINES, visible
from ..abi import LogLevel
from ..compiler.dependencies.portable_names import with_original_names
from ..host.settings import LOG_LEVELS
from ..messages import to_text

__all__ = ["LogFile", "LogLine", "log_format", "worker_of"]

_GUEST = "wasm log"
_WORKER = "worker-"


@dataclass(frozen=True)
class LogLine:
    """One record of Envoy's log.

    Attributes
    ----------
    time
        Seconds since 1970, with microseconds.
    level
        The log level.
    text
        The guest's text without the prefix, or Envoy's own text. It can contain line breaks.
    thread
        The thread that wrote it: "main", "worker-1" and so on, or "thread-<id>" for Envoy's other threads.
    logger
        Name of Envoy's logger: "wasm" for guests and the Wasm host, "main", "config" and others.
    prefix
        Envoy's prefix for a guest's text ("plugin root_id vm_id"); None for Envoy's own lines.
    """

    time: float
    level: LogLevel
    text: str
    thread: str
    logger: str = "wasm"
    prefix: str | None = None

    @property
    def from_guest(self) -> bool:
        """Whether a filter wrote the line."""
        return self.prefix is not None

    @property
    def source(self) -> str:
        """The source of the line: "filter" or "envoy", as in the simulated proxy's log."""
        return "filter" if self.from_guest else "envoy"

    def __str__(self) -> str:
        """Return `info worker-1 (auth root) text`."""
        writer = f"({self.prefix})" if self.prefix else f"<{self.logger}>"
        return visible(f"{self.level.name.lower():8} {self.thread:9} {writer} {self.text}", keep=NEWLINES)


def worker_of(lines: Iterable[LogLine]) -> int | None:
    """Return the number of the worker that wrote the first of the lines with a worker; None if no worker wrote any."""
    names = (line.thread for line in lines if line.thread.startswith(_WORKER))
    return next((int(name.removeprefix(_WORKER)) for name in names), None)


def log_format(token: str) -> str:
    """Return the value of `--log-format` for logs that `LogFile` reads."""
    return f"{token} %E.%f %t %l %n %v"


class LogFile:
    """Reads Envoy's log file while it grows.

    Parameters
    ----------
    path
        The file that Envoy writes to.
    token
        The random word at the beginning of every record.
    file_names
        The original names of source files by their names in the modules, which replace those in tracebacks (default none).

    Attributes
    ----------
    lines
        The records so far.
    stray
        Text before the first record, such as an error of the dynamic loader.
    """

    def __init__(self, path: Path, token: str, file_names: Mapping[str, str] | None = None) -> None:
        self._file_names = dict(file_names or {})
        self.lines: list[LogLine] = []
        self.stray = ""
        self._token = token.encode() + b" "
        self._file = path.open("rb")
        self._rest = b""
        self._threads: dict[int, str] = {}

    def name_threads(self, names: dict[int, str]) -> None:
        """Set the names of threads by their operating system ids."""
        self._threads.update(names)

    def read(self, *, final: bool = False) -> list[LogLine]:
        """Return the records that were added since the last call, and add them to `lines`.

        Envoy writes each record at once, so all records are complete if the file ends with a line break.

        Parameters
        ----------
        final
            Also accept an incomplete record at the end (default False).
        """
        self._rest += self._file.read()
        if not final and not self._rest.endswith(b"\n"):
            return []
        whole, self._rest = self._rest.removesuffix(b"\n"), b""
        records = (b"\n" + whole).split(b"\n" + self._token)
        self._continue(to_text(records[0][1:]))
        fresh = [line for record in records[1:] if (line := self._parse(record)) is not None]
        self.lines += fresh
        return fresh

    def close(self) -> None:
        """Close the file. `lines` stays available."""
        self._file.close()

    def _continue(self, text: str) -> None:
        """Keep text before the first token: it is the rest of a record that was written in two pieces, or stray output."""
        if not text:
            return
        if self.lines and self.lines[-1].from_guest:
            self.lines[-1] = replace(self.lines[-1], text=self.lines[-1].text + "\n" + text)
        else:
            self.stray += text

    def _parse(self, record: bytes) -> LogLine | None:
        parts = record.split(b" ", 4)
        if len(parts) < 5:
            return None
        time, thread, level, logger = (p.decode() for p in parts[:4])
        text, prefix = _guest(to_text(parts[4]))
        if prefix is not None:
            text = with_original_names(text, self._file_names)
        name = self._threads.get(int(thread), f"thread-{thread}")
        return LogLine(float(time), LOG_LEVELS.get(level, LogLevel.INFO), text, name, logger, prefix)


def _guest(text: str) -> tuple[str, str | None]:
    """Split a line `wasm log a b: text` into text and prefix. The prefix is None for Envoy's own lines."""
    if not text.startswith((_GUEST + ":", _GUEST + " ")):
        return text, None
    prefix, _, guest_text = text.removeprefix(_GUEST).partition(": ")
    return guest_text, prefix.strip()
