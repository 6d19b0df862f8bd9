"""Profile filters: send requests through copies of a proxy, first to measure time, then to count instructions by line.

The time of a line in Wasm can't be measured, because reading a clock takes longer than running a line. Therefore wasmtime
counts the instructions of each line, and the constant number that the profiler itself adds per line is subtracted
(`sdk/diagnostics/profiling.py`). The time of the callbacks, which is measured without line events, is then distributed over
the lines in proportion to their instructions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, NamedTuple

from ..errors import SourceError, UsageError
from ..host import Event, Exchange, Plugin, Proxy
from ..host.contexts.root import RootContext
from ..host.inspect.introspection import call_introspection, has_introspection
from ..host.settings import SimulationSettings
from ..host.vm.vm import Vm
from ..messages import HeadersLike, Request, Text
from .profile_report import CallbackCost, HostcallCost, LineCost, ObserverCost, ProfiledSource, ProfileReport

__all__ = ["profile"]

#: Number of requests that are sent before the measurement, because Python specialises code that runs often.
WARM_UP = 20

#: Number of requests for which the instructions of each line are counted.
OBSERVED = 50

#: Number of requests after which the trace is read, because it keeps a limited number of events.
_BATCH = 50

#: Settings of the copies, which override those of the profiled proxy.
_MEASURED: dict[str, Any] = {
    "guest_time": SimulationSettings.guest_time,
    "trace_limit": SimulationSettings.trace_limit,
    "show_locals": False,
}

#: Factor by which a callback's deadline is extended while lines are observed.
_SLOWDOWN = 50

#: Advice for a native filter that can't be compiled to Wasm.
_INSTEAD = (
    "Native filters are compiled to Wasm for a profile, but this filter can't be compiled. To profile it in this Python, use "
    '%prun -s tottime NAME.get("/"), cProfile, line_profiler or py-spy.'
)

_NO_LINES = (
    "There are no costs by line, because the module wasn't compiled from Python by this version of wasmnb. Callbacks and hostcalls are "
    "measured from outside."
)


class _Callback(NamedTuple):
    """A plugin and the name of one of its callbacks."""

    plugin: str
    name: str


class _LineCount(NamedTuple):
    """Counts of one line, as returned by the profiler inside the VM."""

    filename: str
    lineno: int
    function: str
    hits: int
    fuel: float
    hostcalls: Mapping[str, int]


def profile(
    proxy: Proxy,
    *,
    requests: int = 200,
    last: int = 20,
    method: str = "GET",
    path: str | None = None,
    headers: HeadersLike = (),
    body: Text = b"",
    trailers: HeadersLike = (),
    chunks: Iterable[Text] | None = None,
    authority: str = "example.com",
    http2: bool = False,
    release: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> ProfileReport:
    """Measure where a filter spends its time, by the lines of its source, by hostcall and by callback.

    Parameters
    ----------
    proxy
        The proxy to profile. It is not affected, because the requests are sent through copies of it.
    requests
        Number of requests for which the time is measured (default 200).
    last
        Number of the proxy's last requests that are repeated in turn if `path` is None (default 20).
    method, path, headers, body, trailers, chunks, authority
        The request to send, as for `Proxy.request` (default: repeat the proxy's last requests).
    http2
        Whether to send the requests over HTTP/2 (default False).
    release
        Whether to count the instructions in the filters' release modules as well (default False). Release modules interpret
        code that rarely runs, which takes more instructions. The first profile takes about ten seconds longer.
    progress
        Function that is called with a description of the current step and the fraction done (0 to 1) (default None).

    Returns
    -------
    ProfileReport

    Raises
    ------
    UsageError
        `requests` is less than 1, or `path` is None and the proxy has no exchange to repeat.
    FilterTrap
        The filter failed during one of the requests.
    SourceError
        A native filter can't be compiled to WebAssembly.

    Notes
    -----
    A native filter is compiled to WebAssembly for the profile, so its costs differ from those of native execution. To
    measure the native filter, use a Python profiler: `%prun -s tottime hello.get("/")`, `cProfile`, `line_profiler` or
    `py-spy`.
    """
    if requests < 1:
        raise UsageError(f"requests= must be at least 1, not {requests}.")
    if path is None:
        samples = _requests_of(proxy, last)
    else:
        samples = [Request.of(method, path, headers, body, trailers, authority, chunks)]
    report_progress = progress or (lambda _step, _share: None)
    run = _Profile(proxy, samples, requests, http2=http2, release=release, progress=report_progress)
    return run.report()


def _requests_of(proxy: Proxy, last: int) -> list[Request]:
    """Return the requests of the most recent exchanges of the proxy. `last` is their maximum number."""
    requests = [exchange.request for exchange in proxy.exchanges if isinstance(exchange, Exchange)][-max(last, 1) :]
    if not requests:
        raise UsageError("The proxy has no exchange to repeat. Send a request first, or pass path=.")
    return requests


class _Profile:
    """One run of the profiler.

    Parameters
    ----------
    proxy
        The proxy to profile.
    samples
        Requests to repeat in turn.
    count
        Number of requests for which the time is measured.
    http2
        Whether to send the requests over HTTP/2.
    release
        Whether to count the instructions in the release modules as well.
    progress
        Function that is called with a description of the current step and the fraction done (0 to 1).
    """

    def __init__(
        self,
        proxy: Proxy,
        samples: list[Request],
        count: int,
        *,
        http2: bool,
        release: bool,
        progress: Callable[[str, float], None],
    ) -> None:
        self._proxy = proxy
        self._samples = samples
        self._http2 = http2
        self._release = release
        self._progress = progress
        self._plugins = _in_wasm(proxy.plugins)
        self._report = ProfileReport(proxy.name, count, native=self._plugins != list(proxy.plugins))
        self._statuses: Counter[int] = Counter()
        self._observed = -(-OBSERVED // len(samples)) * len(samples)  # whole rounds, so that runs can be compared

    def report(self) -> ProfileReport:
        """Measure times, count instructions, and return the report."""
        report = self._report
        self._progress("Measuring time", 0.1)
        times, hostcalls = self._measure_times()
        self._progress("Counting instructions, in code compiled for that (once)", 0.3)
        with self._counting_clone(self._plugins) as clone:
            self._warm_up(clone)
            fuel = self._measure_fuel(clone)
            self._progress("Watching lines", 0.7)
            self._observe_lines(clone, fuel, times)
        released = self._measure_release()
        report.callbacks = sorted(
            (
                CallbackCost(*key, len(ns), sum(ns), _mean(fuel[key]), _mean(released[key]) if released else None)
                for key, ns in times.items()
            ),
            key=lambda c: -c.total_ns,
        )
        report.hostcalls = sorted(
            (HostcallCost(name, len(ns), sum(ns)) for name, ns in hostcalls.items()), key=lambda h: -h.total_ns
        )
        self._progress("Done", 1.0)
        return report

    def _clone(self, **changes: Any) -> Proxy:
        return self._proxy.clone(self._plugins, workers=1, **_MEASURED, **changes)

    def _counting_clone(self, plugins: list[Plugin]) -> Proxy:
        deadline = self._proxy.simulation.deadline * _SLOWDOWN
        return self._proxy.clone(plugins, workers=1, **_MEASURED, fuel=True, deadline=deadline)

    # -- passes -----------------------------------------------------------------------------------------------------

    def _measure_times(self) -> tuple[dict[_Callback, list[int]], dict[str, list[int]]]:
        """Measure the nanoseconds of every callback and every hostcall, without line events."""
        times: dict[_Callback, list[int]] = defaultdict(list)
        hostcalls: dict[str, list[int]] = defaultdict(list)
        with self._clone() as clone:
            self._warm_up(clone)
            name_of = _plugin_names(clone)
            for event in self._events(clone, self._report.requests):
                if event.kind == "callback":
                    times[_Callback(name_of(event), event.name)].append(event.guest_ns)
                elif event.kind == "hostcall":
                    hostcalls[event.name].append(event.host_ns)
        self._report.statuses = dict(self._statuses)
        return times, hostcalls

    def _measure_fuel(self, clone: Proxy) -> dict[_Callback, list[int]]:
        """Count the instructions of every callback, without line events."""
        fuel: dict[_Callback, list[int]] = defaultdict(list)
        name_of = _plugin_names(clone)
        for event in self._events(clone, self._observed):
            if event.kind == "callback":
                fuel[_Callback(name_of(event), event.name)].append(event.fuel or 0)
        return fuel

    def _measure_release(self) -> dict[_Callback, list[int]] | None:
        """Count the instructions of every callback in the filters' release modules. Returns None if `release` is False."""
        if not self._release:
            return None
        self._progress("Counting instructions of the release modules", 0.85)
        with self._counting_clone([_released(plugin) for plugin in self._plugins]) as clone:
            self._warm_up(clone)
            return self._measure_fuel(clone)

    def _observe_lines(
        self, clone: Proxy, fuel: Mapping[_Callback, list[int]], times: Mapping[_Callback, list[int]]
    ) -> None:
        """Count the instructions of each line of the Python filters, and add the costs to the report."""
        vms = [vm for vm in clone.vms if vm.role == "worker" and has_introspection(vm)]
        if not vms:
            self._report.reason = _NO_LINES
            return
        for vm in vms:
            vm.profiled = True
            call_introspection(vm, "profile", on=True)
        self._warm_up(clone)
        for vm in vms:  # discard the counts of the warm-up, in which the interpreter adapts to the line events
            call_introspection(vm, "profile", on=False)
            call_introspection(vm, "profile", on=True)
        self._send(clone, self._observed)
        for vm in vms:
            self._add_lines(vm, call_introspection(vm, "profile", on=False), fuel, times)

    def _add_lines(
        self,
        vm: Vm,
        result: dict[str, Any],
        fuel: Mapping[_Callback, list[int]],
        times: Mapping[_Callback, list[int]],
    ) -> None:
        """Add the lines of one VM to the report. The time of its callbacks is distributed in proportion to instructions."""
        report, name = self._report, _name_of(vm)
        counts = [_LineCount(*row) for row in result["lines"]]
        unobserved = sum(sum(used) for callback, used in fuel.items() if callback.plugin == name)
        ns = sum(sum(spent) for callback, spent in times.items() if callback.plugin == name) / report.requests
        total = max(1.0, result["around"] + sum(c.fuel for c in counts))
        report.around += max(0.0, result["around"]) / total * ns
        excess = total / unobserved - 1 if unobserved else 0.0
        report.observer = ObserverCost(result["events"] / self._observed, result["cost"], excess)
        lines = [self._line_cost(c, ns, total) for c in counts if c.hits]
        report.sources = [*report.sources, *_sources(vm, lines)]

    def _line_cost(self, count: _LineCount, ns: float, total: float) -> LineCost:
        n, fuel = self._observed, max(0.0, count.fuel)
        share = fuel / total
        hostcalls = {name: calls / n for name, calls in sorted(count.hostcalls.items(), key=lambda item: -item[1])}
        return LineCost(
            count.filename, count.lineno, count.function, count.hits / n, fuel / n, share * ns, share, hostcalls
        )

    # -- requests ---------------------------------------------------------------------------------------------------

    def _warm_up(self, clone: Proxy) -> None:
        self._send(clone, max(WARM_UP, len(self._samples)))

    def _send(self, clone: Proxy, count: int) -> None:
        """Send `count` requests. Raises an error if a filter fails."""
        for request in islice(cycle(self._samples), count):
            exchange = clone.send(request, http2=self._http2)
            self._statuses[exchange.response.status if exchange.response is not None else 0] += 1
            failure = next((vm.failure for vm in clone.vms if vm.failure is not None), None)
            if failure is not None:
                raise failure.error()

    def _events(self, clone: Proxy, count: int) -> Iterator[Event]:
        """Send `count` requests, and yield all events that occur, including ticks."""
        self._statuses.clear()
        for first in range(0, count, _BATCH):
            clone.trace.clear()
            self._send(clone, min(_BATCH, count - first))
            yield from clone.trace


# -- helpers --------------------------------------------------------------------------------------------------------


def _in_wasm(plugins: Iterable[Plugin]) -> list[Plugin]:
    """Return the plugins, with native filters compiled to Wasm."""
    try:
        return [plugin.in_wasm for plugin in plugins]
    except SourceError as error:
        error.hint = f"{error.hint} {_INSTEAD}".strip()
        raise


def _released(plugin: Plugin) -> Plugin:
    """Return a copy of a plugin that runs the release module of its filter, if there is one."""
    release = getattr(plugin.filter, "release", None)
    return plugin if release is None else replace(plugin, filter=release())


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _name_of(vm: Vm) -> str:
    """Return the names of all plugins in a VM as one text, because the costs of a VM aren't separated by plugin."""
    roots = [c for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None]
    return ", ".join(dict.fromkeys(root.plugin.name for root in roots if root.plugin is not None))


def _plugin_names(proxy: Proxy) -> Callable[[Event], str]:
    """Return a function that returns the name of an event's plugin."""
    names = {vm.number: _name_of(vm) for vm in proxy.vms}
    return lambda event: names.get(event.vm or 0, "")


def _sources(vm: Vm, lines: list[LineCost]) -> list[ProfiledSource]:
    """Return the parts of the source in which lines ran. Their text is empty if it is unknown."""
    by_file: dict[str, dict[int, LineCost]] = defaultdict(dict)
    for line in lines:
        by_file[line.filename][line.lineno] = line
    roots = (c for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None)
    bundles = [getattr(root.plugin.filter, "bundle", None) for root in roots if root.plugin is not None]
    sources = []
    for part in [part for bundle in bundles if bundle is not None for part in bundle.places()]:
        end = part.first_line + part.text.count("\n") + 1
        own = {n: by_file[part.filename].pop(n) for n in range(part.first_line, end) if n in by_file[part.filename]}
        if own:
            sources.append(ProfiledSource(part.filename, part.first_line, part.text, own))
    return sources + [ProfiledSource(name, 1, "", rest) for name, rest in by_file.items() if rest]
