"""Run a load plan on a simulated proxy.

Open phases avoid coordinated omission: clients that wait for a slow response would send too few requests during the wait. So
the times of the requests are fixed in advance, and the latency of a request is measured from the time at which it is due, even
if its worker is busy then.
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

#: Number of requests after which the trace is read, because it keeps a limited number of events.
BATCH = 250

#: Minimum number of real seconds between two calls of `progress`.
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
        The simulated proxy to send the requests to.
    plan
        The plan to run.
    seed
        Seed of the arrival times, the mix and the body sizes (default 0).
    progress
        Function that is called with the report so far, about four times a second (default None).
    events
        As for `load`.

    Returns
    -------
    PlanReport
        The results. After an interrupt, the report covers the requests that have ended.

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
    """A running load plan.

    Attributes
    ----------
    origin
        Virtual time of the proxy at the start of the run, in seconds.
    random
        Random numbers for the mix, think times and bodies.
    proxy
        The proxy that the requests are sent to.
    plan
        The plan of the run.
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
        self._moments = Random(seed)  # noqa: S311 -- separate, so that the arrival times don't depend on the mix
        self._report = report
        self._progress = progress
        self._phases = plan.all_phases
        self._sessions = plan.sessions
        self._weights = [session.weight for session in self._sessions]
        self._stop = StopCheck(plan.stop)
        self._done: list[tuple[Exchange, Parts, bool]] = []
        self._shown = time.perf_counter()
        self._running = 0  # sessions and users that haven't ended or haven't begun
        self._in_flight = 0
        self._session_number = 0
        self._closed = False

    # -- the run ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run until all phases are over and all requests have ended, or until a stop condition is met."""
        gaps = beginnings(self._phases, self._moments, even=self.plan.arrivals == "even")
        self._begin_next(gaps)
        for begins, ends in user_starts(self._phases):
            self._running += 1
            self.call_later(begins, lambda ends=ends: self._user(ends))  # type: ignore[misc]
        while self._running and not self._report.stopped:
            before = self._report.sent, self._running
            self.proxy.loop.run_while(self._goes_on, None)
            self._collect()
            self._show()
            if before == (self._report.sent, self._running) and not self._in_flight:
                break  # no further event can occur
        if self.full and not self._report.stopped:
            self._report.stopped = f"{self._report.sent:,} requests were sent."

    def close(self) -> None:
        """End the run. Sessions send no further requests, and the exchanges that have ended are added to the report."""
        self._closed = True
        self._collect()

    def _goes_on(self) -> bool:
        return len(self._done) < BATCH and self._running > 0

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` after a number of virtual seconds. It is not called if the run has ended by then."""
        self.proxy.call_later(max(seconds, 1e-9), lambda: None if self._closed else action())

    @property
    def full(self) -> bool:
        """Whether the maximum number of requests in the plan's stop conditions has been sent."""
        limit = self.plan.stop.requests
        return limit is not None and self._report.sent >= limit

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.proxy.server.clock.time() - self.origin

    # -- sessions -----------------------------------------------------------------------------------------------------

    def _begin_next(self, moments: Iterator[float]) -> None:
        """Schedule the next session of the open phases. When it begins, it schedules the session that follows."""
        moment = None if self.full else next(moments, None)
        if moment is None:
            return
        self._running += 1

        def begin() -> None:
            self._begin_next(moments)
            self._session(moment - self.elapsed, self._ended)

        self.call_later(moment - self.elapsed, begin)

    def _user(self, ends: float) -> None:
        """Run sessions of a user of a closed phase, one after the other, until `ends` (virtual seconds since the start)."""
        if self.full or self.elapsed >= ends:
            self._ended()
            return
        again = lambda: self.call_later(drawn(self.random, self.plan.think), lambda: self._user(ends))  # noqa: E731
        self._session(0.0, again)

    def _session(self, after: float, ended: Callable[[], None]) -> None:
        session: LoadSession = self.random.choices(self._sessions, self._weights)[0]
        self._session_number += 1
        SessionRun(self, session, self._session_number, ended).send(max(after, 0.0))

    def _ended(self) -> None:
        self._running -= 1

    def sent(self, route: str, after: float) -> Parts:
        """Count a request that is sent in `after` virtual seconds, and return the parts of the report for its result."""
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
        """Number of requests that have been sent."""
        return self._report.sent

    def done(self, exchange: Exchange, parts: Parts, *, timed_out: bool) -> None:
        """Record a request that has ended.

        Parameters
        ----------
        exchange
            The exchange of the request.
        parts
            Parts of the report to add the result to.
        timed_out
            Whether the client gave up.
        """
        self._in_flight -= 1
        parts[2].in_flight = self._in_flight
        if not self._closed:
            self._done.append((exchange, parts, timed_out))

    # -- results ------------------------------------------------------------------------------------------------------

    def _collect(self) -> None:
        """Add the requests that have ended to the report, and check the stop conditions."""
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
