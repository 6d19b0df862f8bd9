"""A TCP connection through the real Envoy: the bytes of the client and the upstream, and the filters' log lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..log import EnvoyCrash, LogLine, worker_of

__all__ = ["EnvoyTcpExchange"]


class EnvoyTcpExchange:
    """Record of a TCP connection through the real Envoy. It satisfies `TcpExchangeInterface`.

    Parameters
    ----------
    number
        Number of the exchange.
    read_log, read_upstream
        Functions that return the log lines since the connection was opened, and the bytes that the upstream has received since
        then.

    Attributes
    ----------
    number
        Position among the proxy's requests and connections, from 1.
    sent, sent_chunks
        Bytes that the client has sent, as a whole and with one entry for each `send`.
    half_closed
        Whether the client has closed its side but continues to read.
    closed_by_proxy
        Whether the client received the end of the connection before it closed the connection. False until the client closes it.
    done
        Whether the connection has ended in both directions. Known only when the client has closed or reset it.
    was_reset
        Whether the client has reset the connection, or has received a reset.
    crash
        Crash of Envoy that the connection caused, or None.
    notes
        Warnings. Empty for the real Envoy.
    started_at
        Time of the start in seconds since 1970.
    poll
        Function that adds the bytes that have arrived at the client. It does nothing if the client has closed the connection.
    """

    #: Whether the exchange has the filter's callbacks and hostcalls.
    reports_callbacks: ClassVar[bool] = False

    #: Events of the exchange in the trace. Envoy doesn't record a trace.
    events: ClassVar[Sequence[Any]] = ()

    #: Failure of a filter, which Envoy reports only in its log.
    failure: ClassVar[None] = None

    #: Seconds during which the worker was busy, which Envoy doesn't report.
    waited: ClassVar[float] = 0.0

    #: Description of what a filter holds back, which Envoy doesn't report.
    paused: ClassVar[str] = ""

    def __init__(self, number: int, read_log: Callable[[], list[LogLine]], read_upstream: Callable[[], bytes]) -> None:
        self.number = number
        self.sent = b""
        self.sent_chunks: list[bytes] = []
        self.half_closed = self.closed_by_proxy = self.done = self.was_reset = False
        self.crash: EnvoyCrash | None = None
        self.notes: list[str] = []
        self.poll: Callable[[], object] = lambda: None
        self._read_log, self._read_upstream = read_log, read_upstream
        self._received = b""
        self._ended = False
        self.started_at = time.time()
        self._started = time.monotonic()
        self._finished: float | None = None

    # -- the client's side --------------------------------------------------------------------------------------------

    def add_sent(self, data: bytes) -> None:
        """Record the bytes `data` that the client sends."""
        self.sent += data
        self.sent_chunks += [data] if data else []

    def add_received(self, data: bytes) -> None:
        """Record the bytes `data` that the client has received. Empty bytes are the end of the connection."""
        self._received += data
        self._ended = self._ended or not data

    def close(self) -> None:
        """Record that the client closes the connection."""
        self.closed_by_proxy, self._finished = self._ended, time.monotonic()

    def finish(self, *, done: bool) -> None:
        """Store the final log lines and bytes. `done` is whether Envoy has closed its side."""
        self.done = done
        self._ended = self._ended or done
        log, upstream = self._read_log(), self._read_upstream()
        self._read_log, self._read_upstream = lambda: log, lambda: upstream

    # -- the record ---------------------------------------------------------------------------------------------------

    @property
    def received(self) -> bytes:
        """Bytes that the client has received."""
        self.poll()
        return self._received

    @property
    def upstream_received(self) -> bytes:
        """Bytes that the upstream has received."""
        return self._read_upstream()

    @property
    def ended(self) -> bool:
        """Whether the client has received the end of the connection, or Envoy has closed it after the client did."""
        self.poll()
        return self._ended

    @property
    def log(self) -> list[LogLine]:
        """Log lines that filters and Envoy's Wasm host have written during the connection."""
        return self._read_log()

    @property
    def state(self) -> str:
        """State of the connection, as described in `TcpExchangeInterface`."""
        if self.crash is not None:
            return "crashed"
        if not self.done:
            return "open"
        if self.closed_by_proxy and any(line.is_failure for line in self.log):
            return "failed"
        return "reset" if self.was_reset else "done"

    @property
    def duration(self) -> float:
        """Wall-clock seconds until the client closed the connection. 0 until then."""
        return 0.0 if self._finished is None else self._finished - self._started

    @property
    def elapsed(self) -> float:
        """Wall-clock seconds until the client closed the connection, or until now if it is open."""
        return self.duration if self._finished is not None else time.monotonic() - self._started

    @property
    def body_bytes(self) -> int:
        """Total number of recorded bytes in memory."""
        return len(self.sent) + len(self._received) + len(self.upstream_received)

    @property
    def worker(self) -> int | None:
        """Number of the worker that served the connection, from 1, according to the log lines.

        None if the log lines don't show the worker.
        """
        return worker_of(self.log)

    def __repr__(self) -> str:
        sizes = f"{len(self.sent)} bytes sent, {len(self._received)} received"
        return f"<EnvoyTcpExchange {self.number}: {sizes}, {self.state}>"
