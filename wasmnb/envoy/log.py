r"""Envoy's log, read back.

Envoy writes its application log to a file of ours in a format of ours: every record begins with a token that nobody
else knows, so a guest cannot forge a record by logging a line break. A record may span lines (a guest's traceback does).

    <token> 1792310400.123456 4242 info wasm wasm log auth root vm: text

Facts (Envoy 1.40): guest text reaches the `wasm` logger with a prefix: "wasm log" for the VM context, then plugin name
(streams only), root_id and vm_id, empty parts left out, then ": ". Envoy puts a source location before it only when asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..abi import LogLevel
from ..messages import to_text

__all__ = ["LogFile", "LogLine", "log_format", "worker_of"]

_LEVELS = {
    "trace": LogLevel.TRACE,
    "debug": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "warning": LogLevel.WARN,
    "error": LogLevel.ERROR,
    "critical": LogLevel.CRITICAL,
}
_GUEST = "wasm log"
_WORKER = "worker-"


@dataclass(frozen=True)
class LogLine:
    """One record of Envoy's log.

    Attributes
    ----------
    time
        Seconds since 1970, microsecond resolution.
    level
        As Envoy wrote it.
    text
        The guest's text for guest lines, Envoy's own otherwise; may hold line breaks.
    thread
        "main", "worker-1" and so on; "thread-<id>" for Envoy's helper threads.
    logger
        Envoy's logger: `wasm` for guests and for the Wasm host, `main`, `config` ...
    prefix
        What Envoy prints before a guest's text ("plugin root_id vm_id"); None for Envoy's own lines.
    """

    time: float
    level: LogLevel
    text: str
    thread: str
    logger: str = "wasm"
    prefix: str | None = None

    @property
    def from_guest(self) -> bool:
        """Whether a filter wrote this line."""
        return self.prefix is not None

    @property
    def source(self) -> str:
        """`filter` for lines that a filter wrote, `envoy` for others, as in the simulated proxy's log."""
        return "filter" if self.from_guest else "envoy"

    def __str__(self) -> str:
        """`info worker-1 (auth root) text`."""
        who = f"({self.prefix})" if self.prefix else f"<{self.logger}>"
        return f"{self.level.name.lower():8} {self.thread:9} {who} {self.text}"


def worker_of(lines: Iterable[LogLine]) -> int | None:
    """Return the number of the first worker that wrote one of the lines; None if none did."""
    names = (line.thread for line in lines if line.thread.startswith(_WORKER))
    return next((int(name.removeprefix(_WORKER)) for name in names), None)


def log_format(token: str) -> str:
    """Envoy's `--log-format` that `LogFile` reads."""
    return f"{token} %E.%f %t %l %n %v"


class LogFile:
    """Reads a growing log file from where it last stopped.

    Parameters
    ----------
    path
        The file that Envoy's stderr goes to.
    token
        First word of every record.
    """

    def __init__(self, path: Path, token: str) -> None:
        self.lines: list[LogLine] = []
        self.stray = ""  # what stands before the first record: a loader's message, a usage error
        self._token = token.encode() + b" "
        self._file = path.open("rb")
        self._rest = b""
        self._threads: dict[int, str] = {}

    def name_threads(self, names: dict[int, str]) -> None:
        """Tell which operating system thread is which of Envoy's."""
        self._threads.update(names)

    def read(self, *, final: bool = False) -> list[LogLine]:
        """Read what was added; the new records are returned and kept in `lines`.

        A record ends where the next begins or with a line break at the end of what has been written; Envoy writes a
        record in one piece, so a file that ends in a line break holds whole records only. `final` takes the rest as is.
        """
        self._rest += self._file.read()
        if not final and not self._rest.endswith(b"\n"):
            return []
        whole, self._rest = self._rest.removesuffix(b"\n"), b""
        pieces = (b"\n" + whole).split(b"\n" + self._token)
        self._continue(to_text(pieces[0][1:]))
        fresh = [line for piece in pieces[1:] if (line := self._parse(piece)) is not None]
        self.lines += fresh
        return fresh

    def close(self) -> None:
        """Stop reading; `lines` stays."""
        self._file.close()

    def _continue(self, text: str) -> None:
        """Text before the first token of a piece: what a write in two pieces left, or what no logger wrote."""
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
        name = self._threads.get(int(thread), f"thread-{thread}")
        return LogLine(float(time), _LEVELS.get(level, LogLevel.INFO), text, name, logger, prefix)


def _guest(text: str) -> tuple[str, str | None]:
    """Split a guest line into text and prefix: `wasm log a b: text`."""
    if not text.startswith((_GUEST + ":", _GUEST + " ")):
        return text, None
    prefix, _, said = text.removeprefix(_GUEST).partition(": ")
    return said, prefix.strip()
