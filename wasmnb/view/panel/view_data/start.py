"""Convert the start of a proxy to JSON, with the callbacks and log lines of each VM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.view.documents.proxy.start import VmStart, context_notes, summary_of

from .lines import line
from .texts import Budget, printable
from .timeline import call

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["bands", "start"]

VMS = 200
LINES = 20  # maximum number of log lines of one VM
_BUDGET = 300_000


def bands(starts: Sequence[VmStart]) -> Any:
    """Return the lifetimes of VMs for the timeline: number, thread, role, and the times of creation, end and failure."""
    return [
        [s.number, printable(s.thread), printable(s.role), s.created, s.closed_at, s.failed_at] for s in starts[:VMS]
    ]


def start(proxy: Proxy, starts: Sequence[VmStart]) -> Any:
    """Return the kinds of contexts of the filter, and the start of each VM with its callbacks and log lines.

    Parameters
    ----------
    proxy
        The proxy.
    starts
        The starts of the proxy's VMs.
    """
    lines = _lines(proxy, starts)
    vms, omitted = Budget(_BUDGET).take(starts, lambda each: _vm(each, lines.get(each.number, [])), VMS)
    return {
        "summary": summary_of(starts) if starts else "",
        "contexts": [list(map(printable, note)) for note in context_notes(proxy.tree())],
        "vms": vms,
        "more": omitted,
    }


def _vm(each: VmStart, lines: list[Any]) -> Any:
    steps = [{"meaning": step.meaning, "call": call(step.event, step.inner)} for step in each.steps]
    return {
        "vm": each.number,
        "thread": printable(each.thread),
        "role": printable(each.role),
        "title": printable(each.title),
        "reason": each.reason,
        "took": round(each.took),
        "ready": round(each.ready * 1e9),
        "failure": printable(each.failure),
        "closed": each.closed_at is not None,
        "steps": steps,
        "log": [line(entry) for entry in lines],
    }


def _lines(proxy: Proxy, starts: Sequence[VmStart]) -> dict[int, list[Any]]:
    """Return the first log lines from the start of each VM: number of the VM -> lines."""
    ends = {each.number: each.ready for each in starts}
    lines: dict[int, list[Any]] = {}
    for entry in proxy.log[:]:
        if entry.vm in ends and entry.exchange is None and entry.time <= ends[entry.vm]:
            of_vm = lines.setdefault(entry.vm, [])
            if len(of_vm) < LINES:
                of_vm.append(entry)
    return lines
