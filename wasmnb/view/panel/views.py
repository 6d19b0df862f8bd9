"""The views of the panel. Each function writes the data of one view to the widget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmnb.host import PythonState

from . import view_data
from .spans import callouts, pauses
from .state import PanelState

__all__ = ["NARROWED", "SLOW", "VIEWS", "pick", "read_python"]

BARS = 4_000  # maximum number of events in the timeline
CALLOUTS = 1_000
PLUGINS = 50  # maximum number of plugins in the list
READ = 8  # maximum number of workers whose Python variables are read automatically


def pick(state: PanelState, row_id: int | None) -> None:
    """Show the details of the exchange with this row id. If it is None, no exchange is shown."""
    with state.widget.hold_sync():  # one message, because each message takes the front end milliseconds
        state.widget.picked = row_id
        if row_id is not None:
            state.widget.detail = _detail(state, row_id)


def _detail(state: PanelState, row_id: int) -> Any:
    exchange, current = state.history.find(row_id), state.widget.detail
    if exchange is None:
        return state.past.details.get(row_id, {"id": row_id, "gone": True})
    if exchange.done and current.get("final") and current["id"] == row_id:
        return current
    return view_data.detail(exchange, row_id, state.history.filter_ns(exchange), _explanations(state, exchange))


def _explanations(state: PanelState, exchange: Any) -> list[str]:
    if state.proxy.state == "closed" or exchange.state not in ("paused", "open", "failed"):
        return []
    return state.proxy.explain(exchange.number).lines if len(exchange.first_events(1000)) < 1000 else []


def _exchanges(state: PanelState) -> None:
    if not state.history.total:  # before the first exchange, the start is shown
        _start(state)
    newest = state.proxy.exchanges[-1] if state.proxy.exchanges else None
    follow = state.selection.follow and not state.traffic_runs
    if newest is not None and (state.widget.picked is None or follow):
        state.widget.picked = state.history.id_of(newest)
    pick(state, state.widget.picked)


def _timeline(state: PanelState) -> None:
    """Show the most recent events, or those around an exchange."""
    proxy, trace, around = state.proxy, state.proxy.trace, state.selection.around
    exchange = state.history.find(around) if around is not None else None
    own_events = exchange.first_events(1) if exchange is not None else ()
    first = own_events[0].seq - BARS // 10 if own_events else trace.total - BARS
    events = trace.outline(max(first, trace.dropped), BARS)
    threads = {vm.number: vm.thread.name for vm in proxy.vms}
    spans = [*pauses(events, proxy.now), *callouts(proxy.callouts[-CALLOUTS:], threads, proxy.now)]
    window, number = None, None
    if exchange is not None:
        window = [exchange.started, proxy.now if exchange.finished is None else exchange.finished]
        number = exchange.number
    bands = view_data.bands(state.history.starts())
    state.widget.lanes = {
        **view_data.lanes(events, trace.total, spans),
        "vms": bands,
        "window": window,
        "around": number,
    }


def _latency(state: PanelState) -> None:
    history, latencies = state.history, state.latencies
    if not history.requests().count:
        state.widget.latency = state.widget.baseline = {}
        return
    state.widget.latency = {
        **latencies.figures(history, state.selection.scope),
        "threads": [view_data.summary(history.requests(t), view_data.printable(t)) for t in history.threads],
        "choices": latencies.choices(history, state.past),
        "against": latencies.against,
    }
    state.widget.baseline = latencies.baseline(history, state.past)


def _shared_state(state: PanelState) -> None:
    if state.proxy.state != "closed":
        state.widget.shared = view_data.state(state.proxy)


def read_python(state: PanelState, *, all_workers: bool = False) -> None:
    """Read the Python variables of the VMs and show them.

    Parameters
    ----------
    state
        The state of the panel.
    all_workers
        Whether to read all workers, about 15 ms per worker (default False: only the first workers and the selected worker).
    """
    proxy = state.proxy
    if proxy.state == "closed":
        return
    workers = len(proxy.workers)
    python = proxy.python_state() if all_workers or workers <= READ else _some_workers(state)
    roots = {(vm.number, number): context.root.id for vm in proxy.vms for number, context in vm.contexts.items()}
    state.widget.python = view_data.python_state(python, workers=workers, roots=roots)


def _some_workers(state: PanelState) -> PythonState:
    """Read the Python variables of the first workers and of the selected worker."""
    proxy = state.proxy
    selected = [worker.number for worker in proxy.workers if worker.name == state.selection.scope.thread]
    numbers = [*selected, *range(1, READ + 1)]
    workers = sorted(dict.fromkeys(numbers))[: READ + 1]
    return PythonState(proxy.name, [vm for number in workers for vm in proxy.python_state(worker=number).vms])


def _start(state: PanelState) -> None:
    """Show the start of the proxy. It is converted again only if VMs have been created, have failed or been dropped."""
    if state.proxy.state == "closed":
        return
    starts = state.history.starts()
    if state.drawn_starts is not starts or not state.widget.start:
        state.drawn_starts = starts
        state.widget.start = view_data.start(state.proxy, starts)


def _log(state: PanelState) -> None:
    state.widget.log = view_data.log(state.proxy.log, state.selection.scope.log_filter())


def _traffic(state: PanelState) -> None:
    reports = state.reports.as_json()
    if reports != state.widget.reports:
        state.widget.reports = reports


def _module(state: PanelState) -> None:
    plugins, current = state.proxy.plugins, state.widget.module
    index = min(state.selection.plugin, len(plugins) - 1)
    if not plugins or (current.get("plugin") == index and current.get("facts")):
        return
    names = [view_data.printable(p.name, 80) for p in plugins[:PLUGINS]]
    state.widget.module = {**view_data.module(plugins[index]), "plugin": index, "plugins": names}


#: Views that the kernel updates when the selection changes. The front end filters the other views itself.
NARROWED = ("Latency", "Log", "Module")

#: Views that are filled only when they are open, because reading modules and drawing pictures takes long.
SLOW = ("Module", "Traffic")

#: Name of a view -> the function that fills it.
VIEWS: dict[str, Callable[[PanelState], None]] = {
    "Exchanges": _exchanges, "Timeline": _timeline, "Latency": _latency, "State": _shared_state, "Log": _log,
    "Module": _module, "Traffic": _traffic, "Start": _start,
}  # fmt: skip
