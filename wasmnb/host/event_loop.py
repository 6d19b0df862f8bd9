"""A simulation that runs: its clock steps from event to event, on behalf of whoever waits for something.

The interrupt button ends a run at once; no stream is left half-way then, and the next run finds a usable proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .._display import Shown

if TYPE_CHECKING:
    from .clock import Thread
    from .http.stream_state import StreamThread
    from .server_context import ServerContext
    from .trace.exchange import ExchangeBase
    from .worker import Worker

__all__ = ["Running"]


class Running(Shown):
    """The part of a proxy that lets virtual time pass."""

    _server: ServerContext
    workers: Sequence[Worker]

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._server.clock.now

    def advance(self, seconds: float) -> None:
        """Let virtual time pass: ticks, timeouts and late answers happen."""
        self._check_open()
        self._guarded(lambda: self._server.clock.advance(seconds))
        self._mark_paused()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Have `watcher` called between events, often; gives a function that ends it."""
        watchers = self._server.clock.watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    def _settle(self) -> None:
        self._guarded(self._server.clock.settle)

    def _run_on(self, thread: Thread, action: Callable[[], None]) -> None:
        self._server.clock.call_soon(thread, action)
        self._settle()

    def _on_worker(self, worker: StreamThread, action: Callable[[], None]) -> None:
        self._check_open()
        self._run_on(worker.thread, action)
        self._mark_paused()

    def _run_until(self, exchange: ExchangeBase, wait: float | None) -> None:
        """Run until an exchange is over, nothing can happen any more, or so much virtual time has passed."""
        self._run_while(lambda: not exchange.done, wait)
        clock = self._server.clock
        clock.now = max(clock.now, exchange.finished or 0.0)

    def _run_while(self, condition: Callable[[], bool], wait: float | None) -> None:
        clock = self._server.clock
        limit = None if wait is None else clock.now + wait

        def run() -> None:
            while condition() and clock.step(limit):
                pass

        self._guarded(run)
        self._mark_paused()

    def _guarded(self, run: Callable[[], None]) -> None:
        """Run the event loop with the interrupt button watched; leave no stream half-way if it is pressed."""
        try:
            with self._server.engine.interrupts:
                run()
        except BaseException:
            for worker in self.workers:
                worker.abandon()
            raise

    def _mark_paused(self) -> None:
        for worker in self.workers:
            for stream in worker.live:
                stream.update_exchange()

    def _check_open(self) -> None:
        """Raise if the proxy is closed."""
        raise NotImplementedError
