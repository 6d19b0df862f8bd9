"""The event loop of a proxy: it steps the clock from event to event until a condition holds.

Jupyter's interrupt button ends a run immediately. Streams that were in the middle of a callback are closed, so that the proxy
stays usable.
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
    """Runs the events of all simulated threads of a proxy. Only one real thread at a time runs them.

    Parameters
    ----------
    name
        The proxy's name, for error messages.
    server
        Holds the clock and the engine.
    main
        The main thread.
    workers
        The workers, whose streams are cut off if a run is interrupted.

    Attributes
    ----------
    main
        The main thread, for `run_on`.
    closed
        Whether the proxy is closed, so that nothing can be sent.
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
        """Virtual seconds since the start."""
        return self._clock.now

    def advance(self, seconds: float) -> None:
        """Let virtual seconds pass, and run everything that becomes due."""
        self.check_open()
        if not 0 <= seconds < math.inf:
            raise UsageError(f"seconds must be a finite number of at least 0, not {seconds!r}.")
        self._guard(lambda: self._clock.advance(seconds))
        self._mark_paused()

    def settle(self) -> None:
        """Run everything that is due now, and the events that follow from it."""
        self._guard(self._clock.settle)

    def run_until_free(self) -> None:
        """Run until no thread is busy. Then the clock shows the time at which the last one became free."""
        threads = [self.main, *(worker.thread for worker in self._workers)]
        busy = max(thread.time for thread in threads)
        self._guard(lambda: self._clock.advance(max(0.0, busy - self._clock.now)))

    def run_on(self, thread: Thread, action: Callable[[], None]) -> None:
        """Run an action on a thread, and the events that follow from it."""
        with self._lock:
            self._clock.call_soon(thread, action)
            self.settle()

    def run_on_worker(self, worker: EventThread, action: Callable[[], None]) -> None:
        """Run an action of a client on a worker, and the events that follow from it.

        Raises
        ------
        UsageError
            The proxy is closed.
        """
        self.check_open()
        self.run_on(worker.thread, action)
        self._mark_paused()

    def run_until_done(self, exchange: ExchangeBase, wait: float | None) -> None:
        """Run until an exchange is done, no event is left, or the time is over.

        Parameters
        ----------
        wait
            Virtual seconds at most; None for no limit.
        """
        self.run_while(lambda: not exchange.done, wait)
        self._clock.now = max(self._clock.now, exchange.finished or 0.0)

    def run_while(self, condition: Callable[[], bool], wait: float | None) -> None:
        """Run while a condition holds, an event is left, and the time isn't over.

        Parameters
        ----------
        wait
            Virtual seconds at most; None for no limit.
        """
        clock = self._clock
        limit = None if wait is None else clock.now + wait

        def run() -> None:
            while condition() and clock.step(limit):
                pass

        self._guard(run)
        self._mark_paused()

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` between events. Return a function that stops the calls."""
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
            raise UsageError(f"The proxy {self.name} is closed. Start a new one like it with clone().")

    def _guard(self, run: Callable[[], None]) -> None:
        """Run so that Jupyter's interrupt button works. Cut off the streams that it stops in the middle of a callback."""
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
