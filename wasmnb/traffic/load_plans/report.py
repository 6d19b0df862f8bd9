"""The report of a load plan, with results for the whole run and for each route, phase and interval of time."""

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

#: Number of intervals in the timeline.
_INTERVALS = 60


@dataclass
class LoadPart:
    """Results of a route, a phase or an interval of a load run. Requests are assigned by the time at which they were due.

    Attributes
    ----------
    name
        Name of the route or phase. Empty for an interval.
    begins
        Beginning of the phase or interval, in virtual seconds since the start of the run.
    seconds
        Duration of the phase or interval in virtual seconds.
    sent
        Number of requests that were due, including those that haven't ended.
    requests
        Times from when a request was due until it ended, in virtual nanoseconds.
    statuses
        Number of responses by status. 0 means that the connection was closed.
    errors
        Number of 5xx responses, closed connections and timeouts.
    timeouts
        Number of requests that timed out.
    request_bytes, response_bytes
        Total size of the bodies in bytes.
    in_flight
        Number of requests without a response at the end of an interval.
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
        """Add an exchange that has ended. `timed_out` states whether the client gave up."""
        response = exchange.response
        self.requests.record(round(exchange.duration * 1e9))
        self.statuses[response.status if response is not None else 0] += 1
        self.errors += is_error(exchange)
        self.timeouts += timed_out
        self.request_bytes += len(exchange.request.body)
        self.response_bytes += len(response.body) if response is not None else 0

    def as_dict(self) -> dict[str, Any]:
        """Return the results as a dictionary for JSON. Times are in seconds."""
        return {
            "name": self.name, "begins": self.begins, "seconds": self.seconds, "sent": self.sent, "count": self.count,
            "errors": self.errors, "timeouts": self.timeouts, "request_bytes": self.request_bytes,
            "response_bytes": self.response_bytes, **self.requests.summary(),
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
        }  # fmt: skip


#: The route, the phase and the interval to which a request is added.
Parts = tuple[LoadPart, LoadPart, LoadPart]


def is_error(exchange: Exchange) -> bool:
    """Return whether the response of an exchange is 5xx, incomplete or missing."""
    response = exchange.response
    return response is None or not response.status or response.status >= 500 or response.reset


class PlanReport(LoadReport):
    """Results of a load plan. The attributes inherited from `LoadReport` cover all requests.

    Attributes
    ----------
    plan
        The plan of the run.
    origin
        Virtual time of the proxy at the start of the run, in seconds.
    sent
        Number of requests that were sent, including those that were interrupted. `count` doesn't include the latter.
    routes
        Results by name of the route.
    phases
        Results of each phase.
    timeline
        Results of each interval. The run is divided into intervals of equal length.
    timeouts
        Number of requests that timed out.
    errors
        Number of 5xx responses, closed connections and timeouts.
    stopped
        The stop condition that ended the run early, as a sentence. Empty if there was none.
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
        """Return the route, the phase and the interval to which a request is added.

        Parameters
        ----------
        route
            Name of the route.
        phase
            Index of the phase.
        moment
            Time at which the request is due, in virtual seconds since the start of the run.
        """
        interval = self.timeline[min(int(moment / self.interval), _INTERVALS - 1)]
        return self.routes.setdefault(route, LoadPart(route)), self.phases[phase], interval

    def as_dict(self) -> dict[str, Any]:
        """Return all results as a dictionary for JSON. Times are in seconds."""
        names = ("sent", "errors", "timeouts", "stopped")
        parts = {"routes": self.routes.values(), "phases": self.phases, "timeline": self.timeline}
        return {
            **super().as_dict(),
            **{name: getattr(self, name) for name in names},
            **{name: [part.as_dict() for part in values] for name, values in parts.items()},
        }

    def __repr__(self) -> str:
        return super().__repr__().replace("LoadReport", "PlanReport", 1)
