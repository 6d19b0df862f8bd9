"""The result of a profile: cost by line, by hostcall and by callback, and the observer's influence on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._display import Shown
from ..host.vm.fuel import Fuel

__all__ = ["CallbackCost", "HostcallCost", "LineCost", "Observer", "ProfileReport", "ProfiledSource"]


@dataclass(frozen=True)
class LineCost:
    """Cost of one line of the filter, including what it calls outside the filter.

    Attributes
    ----------
    filename, lineno, function
        Position of the line, and the qualified name of its function.
    hits
        Number of executions per request.
    fuel
        Instructions of Wasm per request, without the observer's.
    ns
        Nanoseconds per request: the unobserved time of the callbacks, divided in proportion to fuel.
    share
        Share of the filter's cost, from 0 to 1.
    hostcalls
        Number of hostcalls per request, by name.
    """

    filename: str
    lineno: int
    function: str
    hits: float
    fuel: float
    ns: float
    share: float
    hostcalls: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class HostcallCost:
    """Cost of one hostcall.

    Attributes
    ----------
    name
        Name without `proxy_`.
    count
        Number of calls in the whole run.
    total_ns
        Nanoseconds inside the simulated host for all of them.
    """

    name: str
    count: int
    total_ns: int

    @property
    def mean_ns(self) -> float:
        """Nanoseconds of one call, on average."""
        return self.total_ns / self.count


@dataclass(frozen=True)
class CallbackCost:
    """Cost of one callback of one filter.

    Attributes
    ----------
    plugin, name
        Name of the plugin, and of the callback without `proxy_`.
    count
        Number of calls in the whole run.
    total_ns
        Nanoseconds inside the guest for all of them, without hostcalls.
    fuel
        Instructions of one call, on average.
    release_fuel
        The same in the filter's release module; None if it wasn't counted.
    """

    plugin: str
    name: str
    count: int
    total_ns: int
    fuel: float
    release_fuel: float | None = None

    @property
    def interpreted(self) -> float | None:
        """Share (0 to 1) of the release module's instructions that interpret code instead of running it compiled; None if
        unknown.
        """
        if self.release_fuel is None:
            return None
        return max(0.0, 1 - self.fuel / self.release_fuel) if self.release_fuel else 0.0

    @property
    def mean_ns(self) -> float:
        """Nanoseconds of one call, on average."""
        return self.total_ns / self.count


@dataclass(frozen=True)
class Observer:
    """Cost of observing the lines.

    Attributes
    ----------
    events
        Events of the observer per request.
    fuel
        Instructions of one event, which are subtracted from its line.
    excess
        Additional cost of the observed lines that remains after the subtraction, as a share: 0.1 for 10 %. Python does not
        specialise the first instruction of an observed line.
    """

    events: float
    fuel: float
    excess: float


@dataclass(frozen=True)
class ProfiledSource:
    """A part of the filter's source.

    Attributes
    ----------
    filename, first_line
        Position of the part.
    text
        The source, or an empty string if it is not known.
    lines
        Cost by line number.
    """

    filename: str
    first_line: int
    text: str
    lines: dict[int, LineCost]


@dataclass
class ProfileReport(Shown):
    """Cost of a filter by line, callback and hostcall.

    Attributes
    ----------
    name
        The proxy's name.
    requests
        Number of requests for measuring time.
    callbacks, hostcalls
        Cost of each callback and of each hostcall, the highest first.
    sources
        Parts of the filter's source in which lines ran.
    around
        Nanoseconds per request that callbacks spend outside the filter's lines: in the SDK, and to enter and leave the
        interpreter.
    observer
        Cost of observing lines; None if there are no lines.
    reason
        Reason why there are no lines, or an empty string.
    statuses
        Number of responses by status; 0 stands for a closed connection.
    native
        Whether the proxy runs the filter natively. The profile is then of the filter compiled to Wasm.
    """

    name: str
    requests: int
    callbacks: Sequence[CallbackCost] = ()
    hostcalls: Sequence[HostcallCost] = ()
    sources: Sequence[ProfiledSource] = ()
    around: float = 0.0
    observer: Observer | None = None
    reason: str = ""
    statuses: dict[int, int] = field(default_factory=dict)
    native: bool = False

    @property
    def lines(self) -> list[LineCost]:
        """All lines that ran, the highest cost first."""
        return sorted((line for s in self.sources for line in s.lines.values()), key=lambda line: -line.fuel)

    @property
    def fuel(self) -> Fuel:
        """Instructions of one call of each callback, summed over the plugins. They are the same on every run of the profile."""
        used = Fuel()
        for callback in self.callbacks:
            used[callback.name] = used.get(callback.name, 0) + round(callback.fuel)
        return used

    @property
    def ns(self) -> float:
        """Nanoseconds per request inside the filters."""
        return sum(c.total_ns for c in self.callbacks) / self.requests

    def line(self, lineno: int, filename: str = "") -> LineCost:
        """Return the cost of a line.

        Parameters
        ----------
        lineno
            Line number.
        filename
            The file; an empty string (the default) for any.

        Raises
        ------
        KeyError
            The line did not run.
        """
        for source in self.sources:
            if filename in ("", source.filename) and lineno in source.lines:
                return source.lines[lineno]
        raise KeyError(f"line {lineno} did not run")

    def __repr__(self) -> str:
        worst = f", most in line {self.lines[0].lineno} ({self.lines[0].share:.0%})" if self.lines else ""
        return f"<ProfileReport of {self.name}: {self.requests} requests, {self.ns / 1000:.0f} us each{worst}>"
