"""Profiles: the same requests through twins of a proxy, once to measure time and once to count instructions line by line.

Time inside Wasm cannot be had line by line: reading a clock costs more than a line does. Instructions can: wasmtime counts
them, and what the observer adds is the same for every event, so that it can be taken away (`sdk/profiling.py`). So a line's
time is its share of the callbacks' time, which is measured without any observer, in proportion to its instructions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from typing import Any

from ..errors import SourceError, UsageError
from ..host import Event, Exchange, Plugin, Proxy
from ..host.contexts.root import RootContext
from ..host.inspect.introspection import call_introspection, has_introspection
from ..host.settings import SimulationSettings
from ..host.vm.vm import Vm
from ..messages import HeadersLike, Request, Text
from .profile_report import CallbackCost, HostcallCost, LineCost, Observer, ProfiledSource, ProfileReport

__all__ = ["profile"]

#: Requests that are sent before anything is measured (Python adapts itself to code that runs often), and that are watched.
WARM, WATCHED = 20, 50

#: Requests between two looks at the trace, which keeps a limited number of events.
_SLICE = 50

#: Settings of a measured proxy, whatever the profiled one has.
_MEASURED: dict[str, Any] = {
    "guest_time": SimulationSettings.guest_time,
    "trace_limit": SimulationSettings.trace_limit,
    "show_locals": False,
}

#: How much longer than usual a callback may take while it is watched.
_PATIENCE = 50

#: What to do with a filter that no Wasm can be made of.
_INSTEAD = (
    "A native filter is profiled as the Wasm that it becomes, and this one does not compile. What it costs in this Python "
    'is shown by %prun -s tottime NAME.get("/"), by cProfile, line_profiler or py-spy.'
)

_Key = tuple[str, str]  # plugin and callback


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
    progress: Callable[[str, float], None] | None = None,
) -> ProfileReport:
    """Find out where a filter spends its time, by the lines of its source, by hostcall and by callback.

    Parameters
    ----------
    proxy
        It is left alone: the requests go through two fresh proxies with its plugins, configuration and upstreams.
    requests
        How many are sent to measure time.
    last
        Without a `path`, the requests are those of the proxy's last exchanges, so many of them, in turn.
    method, path, headers, body, trailers, chunks, authority, http2
        The one request to send instead.
    progress
        Called with what is being done, and how much of it is done, from 0 to 1.

    Raises
    ------
    UsageError
        There is nothing to send.
    FilterTrap
        The filter failed under these requests.
    SourceError
        A native filter cannot be compiled to WebAssembly.

    Notes
    -----
    A native filter is profiled as the WebAssembly that it becomes, whose costs are others than this Python's. Those are seen by
    any profiler around the proxy: `%prun -s tottime hello.get("/")`, `cProfile`, `line_profiler`, `py-spy`.
    """
    if requests < 1:
        raise UsageError(f"At least one request is needed, not {requests}.")
    if path is None:
        wanted = _of_exchanges(proxy, last)
    else:
        wanted = [Request.of(method, path, headers, body, trailers, authority, chunks)]
    run = _Run(proxy, wanted, requests, http2=http2, tell=progress or (lambda _step, _share: None))
    return run.report()


def _of_exchanges(proxy: Proxy, last: int) -> list[Request]:
    found = [x.request for x in proxy.exchanges if isinstance(x, Exchange)][-max(last, 1) :]
    if not found:
        raise UsageError("There is no exchange to repeat: send a request first, or give a path.")
    return found


class _Run:
    """One profile."""

    def __init__(
        self, proxy: Proxy, wanted: list[Request], count: int, *, http2: bool, tell: Callable[[str, float], None]
    ) -> None:
        self.proxy = proxy
        self.wanted = wanted
        self.http2 = http2
        self.tell = tell
        self.plugins = _in_wasm(proxy.plugins)
        self.made = ProfileReport(proxy.name, count, native=self.plugins != list(proxy.plugins))
        self.statuses: Counter[int] = Counter()
        self.watched = -(-WATCHED // len(wanted)) * len(wanted)  # whole rounds, so that runs can be compared

    def report(self) -> ProfileReport:
        """Do it all."""
        self.tell("Measuring time", 0.1)
        times, hostcalls = self._times()
        self.tell("Counting instructions, in code compiled for that (once)", 0.3)
        with self._twin(fuel=True, deadline=self.proxy.simulation.deadline * _PATIENCE) as twin:
            self._send(twin, max(WARM, len(self.wanted)))
            fuel = self._fuel(twin)
            self.tell("Watching lines", 0.7)
            self._watch(twin, fuel, times)
        self.made.callbacks = sorted(
            (CallbackCost(*key, len(ns), sum(ns), _mean(fuel[key])) for key, ns in times.items()),
            key=lambda c: -c.total_ns,
        )
        self.made.hostcalls = sorted(
            (HostcallCost(name, len(ns), sum(ns)) for name, ns in hostcalls.items()), key=lambda h: -h.total_ns
        )
        self.tell("Done", 1.0)
        return self.made

    def _twin(self, **changes: Any) -> Proxy:
        return self.proxy.clone(self.plugins, workers=1, **_MEASURED, **changes)

    # -- passes

    def _times(self) -> tuple[dict[_Key, list[int]], dict[str, list[int]]]:
        """Nanoseconds of every callback and every hostcall, unobserved."""
        times: dict[_Key, list[int]] = defaultdict(list)
        hostcalls: dict[str, list[int]] = defaultdict(list)
        with self._twin() as twin:
            self._send(twin, max(WARM, len(self.wanted)))
            names = _plugin_names(twin)
            for event in self._events(twin, self.made.requests):
                if event.kind == "callback":
                    times[names(event), event.name].append(event.guest_ns)
                elif event.kind == "hostcall":
                    hostcalls[event.name].append(event.host_ns)
        self.made.statuses = dict(self.statuses)
        return times, hostcalls

    def _fuel(self, twin: Proxy) -> dict[_Key, list[int]]:
        """Instructions of every callback, unwatched."""
        used: dict[_Key, list[int]] = defaultdict(list)
        names = _plugin_names(twin)
        for event in self._events(twin, self.watched):
            if event.kind == "callback":
                used[names(event), event.name].append(event.fuel or 0)
        return used

    def _watch(self, twin: Proxy, fuel: dict[_Key, list[int]], times: dict[_Key, list[int]]) -> None:
        """Lines of the Python filters."""
        vms = [vm for vm in twin.vms if vm.role == "worker"]
        watched = [vm for vm in vms if has_introspection(vm)]
        if not watched:
            self.made.reason = (
                "There are no lines: the module was not made from Python by this wasmnb. Callbacks and hostcalls are "
                "measured from outside."
            )
            return
        for vm in watched:
            vm.profiled = True
            call_introspection(vm, "profile", on=True)
        self._send(twin, max(WARM, len(self.wanted)))
        for vm in watched:  # what has been learnt so far was about getting used to being watched
            call_introspection(vm, "profile", on=False)
            call_introspection(vm, "profile", on=True)
        self._send(twin, self.watched)
        for vm in watched:
            self._add(vm, call_introspection(vm, "profile", on=False), fuel, times)

    def _add(self, vm: Vm, told: dict[str, Any], fuel: dict[_Key, list[int]], times: dict[_Key, list[int]]) -> None:
        """Lines of one VM: fuel becomes time in proportion."""
        name = _name_of(vm)
        plain = sum(sum(used) for (plugin, _), used in fuel.items() if plugin == name)
        ns = sum(sum(spent) for (plugin, _), spent in times.items() if plugin == name) / self.made.requests
        whole = max(1.0, told["around"] + sum(line[4] for line in told["lines"]))
        lines = [self._line(line, ns, whole) for line in told["lines"] if line[3]]
        self.made.around += max(0.0, told["around"]) / whole * ns
        excess = whole / plain - 1 if plain else 0.0
        self.made.observer = Observer(told["events"] / self.watched, told["cost"], excess)
        self.made.sources = [*self.made.sources, *_sources(vm, lines)]

    def _line(self, told: list[Any], ns: float, whole: float) -> LineCost:
        filename, lineno, function, hits, fuel, hostcalls = told
        n, share = self.watched, max(0.0, fuel) / whole
        calls = {name: times / n for name, times in sorted(hostcalls.items(), key=lambda x: -x[1])}
        return LineCost(filename, lineno, function, hits / n, max(0.0, fuel) / n, share * ns, share, calls)

    def _send(self, twin: Proxy, count: int) -> None:
        """Send requests in turn; a filter that fails ends the profile."""
        for request in islice(cycle(self.wanted), count):
            done = twin.send(request, http2=self.http2)
            self.statuses[done.response.status if done.response is not None else 0] += 1
            failed = next((vm.failure for vm in twin.vms if vm.failure is not None), None)
            if failed is not None:
                raise failed.error()

    def _events(self, twin: Proxy, count: int) -> Iterator[Event]:
        """Send requests, and give all that happened, ticks and the like included."""
        self.statuses.clear()
        for first in range(0, count, _SLICE):
            twin.trace.clear()
            self._send(twin, min(_SLICE, count - first))
            yield from twin.trace


# -- helpers


def _in_wasm(plugins: Iterable[Plugin]) -> list[Plugin]:
    """The same with native filters as Wasm."""
    try:
        return [plugin.in_wasm for plugin in plugins]
    except SourceError as error:
        error.hint = f"{error.hint} {_INSTEAD}".strip()
        raise


def _mean(values: list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _name_of(vm: Vm) -> str:
    """The plugins in a VM, which are told together."""
    roots = [c for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None]
    return ", ".join(dict.fromkeys(root.plugin.name for root in roots if root.plugin is not None))


def _plugin_names(twin: Proxy) -> Callable[[Event], str]:
    """Whose callback an event is."""
    names = {vm.number: _name_of(vm) for vm in twin.vms}
    return lambda event: names.get(event.vm or 0, "")


def _sources(vm: Vm, lines: list[LineCost]) -> list[ProfiledSource]:
    """Pieces of source in which lines ran, with their text as far as it is known."""
    by_file: dict[str, dict[int, LineCost]] = defaultdict(dict)
    for line in lines:
        by_file[line.filename][line.lineno] = line
    roots = (c for c in vm.contexts.values() if isinstance(c, RootContext) and c.plugin is not None)
    bundles = [getattr(root.plugin.filter, "bundle", None) for root in roots if root.plugin is not None]
    found = []
    for part in [place for bundle in bundles if bundle is not None for place in bundle.places()]:
        end = part.first_line + part.text.count("\n") + 1
        here = {n: by_file[part.filename].pop(n) for n in range(part.first_line, end) if n in by_file[part.filename]}
        if here:
            found.append(ProfiledSource(part.filename, part.first_line, part.text, here))
    return found + [ProfiledSource(name, 1, "", rest) for name, rest in by_file.items() if rest]
