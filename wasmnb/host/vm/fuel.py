"""Fuel, which is the number of Wasm instructions run by a callback. It doesn't depend on the speed of the machine.

wasmtime counts each instruction as one unit, including calls, loops, and memory operations of any size. The host's work for a
hostcall isn't counted. A filter uses the same fuel for the same requests only if its clocks and random numbers return the same
values. In a proxy that counts fuel, callbacks therefore take a fixed time on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...abi import HOSTCALLS
from ...engine import Trap
from ...sdk.diagnostics.profiling import CALLS, PROBE, SHIFT
from ...sdk.loading.callbacks import HANDLERS

if TYPE_CHECKING:
    from ..trace.events import Event
    from ..trace.trace import Trace
    from .vm import Vm

__all__ = ["PROBED", "Fuel", "counted", "fuel_of", "with_probe"]

#: The hostcall through which a profiler reads fuel.
PROBED = "proxy_get_metric"

#: Callbacks by the names of the SDK's methods, if the names differ.
_CALLBACKS = {h.method: h.callback for h in HANDLERS.values() if h.method != h.callback}


#: Numbers of the hostcalls in the ABI's table, from 1.
_NUMBERS = {hostcall.short: number for number, hostcall in enumerate(HOSTCALLS.values(), 1)}


class Fuel(dict[str, int]):
    """Number of instructions by callback. Keys are the ABI's names, and lookups also accept names of Python methods."""

    @property
    def total(self) -> int:
        """Number of instructions run by all callbacks together."""
        return sum(self.values())

    def __missing__(self, name: str) -> int:
        callback = _CALLBACKS.get(name, "")
        if callback in self:
            return self[callback]
        ran = ", ".join(self) or "none"
        raise KeyError(f"{name} didn't run. These callbacks did: {ran}")

    def __str__(self) -> str:
        return ", ".join(f"{name} {used:,}" for name, used in self.items())


def fuel_of(events: Iterable[Event]) -> Fuel:
    """Add up the fuel of callback events by callback name."""
    used = Fuel()
    for event in events:
        if event.kind == "callback" and event.fuel is not None:
            used[event.name] = used.get(event.name, 0) + event.fuel
    return used


#: Callbacks at start, to which `fuel_limit` doesn't apply.
_START = frozenset(("proxy_on_vm_start", "proxy_on_configure", "proxy_on_context_create"))


def counted(vm: Vm, name: str, function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Wrap an export so that it adds its fuel to its trace record and traps at the proxy's `fuel_limit`."""
    entry, limit = vm.entry, vm.server.fuel_limit
    instance: Any = vm.instance  # always a Wasm instance, because the engine counts fuel

    def call(*args: int) -> int | None:
        before: int = instance.fuel_used
        try:
            return function(*args)
        finally:
            if entry.record is not None:
                entry.record.append(instance.fuel_used - before)

    def call_within(*args: int) -> int | None:
        if instance.running:  # inside a hostcall of another call, whose limit applies
            return call(*args)
        instance.grant_fuel(limit)
        try:
            return call(*args)
        except Trap as trap:
            if trap.kind == "fuel":
                trap.message = f"more than {limit:,} instructions, which is the limit set by fuel_limit="
            raise
        finally:
            instance.grant_fuel()

    return call_within if limit is not None and name.startswith("proxy_on_") and name not in _START else call


def with_probe(vm: Vm, get_metric: Callable[..., int]) -> Callable[[int, int], int]:
    """Wrap `proxy_get_metric` for a VM that can be profiled.

    Two ids that no metric uses are reserved for the profiler, and calls with them aren't traced. The first id returns the fuel.
    Each call with the second id returns one of the hostcalls made between the last two readings of the fuel.
    """
    trace, guest = vm.trace, vm.guest
    seen, numbers = 0, iter(range(0))

    def call(number: int, address: int) -> int:
        nonlocal seen, numbers
        if not vm.profiled or number not in (PROBE, CALLS):
            return get_metric(number, address)
        if number == CALLS:
            guest.write_u64(address, next(numbers, 0))
            return 0
        used: int = vm.instance.fuel_used  # type: ignore[attr-defined]
        guest.write_u64(address, (used << SHIFT) + trace.total)
        seen, numbers = trace.total, _hostcall_numbers(trace, seen, trace.total, vm.number)
        return 0

    return call


def _hostcall_numbers(trace: Trace, first: int, end: int, vm: int) -> Iterator[int]:
    """Yield the numbers of the VM's hostcalls among the events from `first` to `end`."""
    for event in trace.outline(first, end - first):
        if event.kind == "hostcall" and event.vm == vm:
            yield _NUMBERS[event.name]
