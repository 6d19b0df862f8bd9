"""The plan of a load run as plain data: what is sent, how much of it and when, and what ends the run.

An *open* phase has a rate: sessions begin at moments that don't depend on the responses, as the visitors of a site do. A
*closed* phase has users: each waits for a response before the next request, as a pool of clients does.
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
    """A kind of request.

    In path, header values and body, `{number}` is the number of the request, `{user}` that of the session, and `{random}` eight
    random hexadecimal digits.

    Attributes
    ----------
    path, method, headers, body, authority
        The request ("/", GET, no headers, no body, example.com).
    size
        Bytes of a random body, exactly or between two numbers; None, the default, sends `body`.
    weight
        Share of it in the mix, relative to the other entries (1).
    name
        Its route in the report; by default method and path without the query.
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
        Virtual seconds between a response and the next request, exactly or between two numbers (0).
    cookies
        Send the cookies back that responses have set (default True).
    weight
        Share of it in the mix, relative to the other entries (1).
    name
        Prefix of its routes in the report; by default none.
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
        Its virtual duration.
    rate
        Sessions that begin per second (an open loop); a single request is a session of one.
    users
        Users, each of which waits for its response (a closed loop).
    to
        Rate or number of users at the end, for a ramp. By default they stay as at the beginning.
    name
        Its name in the report; by default what it does.
    """

    seconds: float
    rate: float | None = None
    users: int | None = None
    to: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.rate is None) == (self.users is None):
            raise UsageError("A phase has either rate= (an open loop) or users= (a closed loop).")
        if not 0 < self.seconds < float("inf"):
            raise UsageError(f"The seconds of a phase are above 0, not {self.seconds:g}.")
        if min(self.level, self.end) < 0 or not max(self.level, self.end) < float("inf"):
            raise UsageError(f"A phase can't have a load of {min(self.level, self.end):g}.")

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
            Rates, or numbers of users.
        seconds
            Duration of each step.
        closed
            The levels are numbers of users (default False).
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
            Both rates.
        seconds, pause
            Duration of a spike, and of the low rate before it and after the last one.
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
        Number of requests to send at most; all of them are waited for.
    failures
        Number of exchanges that a filter's failure ended.
    errors
        Share, from 0 to 1, of responses with 5xx, of closed connections and of timeouts among the last 250 requests.
    p99
        Seconds that the 99th percentile of the last 250 requests exceeds.
    real_seconds
        Seconds on this machine.
    when
        A function of the report so far that returns whether to stop, or a sentence that says why.
    """

    requests: int | None = None
    failures: int | None = None
    errors: float | None = None
    p99: float | None = None
    real_seconds: float | None = None
    when: Callable[[PlanReport], bool | str] | None = None


@dataclass(frozen=True)
class LoadPlan:
    """Requests of a load run, and their moments.

        LoadPlan(
            mix=[LoadRequest("/search?q={random}", weight=3), LoadRequest("/pay", "POST", size=(100, 2000))],
            phases=[LoadPhase(10, rate=50), LoadPhase(30, rate=50, to=500), LoadPhase(60, users=20)],
            stop=LoadStop(errors=0.05),
        )

    Attributes
    ----------
    mix
        `LoadRequest`s, paths and `LoadSession`s. Each session that begins is one of them, by weight.
    phases
        The phases one after the other. Tuples of phases, such as those of `LoadPhase.steps`, may be among them.
    stop
        Conditions that end the run early.
    think
        Virtual seconds between a user's sessions in closed phases, exactly or between two numbers (0).
    timeout
        Virtual seconds after which a client gives up and closes its connection (20).
    arrivals
        `poisson`, the default, for random moments as of independent users; `even` for equal gaps.
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
            raise UsageError(f"arrivals is 'poisson' or 'even', not {self.arrivals!r}.")
        if not self.timeout > 0:
            raise UsageError(f"timeout is in virtual seconds and above 0, not {self.timeout:g}.")
        _check_span("think", self.think)
        if not self.mix or not self.phases:
            raise UsageError("A load plan needs at least one request and one phase.")
        if not sum(session.weight for session in self.sessions):
            raise UsageError("At least one entry of the mix needs a weight above 0.")
        self.all_phases  # noqa: B018 -- checks them

    @property
    def sessions(self) -> list[LoadSession]:
        """The mix, with each single request as a session of one.

        Raises
        ------
        UsageError
            An entry is something else.
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
                    raise UsageError(f"A phase is a LoadPhase, not {type(phase).__name__}.")
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
    raise UsageError(f"An entry of the mix is a LoadRequest, a LoadSession or a path, not {type(entry).__name__}.")


def _check_weight(weight: float) -> None:
    if not 0 <= weight < float("inf"):
        raise UsageError(f"A weight is a number from 0 on, not {weight:g}.")


def _check_span(name: str, span: Span) -> None:
    low, high = span if isinstance(span, tuple | list) else (span, span)
    if not 0 <= low <= high < float("inf"):
        raise UsageError(f"{name} is a number from 0 on, or a lower and an upper one, not {span!r}.")
