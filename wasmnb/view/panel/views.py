"""How each view of the panel is filled: one function a view, which sets one trait."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wasmnb.host import PythonState
from wasmnb.traffic.distribution import Distribution
from wasmnb.traffic.harness import measure_harness

from . import snapshot
from .scope import EVERYTHING, Scope
from .spans import callouts, pauses

if TYPE_CHECKING:
    from wasmnb.traffic.harness import Harness

    from .history import History
    from .panel import Panel

__all__ = ["NARROWED", "VIEWS", "Latencies", "read_python"]

BARS = 4_000  # events of the timeline
CALLOUTS = 1_000
PLUGINS = 50  # of a chain, to choose among
READ = 8  # workers whose Python is read without being asked for

_ALL = "all threads"
_KEPT = "kept figures"


class Latencies:
    """Figures of this version and of others to lay over them.

    Attributes
    ----------
    kept
        Figures that the user kept, to compare with.
    against
        What is laid over: nothing (empty), `kept figures`, `version N`, or a thread's name.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.against = ""
        self._harness: Harness | None = None

    def of(self, history: History, scope: Scope = EVERYTHING) -> Any:
        """Distributions of a version, of a part of it or of all; a whole request is its thread's, and no plugin's."""
        if self._harness is None:
            self._harness = measure_harness(rounds=3, calls=500)
        requests = history.requests(scope.thread or "") if scope.root is None else Distribution("request")
        return snapshot.latency(_whose(history, scope), requests, history.callbacks(scope), self._harness)

    def choices(self, panel: Panel) -> list[str]:
        """What may be laid over."""
        kept = [_KEPT] if self.kept else []
        threads = panel.history.threads
        return [*kept, *panel.past.latencies, *(threads if len(threads) > 1 else [])]

    def other(self, panel: Panel) -> Any:
        """What is laid over, or nothing."""
        if self.against == _KEPT:
            return {**self.kept, "of": _KEPT}
        if self.against in panel.past.latencies:
            return {**panel.past.latencies[self.against], "of": self.against}
        return self.of(panel.history, Scope(self.against)) if self.against in panel.history.threads else {}


def _whose(history: History, scope: Scope) -> str:
    """What figures are of, in words."""
    parts = [scope.thread or _ALL]
    if scope.vm is not None:
        parts.append(f"VM{scope.vm}")
    if scope.root is not None:
        plugin = scope.plugin(history.proxy)
        parts.append(plugin.name if plugin is not None else f"context {scope.root}")
    return ", ".join(parts)


def _exchanges(panel: Panel) -> None:
    newest = panel.proxy.exchanges[-1] if panel.proxy.exchanges else None
    if newest is not None and (panel.widget.picked is None or (panel.follows and not panel.running)):
        panel.widget.picked = panel.history.id_of(newest)
    panel.pick(panel.widget.picked)


def _timeline(panel: Panel) -> None:
    """The newest events, or those around an exchange that was asked for."""
    proxy, trace = panel.proxy, panel.proxy.trace
    found = panel.history.find(panel.around) if panel.around is not None else None
    first = trace.total - BARS if found is None else found._first - BARS // 10
    events = trace.outline(max(first, trace.dropped), BARS)
    threads = {vm.number: vm.thread.name for vm in proxy.vms}
    lasting = [*pauses(events, proxy.now), *callouts(proxy.callouts[-CALLOUTS:], threads, proxy.now)]
    window = None if found is None else [found.started, proxy.now if found.finished is None else found.finished]
    number = None if found is None else found.number
    panel.widget.lanes = {**snapshot.lanes(events, trace.total, lasting), "window": window, "around": number}


def _latency(panel: Panel) -> None:
    history, latencies = panel.history, panel.latencies
    if not history.requests().count:
        panel.widget.latency = panel.widget.baseline = {}
        return
    panel.widget.latency = {
        **latencies.of(history, panel.scope),
        "threads": [snapshot.summary(history.requests(t), snapshot.shown(t)) for t in history.threads],
        "choices": latencies.choices(panel),
        "against": latencies.against,
    }
    panel.widget.baseline = latencies.other(panel)


def _state(panel: Panel) -> None:
    if panel.proxy.state != "closed":
        panel.widget.shared = snapshot.state(panel.proxy)


def read_python(panel: Panel, *, everywhere: bool = False) -> None:
    """What the Python in the VMs holds: a copy of each VM is asked, which takes some 15 ms, so that only a few are."""
    proxy = panel.proxy
    if proxy.state == "closed":
        return
    workers = len(proxy.workers)
    held = proxy.python_state() if everywhere or workers <= READ else _some(panel)
    roots = {(vm.number, number): context.root.id for vm in proxy.vms for number, context in vm.contexts.items()}
    panel.widget.python = snapshot.python_state(held, workers=workers, roots=roots)


def _some(panel: Panel) -> PythonState:
    """The Python of the first workers, and of the chosen one."""
    proxy = panel.proxy
    chosen = (panel.scope.thread or "").rpartition("-")[2]
    numbers = [*dict.fromkeys([int(chosen)] if chosen.isdigit() else []), *range(1, READ + 1)]
    wanted = sorted(dict.fromkeys(numbers))[: READ + 1]
    held = [vm for number in wanted for vm in proxy.python_state(worker=number).vms]
    return PythonState(proxy.name, held)


def _log(panel: Panel) -> None:
    panel.widget.log = snapshot.log(panel.proxy.log, panel.scope.sieve())


def _module(panel: Panel) -> None:
    plugins, shown = panel.proxy.plugins, panel.widget.module
    place = min(panel.plugin, len(plugins) - 1)
    if not plugins or (shown.get("plugin") == place and shown.get("facts")):
        return
    names = [snapshot.shown(p.name, 80) for p in plugins[:PLUGINS]]
    panel.widget.module = {**snapshot.module(plugins[place]), "plugin": place, "plugins": names}


#: Views that the kernel fills otherwise when a node is chosen; the front-end narrows the others itself.
NARROWED = ("Latency", "Log", "Module")

#: View -> what fills it.
VIEWS: dict[str, Callable[[Panel], None]] = {
    "Exchanges": _exchanges, "Timeline": _timeline, "Latency": _latency, "State": _state, "Log": _log, "Module": _module,
}  # fmt: skip
