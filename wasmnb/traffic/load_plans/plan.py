"""The plan of a load run as plain data: what is sent, how much of it and when, and what ends the run.

An *open* phase has a rate: sessions begin at times that don't depend on the responses, like visitors of a site. A *closed*
phase has users: each waits for a response before the next request, like a pool of clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...messages import HeadersLike, Text

if TYPE_CHECKING:
    from .report import PlanReport

__all__ = ["LoadPhase", "LoadPlan", "LoadRequest", "LoadSession", "LoadStop", "Span"]

#: A number, or a range that it is drawn from, both ends included.
Span = float | tuple[float, float]


@dataclass(frozen=True)
class LoadRequest:
    """A kind of request in a load plan.

    In path, header values and body, `{number}` is the number of the request, `{user}` that of the session, and `{random}` eight
    random hexadecimal digits.

    Attributes
    ----------
    path, method, headers, body, authority
        Parts of the request (default `/`, GET, no headers, no body, `example.com`).
    size
        Size of a random body in bytes: a number, or a pair of a lower and an upper one. None (the default): `body` is sent.
    weight
        Share in the mix, relative to the other entries (default 1).
    name
        Name of its route in the report. By default, method and path without the query.
    """

    path: str = "/"
    method: str = "GET"
    headers: HeadersLike = ()
    body: Text = b""
    authority: str = "example.com"
    size: Span | None = None
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        _check_weight(self.weight)
        if self.size is not None:
            _check_span("size", self.size)

    @property
    def route(self) -> str:
        """The route in the report."""
        return self.name or f"{self.method} {self.path.partition('?')[0]}"


@dataclass(frozen=True)
class LoadSession:
    """Requests that one user sends one after the other over one connection.

    Attributes
    ----------
    requests
        The requests, in their order.
    think
        Virtual seconds between a response and the next request: a number, or a pair of a lower and an upper one (default 0).
    cookies
        Whether to send back the cookies that responses have set (default True).
    weight
        Share in the mix, relative to the other entries (default 1).
    name
        Prefix of its routes in the report (default none).
    """

    requests: Sequence[LoadRequest]
    think: Span = 0.0
    cookies: bool = True
    weight: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        if not self.requests:
            raise UsageError("A session needs at least one request.")
        _check_weight(self.weight)
        _check_span("think", self.think)


@dataclass(frozen=True)
class LoadPhase:
    """A part of the run with a constant or a linearly changing load; exactly one of `rate` and `users` is set.

    Attributes
    ----------
    seconds
        Duration in virtual seconds.
    rate
        Sessions that begin per virtual second (an open loop). A single request counts as a session.
    users
        Number of users, each of which waits for a response before the next request (a closed loop).
    to
        Rate or number of users at the end, for a ramp. By default, the load is constant.
    name
        Name in the report. By default, the load: `50 a second`.
    """

    seconds: float
    rate: float | None = None
    users: int | None = None
    to: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.users is None):
            raise UsageError("A phase needs either rate= (an open loop) or users= (a closed loop).")
        if not 0 < self.seconds < float("inf"):
            raise UsageError(f"The seconds of a phase must be greater than 0, not {self.seconds:g}.")
        if min(self.level, self.end) < 0 or not max(self.level, self.end) < float("inf"):
            raise UsageError(
                f"The rate or users of a phase must be at least 0 and finite, not {min(self.level, self.end):g}."
            )

    @property
    def level(self) -> float:
        """Rate or number of users at the beginning."""
        return float(self.rate if self.rate is not None else self.users or 0)

    @property
    def end(self) -> float:
        """Rate or number of users at the end."""
        return self.level if self.to is None else float(self.to)

    @property
    def title(self) -> str:
        """The name, or what the phase does."""
        amount = f"{self.level:g}" + (f" to {self.end:g}" if self.to is not None else "")
        return self.name or (f"{amount} a second" if self.rate is not None else f"{amount} users")

    @classmethod
    def steps(cls, levels: Sequence[float], seconds: float, *, closed: bool = False) -> tuple[LoadPhase, ...]:
        """Return one phase for each level.

        Parameters
        ----------
        levels
            Rates in sessions per virtual second, or numbers of users.
        seconds
            Duration of each step in virtual seconds.
        closed
            Whether the levels are numbers of users instead of rates (default False).
        """
        return tuple(cls(seconds, users=int(n)) if closed else cls(seconds, rate=n) for n in levels)

    @classmethod
    def spikes(
        cls, base: float, peak: float, *, seconds: float, pause: float, number: int = 1
    ) -> tuple[LoadPhase, ...]:
        """Return phases with a low rate, interrupted by short ones with a high rate.

        Parameters
        ----------
        base, peak
            Low and high rate, in sessions per virtual second.
        seconds, pause
            Virtual seconds of a spike, and of the low rate before each spike and after the last one.
        number
            Number of spikes (default 1).
        """
        calm, spike = cls(pause, rate=base, name="base"), cls(seconds, rate=peak, name="spike")
        return (*((calm, spike) * number), calm)


@dataclass(frozen=True)
class LoadStop:
    """Conditions that end a run early, each off by default. All but `requests` are checked after every 250 requests.

    Attributes
    ----------
    requests
        Largest number of requests to send. The run waits until all of them have ended.
    failures
        Number of exchanges that a filter's failure ended.
    errors
        Share (0 to 1) of 5xx responses, closed connections and timeouts among the last 250 requests.
    p99
        Limit in virtual seconds for the 99th percentile of the last 250 requests.
    real_seconds
        Real seconds since the start of the run.
    when
        Function that gets the report so far and returns whether to stop, or a sentence that says why.
    """

    requests: int | None = None
    failures: int | None = None
    errors: float | None = None
    p99: float | None = None
    real_seconds: float | None = None
    when: Callable[[PlanReport], bool | str] | None = None


@dataclass(frozen=True)
class LoadPlan:
    """Plan of a load run: which requests are sent, and when.

        LoadPlan(
            mix=[LoadRequest("/search?q={random}", weight=3), LoadRequest("/pay", "POST", size=(100, 2000))],
            phases=[LoadPhase(10, rate=50), LoadPhase(30, rate=50, to=500), LoadPhase(60, users=20)],
            stop=LoadStop(errors=0.05),
        )

    Attributes
    ----------
    mix
        `LoadRequest`s, paths and `LoadSession`s. Each new session is one of them, chosen by weight.
    phases
        Phases in order. Tuples of phases, such as the result of `LoadPhase.steps`, can be among them.
    stop
        Conditions that end the run early.
    think
        Virtual seconds between a user's sessions in closed phases: a number, or a pair of a lower and an upper one (default
        0).
    timeout
        Virtual seconds after which a client gives up and closes its connection (default 20).
    arrivals
        `poisson` (the default): random times, as with independent users. `even`: equal gaps.
    http2
        Send everything over HTTP/2 (default False).
    """

    mix: Sequence[Any] = ("/",)
    phases: Sequence[Any] = (LoadPhase(10.0, rate=100.0),)
    stop: LoadStop = LoadStop()
    think: Span = 0.0
    timeout: float = 20.0
    arrivals: str = "poisson"
    http2: bool = False

    def __post_init__(self) -> None:
        if self.arrivals not in ("poisson", "even"):
            raise UsageError(f"arrivals must be 'poisson' or 'even', not {self.arrivals!r}.")
        if not self.timeout > 0:
            raise UsageError(f"timeout must be greater than 0 virtual seconds, not {self.timeout:g}.")
        _check_span("think", self.think)
        if not self.mix or not self.phases:
            raise UsageError("A load plan needs at least one request and one phase.")
        if not sum(session.weight for session in self.sessions):
            raise UsageError("At least one entry of the mix needs a weight greater than 0.")
        self.all_phases  # noqa: B018 -- checks them

    @property
    def sessions(self) -> list[LoadSession]:
        """The mix, with each single request as a session of one.

        Raises
        ------
        UsageError
            An entry isn't a `LoadRequest`, a `LoadSession` or a path.
        """
        return [_session(entry) for entry in self.mix]

    @property
    def all_phases(self) -> list[LoadPhase]:
        """The phases, without nested tuples.

        Raises
        ------
        UsageError
            One of them isn't a `LoadPhase`.
        """
        flat: list[LoadPhase] = []
        for entry in self.phases:
            for phase in entry if isinstance(entry, list | tuple) else (entry,):
                if not isinstance(phase, LoadPhase):
                    raise UsageError(f"A phase must be a LoadPhase, not {type(phase).__name__}.")
                flat.append(phase)
        return flat

    @property
    def seconds(self) -> float:
        """Virtual seconds of all phases."""
        return sum(phase.seconds for phase in self.all_phases)


def _session(entry: Any) -> LoadSession:
    if isinstance(entry, LoadSession):
        return entry
    if isinstance(entry, str):
        entry = LoadRequest(entry)
    if isinstance(entry, LoadRequest):
        return LoadSession((replace(entry, weight=1.0),), weight=entry.weight)
    raise UsageError(f"An entry of the mix must be a LoadRequest, a LoadSession or a path, not {type(entry).__name__}.")


def _check_weight(weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise UsageError(f"A weight must be at least 0, not {weight:g}.")


def _check_span(name: str, span: Span) -> None:
    low, high = span if isinstance(span, tuple | list) else (span, span)
    if not 0 <= low <= high < float("inf"):
        raise UsageError(f"{name} must be a number of at least 0, or a pair of a lower and an upper one, not {span!r}.")
