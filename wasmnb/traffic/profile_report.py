"""The report of a profile: time and instructions by line, hostcall and callback, and the overhead of counting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._display import Shown
from ..host.vm.fuel import Fuel

__all__ = ["CallbackCost", "HostcallCost", "LineCost", "ObserverCost", "ProfileReport", "ProfiledSource"]


@dataclass(frozen=True)
class LineCost:
    """Cost of one line of the filter, including the code that it calls outside the filter.

    Attributes
    ----------
    filename, lineno
        File and number of the line.
    function
        Qualified name of the function that contains the line.
    hits
        Number of executions per request.
    fuel
        Wasm instructions per request, without those of the profiler.
    ns
        Nanoseconds per request. The measured time of the callbacks is distributed over the lines in proportion to `fuel`.
    share
        Share of the filter's cost (0 to 1).
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
    """Cost of the calls of one hostcall.

    Attributes
    ----------
    name
        Name of the hostcall without `proxy_`.
    count
        Number of calls in the whole run.
    total_ns
        Nanoseconds that all calls took in the simulated proxy.
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
        Nanoseconds that all calls took in the filter, without hostcalls.
    fuel
        Average number of instructions per call.
    release_fuel
        Average number of instructions per call in the filter's release module, or None if they were not counted.
    """

    plugin: str
    name: str
    count: int
    total_ns: int
    fuel: float
    release_fuel: float | None = None

    @property
    def interpreted(self) -> float | None:
        """Share (0 to 1) of the release module's instructions that are spent on interpreting code. None if not counted."""
        if self.release_fuel is None:
            return None
        return max(0.0, 1 - self.fuel / self.release_fuel) if self.release_fuel else 0.0

    @property
    def mean_ns(self) -> float:
        """Nanoseconds of one call, on average."""
        return self.total_ns / self.count


@dataclass(frozen=True)
class ObserverCost:
    """Overhead of counting the instructions of each line.

    Attributes
    ----------
    events
        Number of line events per request.
    fuel
        Instructions that the profiler runs for one event. They are subtracted from the line's instructions.
    excess
        Overhead that remains after the subtraction, as a share (0.1 for 10 %). It exists because Python doesn't specialise the
        first instruction of an observed line.
    """

    events: float
    fuel: float
    excess: float


@dataclass(frozen=True)
class ProfiledSource:
    """A part of the filter's source, with the costs of its lines.

    Attributes
    ----------
    filename, first_line
        File of the part, and number of its first line.
    text
        The source code. Empty if it is unknown.
    lines
        Line number -> cost. Contains only lines that ran.
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
        Name of the proxy.
    requests
        Number of requests for which the time was measured.
    callbacks, hostcalls
        Cost of each callback and each hostcall, in descending order.
    sources
        Parts of the filter's source in which lines ran.
    around
        Nanoseconds per request that callbacks spend outside the filter's lines: in the SDK, and on entering and leaving the
        interpreter.
    observer
        Overhead of counting instructions by line, or None if there are no lines.
    reason
        Reason why there are no lines. Empty if there are lines.
    statuses
        Number of responses by status. 0 means that the connection was closed.
    native
        Whether the profiled proxy runs the filter natively. The filter is compiled to Wasm for the profile.
    """

    name: str
    requests: int
    callbacks: Sequence[CallbackCost] = ()
    hostcalls: Sequence[HostcallCost] = ()
    sources: Sequence[ProfiledSource] = ()
    around: float = 0.0
    observer: ObserverCost | None = None
    reason: str = ""
    statuses: dict[int, int] = field(default_factory=dict)
    native: bool = False

    @property
    def lines(self) -> list[LineCost]:
        """All lines that ran, in descending order of cost."""
        return sorted((line for s in self.sources for line in s.lines.values()), key=lambda line: -line.fuel)

    @property
    def fuel(self) -> Fuel:
        """Callback -> instructions per call, summed over the plugins. They are the same in every run of the profile."""
        used = Fuel()
        for callback in self.callbacks:
            used[callback.name] = used.get(callback.name, 0) + round(callback.fuel)
        return used

    @property
    def ns(self) -> float:
        """Nanoseconds per request in the filters."""
        return sum(c.total_ns for c in self.callbacks) / self.requests

    def line(self, lineno: int, filename: str = "") -> LineCost:
        """Return the cost of a line.

        Parameters
        ----------
        lineno
            Line number.
        filename
            File of the line, or an empty string for any file (default '').

        Raises
        ------
        KeyError
            The line didn't run.
        """
        for source in self.sources:
            if filename in ("", source.filename) and lineno in source.lines:
                return source.lines[lineno]
        raise KeyError(f"Line {lineno} didn't run in the profile.")

    def __repr__(self) -> str:
        worst = f", most in line {self.lines[0].lineno} ({self.lines[0].share:.0%})" if self.lines else ""
        return f"<ProfileReport of {self.name}: {self.requests} requests, {self.ns / 1000:.0f} us each{worst}>"
