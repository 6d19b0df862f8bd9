"""What VMs share, and what the Python in each of them keeps to itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from wasmnb.view.documents.proxy.shared_state import histogram_text

from .texts import Room, shown

__all__ = ["python_state", "state"]

METRICS = 500
ENTRIES = 1_000  # of shared data, and queues
VARIABLES = 500
STREAMS = 50
ATTRIBUTES = 30  # of one stream
_ROOM = 200_000


def state(proxy: Any) -> Any:
    """Metrics, shared data, queues; each with the number of those left out."""
    shared = proxy.shared_data
    metrics = proxy.metrics.all()
    return {
        "metrics": _table(metrics, _metric, METRICS, [[shown(n), "envoy", f"{v:,}"] for n, v in proxy.metrics.envoy.items()]),
        "data": _table(shared.entries(), lambda e: [*map(shown, e[:3]), e[3]], ENTRIES),
        "queues": _table(shared.queues(), _queue, ENTRIES),
    }  # fmt: skip


def _table(items: Any, make: Any, limit: int, after: Any = ()) -> Any:
    rows, more = Room(_ROOM).take(items, make, limit)
    return {"rows": [*rows, *after], "more": more}


def _metric(metric: Any) -> Any:
    """A metric as Envoy's admin page prints it: the scope before the name."""
    kind = metric.kind.name.lower()
    value = histogram_text(metric.samples) if kind == "histogram" else f"{metric.value:,}"
    return [shown(f"wasmcustom.{metric.name}" if metric.name else "wasmcustom"), kind, value]


def _queue(queue: Any) -> Any:
    newest = shown(queue.items[0], 200) if queue.items else ""
    return [shown(queue.vm_id), shown(queue.name), len(queue.items), newest, shown(queue.receiver)]


def python_state(held: Any, *, workers: int, roots: Mapping[tuple[int, int], int] = MappingProxyType({})) -> Any:
    """Variables of contexts, classes and the module, thread by thread, and attributes of live streams.

    Parameters
    ----------
    held
        `Proxy.python_state()`, of all workers or of some of them.
    workers
        How many there are in all.
    roots
        VM and context -> its root context.
    """
    read = [vm for vm in held.vms if not vm.problem]
    threads = sorted({vm.thread for vm in read}, key=_order)
    room = Room(_ROOM)
    variables, more = room.take(held.variables, _variable, VARIABLES)
    streams, more_streams = room.take(held.streams, lambda pair: _stream(pair[0], pair[1], roots), STREAMS)
    return {
        "threads": [shown(t) for t in threads],
        "left": workers - len({t for t in threads if t != "main"}) if read else 0,
        "variables": variables,
        "more": more,
        "streams": streams,
        "more_streams": more_streams,
        "problems": [shown(f"VM{vm.number} on {vm.thread}: {vm.problem}", 300) for vm in held.vms if vm.problem][
            :ATTRIBUTES
        ],
    }


def _order(thread: str) -> int:
    """The main thread first, then workers by number, whichever VM was made first."""
    number = thread.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def _variable(variable: Any) -> Any:
    values = [[shown(value, 300), list(threads)] for value, threads in variable.values.items()]
    return {
        "owner": shown(variable.owner, 80),
        "plugins": [shown(p) for p in variable.plugins],
        "plugin": _plugin(variable),
        "name": shown(variable.name, 80),
        "values": values,
        "differs": variable.differs,
    }


def _plugin(variable: Any) -> str | None:
    """Name of the plugin whose context holds a variable; None of modules and classes, which plugins of a VM share."""
    found = [p for p in variable.plugins if variable.owner.endswith(f" of {p}")]
    return shown(max(found, key=len)) if found else None


def _stream(vm: Any, stream: Any, roots: Mapping[tuple[int, int], int]) -> Any:
    attributes = [[shown(k, 80), shown(v, 300)] for k, v in list(stream.attributes.items())[:ATTRIBUTES]]
    more = stream.more + len(stream.attributes) - len(attributes)
    about = f"{stream.class_name}, {stream.name}" if stream.name else stream.class_name
    where = {"thread": shown(vm.thread), "vm": vm.number, "root": roots.get((vm.number, stream.id))}
    return {**where, "about": shown(about, 120), "attributes": attributes, "more": more}
