"""`record`: write the exchanges of a proxy to a file as they end."""

from __future__ import annotations

import secrets
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, Self

from ..._display import visible
from ...errors import UsageError
from ...host.proxy_interface import ProxyInterface
from .masking import mask as mask_secrets
from .readers.own_format import encode_line
from .writers import recording_path, to_recorded, write_traffic

__all__ = ["Recording", "record"]

#: Maximum number of unfinished exchanges. If there are more, the oldest is written in its current state, so that a paused
#: stream doesn't delay the others forever.
_WAITING = 1000


class Recording:
    """A running recording, created by `record`. It ends with `close()` or at the end of a `with` block.

    A `.jsonl` file is written after each exchange, so that nothing is lost after a crash. A `.har` file is written at the end.
    If the disk is full, the recording ends with a warning, and the traffic continues.

    Attributes
    ----------
    path
        Path of the file.
    count
        Number of exchanges that have been written.
    masked
        Number of masked secrets, by the place where they occurred.
    left_out
        Number of exchanges missing from the file, because the proxy discarded them before they were written.
    problem
        Reason why the recording ended early. Empty if it didn't.
    """

    def __init__(self, proxy: ProxyInterface, path: Path, *, mask: bool) -> None:
        self.path = path
        self.count = self.left_out = 0
        self.masked: Counter[str] = Counter()
        self.problem = ""
        self._proxy = proxy
        self._mask = mask
        self._lock = Lock()
        self._seen = proxy.exchanges.total
        self._waiting: list[Any] = []
        self._part = (
            path if path.suffix == ".jsonl" else path.with_name(f".{path.name}.{secrets.token_hex(4)}.part.jsonl")
        )
        try:
            self._file = self._part.open("wb")
        except OSError as error:
            raise UsageError(
                f"The recording {str(path)!r} can't be written: {error.strerror or error}. Choose another path."
            ) from None
        self._stop: Callable[[], None] = proxy.watch(self._look) if hasattr(proxy, "watch") else lambda: None

    @property
    def closed(self) -> bool:
        """Whether the recording has ended."""
        return self._file.closed

    def _look(self) -> None:
        """Write the exchanges that have ended. Called by the proxy between two events."""
        if self._seen != self._proxy.exchanges.total or (self._waiting and self._waiting[0].done):
            self.update()

    def update(self) -> None:
        """Write the exchanges that have ended since the last call."""
        with self._lock:
            if not self.closed:
                self._take()
                with self._disk_errors():
                    self._write(final=False)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        """End the recording with a warning if writing to the file fails."""
        try:
            yield
        except OSError as error:
            self.problem = error.strerror or str(error)
            self._stop()
            with suppress(OSError):
                self._file.close()
            text = f"The recording {visible(str(self.path))!r} ended after {self.count:,} exchanges: {self.problem}."
            warnings.warn(text, stacklevel=3)

    def _take(self) -> None:
        exchanges = self._proxy.exchanges
        fresh = exchanges.total - self._seen
        kept = [exchange for exchange in list(exchanges)[-fresh:] if exchange.number > self._seen] if fresh else []
        self.left_out += fresh - len(kept)
        self._seen = exchanges.total
        self._waiting += kept

    def _write(self, *, final: bool) -> None:
        """Write the exchanges that have ended, or all exchanges if `final` is True, in the order in which they began."""
        waiting = self._waiting
        ended = 0
        while ended < len(waiting) and (final or getattr(waiting[ended], "done", True) or len(waiting) > _WAITING):
            self._line(waiting[ended])
            ended += 1
        del waiting[:ended]
        if ended:
            self._file.flush()

    def _line(self, exchange: Any) -> None:
        recorded = to_recorded(exchange)
        if recorded is not None:
            self._file.write(encode_line(mask_secrets(recorded, self.masked) if self._mask else recorded))
            self.count += 1

    def close(self) -> None:
        """End the recording. Exchanges that haven't ended are written in their current state."""
        self._stop()
        with self._lock:
            if self.closed:
                return
            self._take()
            with self._disk_errors():
                self._write(final=True)
                self._file.close()
        if self._part != self.path and not self.problem:
            from .traffic import read_traffic

            write_traffic(read_traffic(self._part, mask=False), self.path, mask=False)
            self._part.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "recording"
        return f"<Recording of {visible(self._proxy.name)} to {visible(str(self.path))}: {self.count:,} exchanges, {state}>"


def record(proxy: ProxyInterface, path: str | PathLike[str], *, mask: bool = True) -> Recording:
    """Start writing all further exchanges of a proxy to a file. Requests of all clients are recorded.

        with wasmnb.record(proxy, "day.jsonl") as recording:
            ...

    Parameters
    ----------
    proxy
        A simulated proxy or a `wasmnb.Envoy`. (The parameter `record` of `Envoy` uses Envoy's tap filter instead.)
    path
        Path of a `.jsonl` or `.har` file, which `read_traffic` can read.
    mask
        Whether to replace secrets by `***` (default True).

    Returns
    -------
    Recording
        The running recording. It ends with `close()`, or at the end of a `with` block.

    Raises
    ------
    UsageError
        The suffix of `path` is not `.jsonl` or `.har`, or the file can't be written.
    """
    target = recording_path(path)
    if not hasattr(proxy, "exchanges"):
        raise UsageError(f"record() requires a Proxy or an Envoy, not {type(proxy).__name__}.")
    return Recording(proxy, target, mask=mask)
