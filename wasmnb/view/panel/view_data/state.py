"""Convert the shared state and the Python variables of a proxy's VMs to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from wasmnb.view.documents.proxy.shared_state import histogram_text
from wasmnb.view.render.units import plural

from .texts import Budget, printable

__all__ = ["python_state", "state"]

METRICS = 500
ENTRIES = 1_000  # maximum number of entries of shared data, and of queues
VARIABLES = 500
STREAMS = 50
ATTRIBUTES = 30  # maximum number of attributes of one stream
_BUDGET = 200_000


def state(proxy: Any) -> Any:
    """Return the metrics, shared data and queues of a proxy as JSON, each with the number of omitted rows."""
    shared = proxy.shared_data
    metrics = proxy.metrics.all()
    return {
        "metrics": _table(metrics, _metric, METRICS, [[printable(n), "envoy", f"{v:,}"] for n, v in proxy.metrics.envoy.items()]),
        "data": _table(shared.entries(), lambda e: [*map(printable, e[:3]), e[3]], ENTRIES),
        "queues": _table(shared.queues(), _queue, ENTRIES),
    }  # fmt: skip


def _table(items: Any, make: Any, limit: int, after: Any = ()) -> Any:
    rows, omitted = Budget(_BUDGET).take(items, make, limit)
    return {"rows": [*rows, *after], "more": omitted}


def _metric(metric: Any) -> Any:
    """Return the name on Envoy's admin page, the kind and the value of a metric."""
    kind = metric.kind.name.lower()
    value = histogram_text(metric.samples) if kind == "histogram" else f"{metric.value:,}"
    return [printable(f"wasmcustom.{metric.name}" if metric.name else "wasmcustom"), kind, value]


def _queue(queue: Any) -> Any:
    newest = printable(queue.items[0], 200) if queue.items else ""
    others = len({name for name in queue.replaced if name.startswith("worker-")})
    missed = f": the last that registered it; {plural(others, 'other worker')} that did get no items"
    receiver = queue.receiver + (missed if others else "")
    return [printable(queue.vm_id), printable(queue.name), len(queue.items), newest, printable(receiver)]


def python_state(python: Any, *, workers: int, roots: Mapping[tuple[int, int], int] = MappingProxyType({})) -> Any:
    """Return the Python variables of contexts, classes and modules, and the attributes of open streams, as JSON.

    Parameters
    ----------
    python
        Result of `Proxy.python_state()` for some or all workers.
    workers
        Number of all workers of the proxy.
    roots
        (VM, context) -> plugin context (default empty).
    """
    read = [vm for vm in python.vms if not vm.problem]
    threads = sorted({vm.thread for vm in read}, key=_order)
    budget = Budget(_BUDGET)
    variables, omitted = budget.take(python.variables, _variable, VARIABLES)
    streams, more_streams = budget.take(python.streams, lambda each: _stream(each.vm, each.stream, roots), STREAMS)
    return {
        "threads": [printable(t) for t in threads],
        "left": workers - len({t for t in threads if t != "main"}) if read else 0,
        "variables": variables,
        "more": omitted,
        "streams": streams,
        "more_streams": more_streams,
        "problems": [printable(f"VM{vm.number} on {vm.thread}: {vm.problem}", 300) for vm in python.vms if vm.problem][
            :ATTRIBUTES
        ],
    }


def _order(thread: str) -> tuple[bool, int, str]:
    """Return the sort key of a thread's name: the main thread comes first, and worker-2 before worker-10."""
    return thread != "main", len(thread), thread


def _variable(variable: Any) -> Any:
    values = [[printable(value, 300), list(threads)] for value, threads in variable.values.items()]
    return {
        "owner": printable(variable.owner, 80),
        "plugins": [printable(p) for p in variable.plugins],
        "plugin": printable(variable.plugin) if variable.plugin else None,
        "name": printable(variable.name, 80),
        "values": values,
        "differs": variable.differs,
    }


def _stream(vm: Any, stream: Any, roots: Mapping[tuple[int, int], int]) -> Any:
    attributes = [[printable(k, 80), printable(v, 300)] for k, v in list(stream.attributes.items())[:ATTRIBUTES]]
    omitted = stream.more + len(stream.attributes) - len(attributes)
    about = f"{stream.class_name}, {stream.name}" if stream.name else stream.class_name
    origin = {"thread": printable(vm.thread), "vm": vm.number, "root": roots.get((vm.number, stream.id))}
    return {**origin, "about": printable(about, 120), "attributes": attributes, "more": omitted}
