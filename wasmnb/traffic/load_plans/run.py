"""The run of a load plan on a simulated proxy.

Coordinated omission: a client that waits for a slow response sends nothing meanwhile, and so measures few of the requests
that would have been slow. In open phases the times of the requests are fixed beforehand, and the measured time of a request
begins when it is due, even if its worker is busy then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from ..harness import measure_harness
from .plan import LoadPlan, LoadSession
from .report import Parts, PlanReport
from .schedule import beginnings, phase_at, user_starts
from .session import SessionRun, drawn
from .stop import StopCheck

if TYPE_CHECKING:
    from ...host import Exchange, Proxy

__all__ = ["run_plan"]

#: Requests between two readings of the trace, which keeps a limited number of events.
BATCH = 250

#: Real seconds between two reports of the progress.
REPORT_INTERVAL = 0.25


def run_plan(
    proxy: Proxy,
    plan: LoadPlan,
    *,
    seed: int = 0,
    progress: Callable[[PlanReport], None] | None = None,
    events: bool = False,
) -> PlanReport:
    """Run a load plan on a simulated proxy.

    Parameters
    ----------
    proxy
        The simulated proxy that gets the requests.
    plan
        The plan to run.
    seed
        Seed of the arrival times, the mix and the sizes (default 0).
    progress
        Called with the report so far, about four times a second (default none).
    events
        As for `load`.

    Returns
    -------
    PlanReport
        After an interrupt, the report of the requests that had ended by then.

    Raises
    ------
    UsageError
        The proxy is closed, or has only network filters.
    """
    from ...host.plugins.plugin import require_http

    require_http(proxy.plugins)
    report = PlanReport(proxy.name, len(proxy.workers), plan, measure_harness())
    report.begin(proxy, events=events)
    run = PlanRun(proxy, plan, report, seed, progress)
    started = time.perf_counter()
    with suppress(KeyboardInterrupt):
        report.interrupted = True
        run.run()
        report.interrupted = False
    run.close()
    report.end(proxy)
    report.real_seconds = time.perf_counter() - started
    report.virtual_seconds = proxy.now - run.origin
    return report


class PlanRun:
    """A load plan that is running.

    Attributes
    ----------
    origin
        Virtual second at which the run began.
    random
        Source of randomness.
    proxy, plan
        The proxy and the plan.
    """

    def __init__(
        self,
        proxy: Proxy,
        plan: LoadPlan,
        report: PlanReport,
        seed: int,
        progress: Callable[[PlanReport], None] | None,
    ) -> None:
        self.proxy, self.plan = proxy, plan
        self.origin = report.origin = proxy.now
        self.random = Random(seed)  # noqa: S311 -- a load, not secrets
        self._moments = Random(seed)  # noqa: S311 -- by itself, so that the mix doesn't change the moments
        self._report = report
        self._progress = progress
        self._phases = plan.all_phases
        self._sessions = plan.sessions
        self._weights = [session.weight for session in self._sessions]
        self._stop = StopCheck(plan.stop)
        self._done: list[tuple[Exchange, Parts, bool]] = []
        self._shown = time.perf_counter()
        self._running = 0  # sessions and users that have not ended, and those that are yet to begin
        self._in_flight = 0
        self._session_number = 0
        self._closed = False

    # -- the run ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until all phases are over and every request has ended, or a condition stops it."""
        gaps = beginnings(self._phases, self._moments, even=self.plan.arrivals == "even")
        self._begin_next(gaps)
        for begins, ends in user_starts(self._phases):
            self._running += 1
            self.later(begins, lambda ends=ends: self._user(ends))  # type: ignore[misc]
        while self._running and not self._report.stopped:
            before = self._report.sent, self._running
            self.proxy.loop.run_while(self._goes_on, None)
            self._collect()
            self._show()
            if before == (self._report.sent, self._running) and not self._in_flight:
                break  # nothing happens any more
        if self.full and not self._report.stopped:
            self._report.stopped = f"{self._report.sent:,} requests were sent."

    def close(self) -> None:
        """End the run: sessions that still run send nothing more, and what has ended is counted."""
        self._closed = True
        self._collect()

    def _goes_on(self) -> bool:
        return len(self._done) < BATCH and self._running > 0

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action of a client after some virtual seconds, unless the run has ended by then."""
        self.proxy.call_later(max(seconds, 1e-9), lambda: None if self._closed else action())

    @property
    def full(self) -> bool:
        """Whether all requests that the plan allows were sent."""
        limit = self.plan.stop.requests
        return limit is not None and self._report.sent >= limit

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start of the run, now."""
        return self.proxy.server.clock.time() - self.origin

    # -- sessions -----------------------------------------------------------------------------------------------------

    def _begin_next(self, moments: Iterator[float]) -> None:
        """Schedule the next session of the open phases, which schedules the one after it."""
        moment = None if self.full else next(moments, None)
        if moment is None:
            return
        self._running += 1

        def begin() -> None:
            self._begin_next(moments)
            self._session(moment - self.elapsed, self._ended)

        self.later(moment - self.elapsed, begin)

    def _user(self, ends: float) -> None:
        """Run one session of a user, and the next one after it, until the user stops."""
        if self.full or self.elapsed >= ends:
            self._ended()
            return
        again = lambda: self.later(drawn(self.random, self.plan.think), lambda: self._user(ends))  # noqa: E731
        self._session(0.0, again)

    def _session(self, after: float, ended: Callable[[], None]) -> None:
        session: LoadSession = self.random.choices(self._sessions, self._weights)[0]
        self._session_number += 1
        SessionRun(self, session, self._session_number, ended).send(max(after, 0.0))

    def _ended(self) -> None:
        self._running -= 1

    def sent(self, route: str, after: float) -> Parts:
        """Note that a request is sent, and return its place in the report."""
        moment = self.elapsed + after
        report = self._report
        parts = report.parts(route, phase_at(self._phases, moment), moment)
        report.sent += 1
        self._in_flight += 1
        for part in parts:
            part.sent += 1
        return parts

    @property
    def number(self) -> int:
        """Number of requests that were sent."""
        return self._report.sent

    def done(self, exchange: Exchange, parts: Parts, *, timed_out: bool) -> None:
        """Note that a request has ended."""
        self._in_flight -= 1
        parts[2].in_flight = self._in_flight
        if not self._closed:
            self._done.append((exchange, parts, timed_out))

    # -- results ------------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Add the requests that have ended to the report, and check the conditions."""
        report, done = self._report, self._done
        self._done = []
        report.collect(self.proxy, [exchange for exchange, _, _ in done])
        for exchange, parts, timed_out in done:
            report.timeouts += timed_out
            for part in parts:
                part.add(exchange, timed_out=timed_out)
        report.errors = sum(part.errors for part in report.phases)
        report.stopped = report.stopped or self._stop.reason([exchange for exchange, _, _ in done], report)

    def _show(self) -> None:
        if self._progress is not None and time.perf_counter() - self._shown >= REPORT_INTERVAL:
            self._shown = time.perf_counter()
            self._progress(self._report)
