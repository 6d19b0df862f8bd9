"""Fuel: how many instructions of Wasm a callback ran, which is the same on every run and every machine.

Facts: wasmtime counts an instruction as one unit, calls and loops included, and memory operations of any size as one; what
the host does for a hostcall is not counted. The same filter, fed the same requests, uses the same fuel, as long as it is
told the same times and random numbers: with fuel, callbacks take a fixed time on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ...abi import HOSTCALLS
from ...sdk.diagnostics.profiling import CALLS, PROBE, SHIFT
from ...sdk.loading.callbacks import HANDLERS

if TYPE_CHECKING:
    from ..trace.events import Event
    from ..trace.trace import Trace
    from .vm import Vm

__all__ = ["PROBED", "Fuel", "counted", "fuel_of", "with_probe"]

#: The hostcall through which a profiler reads fuel.
PROBED = "proxy_get_metric"

#: A method of the SDK's classes -> the callback that calls it, where their names differ.
_CALLBACKS = {h.method: h.callback for h in HANDLERS.values() if h.method != h.callback}


#: Hostcall -> its place in the table.
_PLACES = {hostcall.short: place for place, hostcall in enumerate(HOSTCALLS.values(), 1)}


class Fuel(dict[str, int]):
    """Instructions by callback. A callback goes by the ABI's name and by that of the Python method."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.values())

    def __missing__(self, name: str) -> int:
        callback = _CALLBACKS.get(name, "")
        if callback in self:
            return self[callback]
        ran = ", ".join(self) or "none"
        raise KeyError(f"{name} did not run; these callbacks did: {ran}")

    def __str__(self) -> str:
        return ", ".join(f"{name} {used:,}" for name, used in self.items())


def fuel_of(events: Iterable[Event]) -> Fuel:
    """Fuel by callback; of one that ran several times, the sum."""
    used = Fuel()
    for event in events:
        if event.kind == "callback" and event.fuel is not None:
            used[event.name] = used.get(event.name, 0) + event.fuel
    return used


def counted(vm: Vm, function: Callable[..., int | None]) -> Callable[..., int | None]:
    """An entry of `vm`, which leaves its fuel at the end of its trace record."""
    instance, entry = vm.instance, vm.entry

    def call(*args: int) -> int | None:
        before: int = instance.fuel_used  # type: ignore[attr-defined]  # only Wasm is run by an engine that counts
        try:
            return function(*args)
        finally:
            if entry.record is not None:
                entry.record.append(instance.fuel_used - before)  # type: ignore[attr-defined]

    return call


def with_probe(vm: Vm, get_metric: Callable[..., int]) -> Callable[[int, int], int]:
    """`proxy_get_metric` of a VM that may be profiled: then two ids that no metric has are answered, and leave no trace.

    One reads the fuel; the other tells, one by one, the hostcalls that were made between the last two readings.
    """
    trace, guest = vm.trace, vm.guest
    seen, places = 0, iter(range(0))

    def call(number: int, address: int) -> int:
        nonlocal seen, places
        if not vm.profiled or number not in (PROBE, CALLS):
            return get_metric(number, address)
        if number == CALLS:
            guest.write_u64(address, next(places, 0))
            return 0
        used: int = vm.instance.fuel_used  # type: ignore[attr-defined]
        guest.write_u64(address, (used << SHIFT) + trace.total)
        seen, places = trace.total, _places(trace, seen, trace.total, vm.number)
        return 0

    return call


def _places(trace: Trace, first: int, end: int, vm: int) -> Iterator[int]:
    """The hostcalls of a VM among these events, each by its place in the ABI's table, from 1."""
    for event in trace.outline(first, end - first):
        if event.kind == "hostcall" and event.vm == vm:
            yield _PLACES[event.name]
