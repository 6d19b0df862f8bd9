r"""Reading of Envoy's log file.

Envoy writes its application log to a temporary file in the format from `log_format`. Every record begins with a random token,
so that a filter can't forge a record by logging a line break. A record can have several lines, such as a traceback.

    <token> 1792310400.123456 4242 info wasm wasm log auth root vm: text

In Envoy 1.40, a filter's text reaches the `wasm` logger with a prefix. The prefix is "wasm log", then the plugin's name (only
in streams), root_id and vm_id if they aren't empty, then ": ". In the VM context, the prefix is only "wasm log".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .._display import NEWLINES, visible
from ..abi import LogLevel
from ..compiler.dependencies.portable_names import with_original_names
from ..host.settings import LOG_LEVELS
from ..messages import to_text

__all__ = ["EnvoyCrash", "LogFile", "LogLine", "log_format", "worker_of"]

_GUEST = "wasm log"
_WORKER = "worker-"


#: Pattern of Envoy's line about a module's function that has failed.
_FAILURE = re.compile(r"Function: \S+ failed: ")


@dataclass(frozen=True)
class EnvoyCrash:
    """A crash of the Envoy process.

    Attributes
    ----------
    text
        Errors that Envoy logged when it crashed, or its exit code.
    """

    text: str


@dataclass(frozen=True)
class LogLine:
    """One record of Envoy's log.

    Attributes
    ----------
    time
        Seconds since 1970, with microseconds.
    level
        Level of the record.
    text
        Text of the filter without the prefix, or Envoy's own text. It can contain line breaks.
    thread
        Thread that wrote the record: "main", "worker-1" and so on, or "thread-<id>" for Envoy's other threads.
    logger
        Name of Envoy's logger: "wasm" for filters and the Wasm host, or "main", "config" and others.
    prefix
        Envoy's prefix for a filter's text ("plugin root_id vm_id"), or None for Envoy's own lines.
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
        """Source of the line, as in the simulated proxy's log: "filter" or "envoy"."""
        return "filter" if self.from_guest else "envoy"

    @property
    def is_failure(self) -> bool:
        """Whether Envoy reports the failure of a module's function in this line."""
        return not self.from_guest and _FAILURE.match(self.text) is not None

    def __str__(self) -> str:
        """Return the line as text, such as `info worker-1 (auth root) text`."""
        writer = f"({self.prefix})" if self.prefix else f"<{self.logger}>"
        return visible(f"{self.level.name.lower():8} {self.thread:9} {writer} {self.text}", keep=NEWLINES)


def worker_of(lines: Iterable[LogLine]) -> int | None:
    """Return the number of the first worker that wrote one of the lines, or None if no worker wrote any."""
    names = (line.thread for line in lines if line.thread.startswith(_WORKER))
    return next((int(name.removeprefix(_WORKER)) for name in names), None)


def log_format(token: str) -> str:
    """Return the value of Envoy's `--log-format` that makes its log readable for `LogFile`."""
    return f"{token} %E.%f %t %l %n %v"


class LogFile:
    """Reader of Envoy's log file while the file grows.

    Parameters
    ----------
    path
        Path of the file to which Envoy writes.
    token
        Random word at the beginning of every record.
    file_names
        Original names of source files by their names in the modules. Tracebacks contain the original names (default None).

    Attributes
    ----------
    lines
        Records that have been read so far.
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
        """Set the names of Envoy's threads by their ids in the operating system."""
        self._threads.update(names)

    def read(self, *, final: bool = False) -> list[LogLine]:
        """Read the records that were added since the last call, add them to `lines`, and return them.

        Envoy writes each record in one step, so all records are complete if the file ends with a line break.

        Parameters
        ----------
        final
            Whether to accept an incomplete record at the end of the file (default False).
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
        """Close the file. The attribute `lines` stays available."""
        self._file.close()

    def _continue(self, text: str) -> None:
        """Store text before the first token.

        The text is the rest of a record that was written in two steps, or output of another source.
        """
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
    """Split a line such as `wasm log a b: text` into text and prefix. The prefix is None for Envoy's own lines."""
    if not text.startswith((_GUEST + ":", _GUEST + " ")):
        return text, None
    prefix, _, guest_text = text.removeprefix(_GUEST).partition(": ")
    return guest_text, prefix.strip()
