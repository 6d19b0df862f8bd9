"""The event loop of a proxy, which runs events one by one until a condition is met.

Jupyter's interrupt button stops the loop immediately. Streams that were in the middle of a callback are then closed, so that
the proxy stays usable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import RLock
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from .clock import Thread
    from .server_context import ServerContext
    from .tcp.upstream_connection import EventThread
    from .trace.exchange import ExchangeBase
    from .worker import Worker

__all__ = ["EventLoop"]


class EventLoop:
    """Event loop that runs the events of all simulated threads of a proxy. Only one real thread can run it at a time.

    Parameters
    ----------
    name
        The proxy's name, for error messages.
    server
        Server context with the clock and the engine.
    main
        The main thread.
    workers
        The workers. If a run is interrupted, streams that are in the middle of a callback are closed.

    Attributes
    ----------
    main
        The main thread, which can be passed to `run_on`.
    closed
        Whether the proxy is closed and can't send requests any more.
    """

    def __init__(self, name: str, server: ServerContext, main: Thread, workers: Sequence[Worker]) -> None:
        self.name = name
        self.main = main
        self.closed = False
        self._lock = RLock()  # two threads must not be in one VM, and the engine doesn't check that
        self._engine = server.engine
        self._clock = server.clock
        self._workers = workers

    @property
    def now(self) -> float:
        """Virtual seconds since the start of the proxy."""
        return self._clock.now

    def advance(self, seconds: float) -> None:
        """Let some virtual seconds pass, and run everything that becomes due."""
        self.check_open()
        if not 0 <= seconds < math.inf:
            raise UsageError(f"seconds= must be a finite number of at least 0, not {seconds!r}.")
        self._guard(lambda: self._clock.advance(seconds))
        self._mark_paused()

    def settle(self) -> None:
        """Run all events that are due now, including the events that they cause."""
        self._guard(self._clock.settle)

    def run_until_free(self) -> None:
        """Run until no thread is busy. The clock then shows the time when the last thread became free."""
        threads = [self.main, *(worker.thread for worker in self._workers)]
        busy = max(thread.time for thread in threads)
        self._guard(lambda: self._clock.advance(max(0.0, busy - self._clock.now)))

    def run_on(self, thread: Thread, action: Callable[[], None]) -> None:
        """Run an action on a thread, including the events that it causes."""
        with self._lock:
            self._clock.call_soon(thread, action)
            self.settle()

    def run_on_worker(self, worker: EventThread, action: Callable[[], None]) -> None:
        """Run a client's action on a worker, including the events that it causes.

        Raises
        ------
        UsageError
            The proxy is closed.
        """
        self.check_open()
        self.run_on(worker.thread, action)
        self._mark_paused()

    def run_until_done(self, exchange: ExchangeBase, wait: float | None) -> None:
        """Run until an exchange is done, no event is left, or the wait is over.

        Parameters
        ----------
        wait
            Maximum virtual seconds to wait, or None for no limit.
        """
        self.run_while(lambda: not exchange.done, wait)
        self._clock.now = max(self._clock.now, exchange.finished or 0.0)

    def run_while(self, condition: Callable[[], bool], wait: float | None) -> None:
        """Run as long as a condition is true, until no event is left or the wait is over.

        Parameters
        ----------
        wait
            Maximum virtual seconds to wait, or None for no limit.
        """
        clock = self._clock
        limit = None if wait is None else clock.now + wait

        def run() -> None:
            while condition() and clock.step(limit):
                pass

        self._guard(run)
        self._mark_paused()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` between events. Return a function that stops these calls."""
        watchers = self._clock.watchers
        watchers.append(watcher)
        return lambda: watchers.remove(watcher) if watcher in watchers else None

    def check_open(self) -> None:
        """Check that the proxy isn't closed.

        Raises
        ------
        UsageError
            The proxy is closed.
        """
        if self.closed:
            raise UsageError(
                f"The proxy {self.name} is closed. Call clone() to start a new one with the same settings."
            )

    def _guard(self, run: Callable[[], None]) -> None:
        """Call `run` so that Jupyter's interrupt button can stop it. Streams that are stopped in the middle of a callback are
        closed.
        """
        with self._lock:
            try:
                with self._engine.interrupts:
                    run()
            except BaseException:
                for worker in self._workers:
                    worker.abandon()
                raise

    def _mark_paused(self) -> None:
        for worker in self._workers:
            for stream in worker.live:
                stream.update_exchange()
