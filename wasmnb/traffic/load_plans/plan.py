"""Dataclasses that describe a load run: the requests, the phases in which they are sent, and the stop conditions.

An *open* phase has a rate. Its sessions begin at times that don't depend on the responses, like the visitors of a site. A
*closed* phase has users. Each user waits for a response before sending the next request, like a pool of clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...messages import HeadersLike, Text

if TYPE_CHECKING:
    from .report import PlanReport

__all__ = ["DurationRange", "LoadPhase", "LoadPlan", "LoadRequest", "LoadSession", "LoadStop"]

#: A number, or the lower and upper bound of a random number.
DurationRange = float | tuple[float, float]


@dataclass(frozen=True)
class LoadRequest:
    """A kind of request in a load plan.

    In the path, header values and body, `{number}` is replaced by the number of the request, `{user}` by the number of the
    session, and `{random}` by eight random hexadecimal digits.

    Attributes
    ----------
    path, method, headers, body, authority
        Parts of the request (default `/`, GET, no headers, no body, `example.com`).
    size
        Size of a random body in bytes: a number, or a pair of a lower and an upper bound (default None: `body` is sent).
    weight
        Share of the mix, relative to the other entries (default 1).
    name
        Name of the route in the report (default: the method and the path without the query).
    """

    path: str = "/"
    method: str = "GET"
    headers: HeadersLike = ()
    body: Text = b""
    authority: str = "example.com"
    size: DurationRange | None = None
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        if self.size is not None:
            _check_span("size", self.size)

    @property
    def route(self) -> str:
        """Name of the route in the report."""
        return self.name or f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True)
class LoadSession:
    """A sequence of requests that a user sends over one connection.

    Attributes
    ----------
    requests
        The requests, in order.
    think
        Virtual seconds between a response and the next request: a number, or a pair of a lower and an upper bound (default 0).
    cookies
        Whether to send back the cookies that responses have set, as a browser does (default True). They expire in virtual time.
    weight
        Share of the mix, relative to the other entries (default 1).
    name
        Prefix of the names of the routes in the report (default empty).
    """

    requests: Sequence[LoadRequest]
    think: DurationRange = 0.0
    cookies: bool = True
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        if not self.requests:
            raise UsageError("requests= of a LoadSession is empty. Pass at least one LoadRequest.")
        _check_weight(self.weight)
        _check_span("think", self.think)


@dataclass(frozen=True)
class LoadPhase:
    """A part of a load run with a constant or linearly changing load. Exactly one of `rate` and `users` must be set.

    Attributes
    ----------
    seconds
        Duration in virtual seconds.
    rate
        Sessions that begin per virtual second (an open loop). A single request counts as a session (default None: use `users`).
    users
        Number of users (a closed loop; default None: use `rate`). Each user waits for a response before sending the next
        request.
    to
        Rate or number of users at the end of a ramp (default None: the load is constant).
    name
        Name of the phase in the report (default: a description of the load, for example `50 a second`).
    """

    seconds: float
    rate: float | None = None
    users: int | None = None
    to: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.users is None):
            raise UsageError("A phase requires exactly one of rate= (an open loop) and users= (a closed loop).")
        if not 0 < self.seconds < float("inf"):
            raise UsageError(f"seconds= of a phase must be greater than 0 and finite, not {self.seconds:g}.")
        if min(self.level, self.end) < 0 or not max(self.level, self.end) < float("inf"):
            raise UsageError(
                f"rate=, users= and to= of a phase must be at least 0 and finite, not {min(self.level, self.end):g}."
            )

    @property
    def level(self) -> float:
        """Rate or number of users at the beginning of the phase."""
        return float(self.rate if self.rate is not None else self.users or 0)

    @property
    def end(self) -> float:
        """Rate or number of users at the end of the phase."""
        return self.level if self.to is None else float(self.to)

    @property
    def title(self) -> str:
        """Name of the phase, or a description of its load, for example `50 to 500 a second`."""
        amount = f"{self.level:g}" + (f" to {self.end:g}" if self.to is not None else "")
        return self.name or (f"{amount} a second" if self.rate is not None else f"{amount} users")

    @classmethod
    def steps(cls, levels: Sequence[float], seconds: float, *, closed: bool = False) -> tuple[LoadPhase, ...]:
        """Return a sequence of phases with constant loads, one for each level.

        Parameters
        ----------
        levels
            Rates in sessions per virtual second, or numbers of users.
        seconds
            Duration of each phase in virtual seconds.
        closed
            Whether the levels are numbers of users instead of rates (default False).
        """
        return tuple(cls(seconds, users=int(n)) if closed else cls(seconds, rate=n) for n in levels)

    @classmethod
    def spikes(
        cls, base: float, peak: float, *, seconds: float, pause: float, number: int = 1
    ) -> tuple[LoadPhase, ...]:
        """Return phases with a low rate that alternate with spikes, which are phases with a high rate.

        Parameters
        ----------
        base, peak
            Low and high rate, in sessions per virtual second.
        seconds, pause
            Duration of a spike, and of the low rate before each spike and after the last one, in virtual seconds.
        number
            Number of spikes (default 1).
        """
        calm, spike = cls(pause, rate=base, name="base"), cls(seconds, rate=peak, name="spike")
        return (*((calm, spike) * number), calm)


@dataclass(frozen=True)
class LoadStop:
    """Conditions that end a load run early. The default of each is None, which disables the condition.

    All conditions except `requests` are checked after every 250 requests.

    Attributes
    ----------
    requests
        Maximum number of requests to send (default None: no limit). The run ends when all of them have ended.
    failures
        Number of exchanges in which a filter failed (default None: no limit).
    errors
        Limit for the share (0 to 1) of 5xx responses, closed connections and timeouts among the last 250 requests (default
        None: no limit).
    p99
        Limit for the 99th percentile of the last 250 latencies, in virtual seconds (default None: no limit).
    real_seconds
        Maximum duration of the run in real seconds (default None: no limit).
    when
        Function that is called with the report so far (default None). It returns whether to stop, or the reason as a sentence.
    """

    requests: int | None = None
    failures: int | None = None
    errors: float | None = None
    p99: float | None = None
    real_seconds: float | None = None
    when: Callable[[PlanReport], bool | str] | None = None


@dataclass(frozen=True)
class LoadPlan:
    """Plan of a load run: the requests that are sent, and when they are sent.

        LoadPlan(
            mix=[LoadRequest("/search?q={random}", weight=3), LoadRequest("/pay", "POST", size=(100, 2000))],
            phases=[LoadPhase(10, rate=50), LoadPhase(30, rate=50, to=500), LoadPhase(60, users=20)],
            stop=LoadStop(errors=0.05),
        )

    Attributes
    ----------
    mix
        List of `LoadRequest`, `LoadSession` and paths. Each new session is one of the entries, chosen at random by weight
        (default: GET requests for "/").
    phases
        List of `LoadPhase`, in order. It may contain tuples of phases, such as the result of `LoadPhase.steps` (default: 10
        seconds with a rate of 100).
    stop
        Conditions that end the run early (default none).
    think
        Virtual seconds between two sessions of a user in closed phases: a number, or a pair of a lower and an upper bound
        (default 0).
    timeout
        Virtual seconds after which a client gives up and closes its connection (default 20).
    arrivals
        `poisson` for random times, as with independent users, or `even` for equal gaps (default `poisson`).
    http2
        Whether to send all requests over HTTP/2 (default False).
    """

    mix: Sequence[Any] = ("/",)
    phases: Sequence[Any] = (LoadPhase(10.0, rate=100.0),)
    stop: LoadStop = LoadStop()
    think: DurationRange = 0.0
    timeout: float = 20.0
    arrivals: str = "poisson"
    http2: bool = False

    def __post_init__(self) -> None:
        if self.arrivals not in ("poisson", "even"):
            raise UsageError(f"arrivals= must be 'poisson' or 'even', not {self.arrivals!r}.")
        if not self.timeout > 0:
            raise UsageError(f"timeout= must be greater than 0 virtual seconds, not {self.timeout:g}.")
        _check_span("think", self.think)
        if not self.mix or not self.phases:
            empty = "phases" if self.mix else "mix"
            raise UsageError(f"{empty}= of the load plan is empty. A plan requires at least one request and one phase.")
        if not sum(session.weight for session in self.sessions):
            raise UsageError(
                "All entries of mix= have weight=0. Set weight= of at least one entry to a number above 0."
            )
        self.all_phases  # noqa: B018 -- checks them

    @property
    def sessions(self) -> list[LoadSession]:
        """The entries of the mix as sessions. A request or path is a session with one request.

        Raises
        ------
        UsageError
            An entry is not a `LoadRequest`, `LoadSession` or path.
        """
        return [_session(entry) for entry in self.mix]

    @property
    def all_phases(self) -> list[LoadPhase]:
        """The phases in order, as one flat list.

        Raises
        ------
        UsageError
            An entry of `phases` is not a `LoadPhase`.
        """
        flat: list[LoadPhase] = []
        for entry in self.phases:
            for phase in entry if isinstance(entry, list | tuple) else (entry,):
                if not isinstance(phase, LoadPhase):
                    raise UsageError(f"An entry of phases= must be a LoadPhase, not {type(phase).__name__}.")
                flat.append(phase)
        return flat

    @property
    def seconds(self) -> float:
        """Duration of all phases together, in virtual seconds."""
        return sum(phase.seconds for phase in self.all_phases)


def _session(entry: Any) -> LoadSession:
    if isinstance(entry, LoadSession):
        return entry
    if isinstance(entry, str):
        entry = LoadRequest(entry)
    if isinstance(entry, LoadRequest):
        return LoadSession((replace(entry, weight=1.0),), weight=entry.weight)
    raise UsageError(f"An entry of mix= must be a LoadRequest, a LoadSession or a path, not {type(entry).__name__}.")


def _check_weight(weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise UsageError(f"weight= must be at least 0 and finite, not {weight:g}.")


def _check_span(name: str, span: DurationRange) -> None:
    low, high = span if isinstance(span, tuple | list) else (span, span)
    if not 0 <= low <= high < float("inf"):
        raise UsageError(f"{name}= must be a number of at least 0 or a pair (lower, upper), not {span!r}.")
