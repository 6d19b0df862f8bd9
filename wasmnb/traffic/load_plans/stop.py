"""Check the stop conditions of a load run, except the maximum number of requests, which `PlanRun` checks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..distribution import Distribution
from .plan import LoadStop
from .report import is_error

if TYPE_CHECKING:
    from ...host import Exchange
    from .report import PlanReport

__all__ = ["StopCheck"]

#: Number of recent requests for which the share of errors and the p99 are calculated.
_RECENT = 250

#: Minimum number of recent requests for these calculations.
_ENOUGH = 50


class StopCheck:
    """The stop conditions of a load run, and the recent requests for which they are checked.

    Parameters
    ----------
    stop
        Stop conditions of the plan.
    """

    def __init__(self, stop: LoadStop) -> None:
        self._stop = stop
        self._started = time.perf_counter()
        self._recent: deque[tuple[bool, int]] = deque(maxlen=_RECENT)

    def reason(self, done: Iterable[Exchange], report: PlanReport) -> str:
        """Return a sentence about the stop condition that is met, or an empty string if none is.

        Parameters
        ----------
        done
            Requests that have ended since the last call.
        report
            The report of the run so far.
        """
        stop = self._stop
        self._recent.extend((is_error(exchange), round(exchange.duration * 1e9)) for exchange in done)
        if stop.failures is not None and report.failed >= stop.failures:
            return f"A filter failed in {report.failed:,} requests."
        spent = time.perf_counter() - self._started
        if stop.real_seconds is not None and spent >= stop.real_seconds:
            return f"{spent:.1f} real seconds have passed."
        return self._recent_reason() or self._own_reason(report)

    def _recent_reason(self) -> str:
        stop, number = self._stop, len(self._recent)
        if number < _ENOUGH:
            return ""
        share = sum(error for error, _ in self._recent) / number
        if stop.errors is not None and share > stop.errors:
            return f"{share:.0%} of the last {number} responses are errors."
        if stop.p99 is not None:
            p99 = Distribution("request", (nanoseconds for _, nanoseconds in self._recent)).quantile(0.99) / 1e9
            if p99 > stop.p99:
                return f"The p99 of the last {number} requests is {p99:.3g} s."
        return ""

    def _own_reason(self, report: PlanReport) -> str:
        verdict = self._stop.when(report) if self._stop.when is not None else False
        return verdict if isinstance(verdict, str) else "The stop condition when= was met." if verdict else ""
