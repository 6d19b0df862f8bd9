"""The result of a load plan: the whole, and each route, phase and interval of time by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..distribution import Distribution
from ..harness import Harness
from ..report import LoadReport

if TYPE_CHECKING:
    from ...host import Exchange
    from .plan import LoadPlan

__all__ = ["LoadPart", "Parts", "PlanReport", "is_error"]

#: Intervals that the timeline has, approximately.
_INTERVALS = 60


@dataclass
class LoadPart:
    """Results of a part of a run: a route, a phase, or an interval of time. A request belongs to the part in which it was due.

    Attributes
    ----------
    name
        The route or phase; empty for an interval.
    begins, seconds
        Virtual seconds from the start of the run to its beginning, and the duration of a phase or interval.
    sent
        Number of requests that were due in it, finished or not.
    requests
        Distribution of the times from when a request was due until its end, in virtual nanoseconds.
    statuses
        Number of responses by status; 0 stands for a closed connection.
    errors
        Number of 5xx responses, closed connections and timeouts.
    timeouts
        Number of requests that the client gave up on.
    request_bytes, response_bytes
        Total size of the bodies in bytes.
    in_flight
        Number of requests that were waiting for a response at the end of an interval.
    """

    name: str = ""
    begins: float = 0.0
    seconds: float = 0.0
    sent: int = 0
    requests: Distribution = field(default_factory=lambda: Distribution("request"))
    statuses: Counter[int] = field(default_factory=Counter)
    errors: int = 0
    timeouts: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    in_flight: int = 0

    @property
    def count(self) -> int:
        """Number of requests that have ended."""
        return self.requests.count

    def add(self, exchange: Exchange, *, timed_out: bool) -> None:
        """Add an exchange that has ended."""
        response = exchange.response
        self.requests.record(round(exchange.duration * 1e9))
        self.statuses[response.status if response is not None else 0] += 1
        self.errors += is_error(exchange)
        self.timeouts += timed_out
        self.request_bytes += len(exchange.request.body)
        self.response_bytes += len(response.body) if response is not None else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, times in seconds, for JSON."""
        return {
            "name": self.name, "begins": self.begins, "seconds": self.seconds, "sent": self.sent, "count": self.count,
            "errors": self.errors, "timeouts": self.timeouts, "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes, **self.requests.summary(),
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
        }  # fmt: skip


#: Route, phase and interval that a request belongs to.
Parts = tuple[LoadPart, LoadPart, LoadPart]


def is_error(exchange: Exchange) -> bool:
    """Whether the response is 5xx, incomplete or missing."""
    response = exchange.response
    return response is None or not response.status or response.status >= 500 or response.reset


class PlanReport(LoadReport):
    """Results of a load plan. The attributes of `LoadReport` are about all requests.

    Attributes
    ----------
    plan
        Plan of the run.
    origin
        Virtual second of the proxy at which the run began.
    sent
        Number of requests that were sent. `count` doesn't include those that an interrupt cut off.
    routes
        Results by route.
    phases
        Results of each phase.
    timeline
        Results of short intervals of virtual time, all equally long.
    timeouts
        Number of requests that the client gave up on.
    errors
        Number of 5xx responses, closed connections and timeouts.
    stopped
        The condition that ended the run early, as a sentence, or an empty string.
    """

    def __init__(self, name: str, workers: int, plan: LoadPlan, harness: Harness) -> None:
        super().__init__(name, workers, None, harness)
        self.plan = plan
        self.routes: dict[str, LoadPart] = {}
        self.phases: list[LoadPart] = []
        begins = 0.0
        for phase in plan.all_phases:
            self.phases.append(LoadPart(phase.title, begins, phase.seconds))
            begins += phase.seconds
        self.interval = plan.seconds / _INTERVALS
        self.timeline = [LoadPart("", n * self.interval, self.interval) for n in range(_INTERVALS)]
        self.sent = self.timeouts = self.errors = 0
        self.origin = 0.0
        self.stopped = ""

    def parts(self, route: str, phase: int, moment: float) -> Parts:
        """Return the route, the phase and the interval of a request that is due at a moment of the run."""
        interval = self.timeline[min(int(moment / self.interval), _INTERVALS - 1)]
        return self.routes.setdefault(route, LoadPart(route)), self.phases[phase], interval

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers, times in seconds, for JSON."""
        names = ("sent", "errors", "timeouts", "stopped")
        parts = {"routes": self.routes.values(), "phases": self.phases, "timeline": self.timeline}
        return {
            **super().as_dict(),
            **{name: getattr(self, name) for name in names},
            **{name: [part.as_dict() for part in values] for name, values in parts.items()},
        }

    def __repr__(self) -> str:
        return super().__repr__().replace("LoadReport", "PlanReport", 1)
