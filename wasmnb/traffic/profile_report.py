"""What a profile has found: cost by line, by hostcall and by callback, and how far the numbers can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._display import Shown
from ..host.vm.fuel import Fuel

__all__ = ["CallbackCost", "HostcallCost", "LineCost", "Observer", "ProfileReport", "ProfiledSource"]


@dataclass(frozen=True)
class LineCost:
    """One line of the filter, with all that it calls outside the filter.

    Attributes
    ----------
    filename, lineno, function
        Where; the function by its qualified name.
    hits
        How often it ran, per request.
    fuel
        Instructions of Wasm per request, without the observer's.
    ns
        Nanoseconds per request: the unobserved time of the callbacks, divided by fuel.
    share
        Of all that the filter costs, from 0 to 1.
    hostcalls
        Hostcalls made, by name, per request.
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
    """A hostcall: how often it was made in the whole run, and nanoseconds inside the (simulated) host for all of them."""

    name: str
    count: int
    total_ns: int

    @property
    def mean_ns(self) -> float:
        """Nanoseconds of one."""
        return self.total_ns / self.count


@dataclass(frozen=True)
class CallbackCost:
    """A callback of one filter.

    Attributes
    ----------
    plugin
        The plugin's name.
    count, total_ns
        How often it ran in the whole run, and nanoseconds inside the guest for all of that, hostcalls left out.
    fuel
        Instructions of one; the mean, if they were not the same.
    """

    plugin: str
    name: str
    count: int
    total_ns: int
    fuel: float

    @property
    def mean_ns(self) -> float:
        """Nanoseconds of one."""
        return self.total_ns / self.count


@dataclass(frozen=True)
class Observer:
    """What watching the lines has cost.

    Attributes
    ----------
    events
        Events per request.
    fuel
        Instructions that one of them costs, which were taken away from its line.
    excess
        What the watched lines still cost more than unwatched, from 0: Python does not specialise the first instruction of
        a line that is watched.
    """

    events: float
    fuel: float
    excess: float


@dataclass(frozen=True)
class ProfiledSource:
    """A piece of the filter's source, with its lines' costs by line number."""

    filename: str
    first_line: int
    text: str
    lines: dict[int, LineCost]


@dataclass
class ProfileReport(Shown):
    """Where a filter spends its time.

    Attributes
    ----------
    requests
        How many were sent for the times.
    callbacks, hostcalls
        The costliest first.
    sources
        Pieces of the filter's source in which lines ran.
    around
        Nanoseconds per request in callbacks but outside the filter's lines: the SDK, the interpreter's way in and out.
    observer
        What watching has cost; None if there are no lines.
    reason
        Why there are no lines, or an empty string.
    native
        The filter is run by this Python; what was profiled is the same as Wasm.
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
        """All lines that ran, the costliest first."""
        return sorted((x for s in self.sources for x in s.lines.values()), key=lambda x: -x.fuel)

    @property
    def fuel(self) -> Fuel:
        """Instructions of one run of each callback, summed over the plugins; the same on every run of the profile."""
        used = Fuel()
        for callback in self.callbacks:
            used[callback.name] = used.get(callback.name, 0) + round(callback.fuel)
        return used

    @property
    def ns(self) -> float:
        """Nanoseconds per request inside the filters."""
        return sum(c.total_ns for c in self.callbacks) / self.requests

    def line(self, lineno: int, filename: str = "") -> LineCost:
        """The cost of a line; KeyError if it did not run."""
        for source in self.sources:
            if filename in ("", source.filename) and lineno in source.lines:
                return source.lines[lineno]
        raise KeyError(f"line {lineno} did not run")

    def __repr__(self) -> str:
        worst = f", most in line {self.lines[0].lineno} ({self.lines[0].share:.0%})" if self.lines else ""
        return f"<ProfileReport of {self.name}: {self.requests} requests, {self.ns / 1000:.0f} us each{worst}>"
