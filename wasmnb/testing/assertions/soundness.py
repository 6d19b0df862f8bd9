"""Assertions about a whole proxy: no traps, no stuck streams, no memory growth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, takewhile
from typing import Any

from ...abi import LogLevel
from ...engine import Trap
from ...errors import UsageError
from ...host.proxy_interface import ProxyInterface
from ...host.vm.module_check import ALLOCATORS
from ...view.render.units import plural
from .matchers import fail

__all__ = [
    "PATIENCE",
    "assert_memory_steady",
    "assert_sound",
    "failure_text",
    "growth",
    "stuck",
    "tracebacks",
    "use_up",
    "wait_for_all",
]

#: Virtual seconds after which a paused stream counts as stuck.
PATIENCE = 60.0

#: Steps in which they pass. Most streams need none of them, which saves ticks.
_STEPS = (0.05, 0.95, 4.0, 15.0, 40.0)

#: Granularity of memory in bytes, and the growth in bytes that a round needs to count.
_BLOCK, _MIN_GROWTH = 1 << 12, 1 << 14
_UNTOUCHED = bytes(_BLOCK)

#: Sizes of the allocations that exhaust a heap's free blocks, and the most allocations of each size.
_SIZES, _MAX_ALLOCATIONS = (1 << 18, 1 << 14, 1 << 10), 256

#: Rounds before memory is measured, and measured rounds.
_WARM_UP, _MEASURED = 2, 3


def failure_text(failure: Any) -> str:
    """Return the text of a filter's failure, with its Python traceback if there is one."""
    text = str(failure.error())
    return f"{text}\n{failure.traceback.rstrip()}" if failure.traceback else text


def tracebacks(lines: Any) -> list[str]:
    """Return tracebacks that were logged without a trap, such as those of a coroutine that ended its own stream only."""
    return [
        line.text
        for line in lines
        if line.level == LogLevel.CRITICAL and "Traceback (most recent call last)" in line.text
    ]


def stuck(proxy: Any, since: int = 0) -> list[Any]:
    """Return exchanges after number `since` that aren't done, the latest first."""
    recent = takewhile(lambda exchange: exchange.number > since, reversed(proxy.exchanges))
    return [exchange for exchange in recent if not exchange.done]


def wait_for_all(proxy: Any, since: int = 0) -> None:
    """Advance virtual time until all exchanges are done, or by at most `PATIENCE` seconds.

    Parameters
    ----------
    proxy
        A simulated proxy.
    since
        Only exchanges with a higher number count (default 0).
    """
    for step in _STEPS:
        if not stuck(proxy, since):
            return
        proxy.advance(step)


def assert_sound(proxy: Any) -> None:
    """Assert that no filter failed and that every exchange ends.

    Parameters
    ----------
    proxy
        A simulated proxy. Its time advances by up to `PATIENCE` virtual seconds while an exchange isn't done.

    Raises
    ------
    AssertionError
        A filter trapped or raised an exception, or a stream is stuck.
    """
    __tracebackhide__ = True
    wait_for_all(proxy)
    failed = [vm for vm in proxy.vms if vm.failed and vm.failure is not None]
    if failed:
        fail(f"the filter failed on {failed[0].thread.name}: {failure_text(failed[0].failure)}")
    logged = tracebacks(proxy.log)
    if logged:
        fail(f"the filter raised an exception: {logged[0]}")
    paused = stuck(proxy)
    if paused:
        lines = [f"    {exchange!r}" for exchange in paused]
        fail(
            f"{plural(len(paused), 'stream is', 'streams are')} stuck: nothing resumed {'it' if len(paused) == 1 else 'them'} "
            f"for {PATIENCE:.0f} virtual seconds",
            *lines,
        )


def growth(proxy: Any, repeat: Callable[[], Any], *, times: int) -> list[int]:
    """Return the growth of the workers' memory, in bytes, in the last `_MEASURED` of several rounds.

    Earlier rounds fill caches. The measurement stops after the first round without growth.
    """
    sizes: list[int] = []
    repeat()
    use_up(proxy)
    for number in range(1 + _WARM_UP + _MEASURED):
        for _ in range(times if number else 1):
            repeat()
        proxy.trace.clear()
        sizes.append(memory(proxy))
        if number > _WARM_UP and sizes[-1] - sizes[-2] < _MIN_GROWTH:
            break
    return [after - before for before, after in pairwise(sizes[_WARM_UP:])]


def _workers(proxy: Any) -> list[Any]:
    return [vm for vm in proxy.vms if vm.thread.number]


def _is_python(proxy: ProxyInterface) -> bool:
    """Return whether all filters are Python, which frees memory as soon as its last reference is dropped."""
    return all(isinstance(getattr(plugin.filter, "source", None), str) for plugin in proxy.plugins)


def memory(proxy: Any) -> int:
    """Return the memory of the workers' VMs in bytes.

    For a Python filter it's the memory that was ever written to: its heap is allocated from the start, and a leak shows
    there long before the VM grows. For other modules it's the whole memory, because a garbage collector can use all of it
    before it frees anything.
    """
    if _is_python(proxy):
        return sum(map(_touched, _workers(proxy)))
    return sum(vm.memory_size for vm in _workers(proxy))


def _touched(vm: Any) -> int:
    data: bytes = vm.instance.memory.read(0, vm.memory_size)
    return _BLOCK * sum(data[at : at + _BLOCK] != _UNTOUCHED for at in range(0, len(data), _BLOCK))


def use_up(proxy: Any) -> None:
    """Allocate the free blocks of the guests' heaps, so that leaks soon show as growth."""
    for vm in _workers(proxy):
        _use_up(vm)


def _use_up(vm: Any) -> None:
    allocate = next((f for name in ALLOCATORS if (f := vm.instance.function(name)) is not None), None)
    if allocate is None or vm.failed:
        return
    for size in _SIZES:
        for _ in range(_MAX_ALLOCATIONS):
            before = vm.memory_size
            try:
                address = allocate(size)
            except Trap:
                return
            if not address or vm.memory_size > before:
                break


def grows(increments: list[int]) -> bool:
    """Return whether increments from `growth` show unlimited growth."""
    return len(increments) == _MEASURED and min(increments) >= _MIN_GROWTH


def assert_memory_steady(proxy: Any, repeat: Callable[[], Any], *, times: int = 200) -> None:
    """Assert that repeating an action doesn't make the filter's memory grow.

    Parameters
    ----------
    proxy
        A simulated proxy.
    repeat
        The action, such as `lambda: proxy.get("/")`.
    times
        Repetitions in each of five rounds (default 200). Memory that grows in each of the last three is a leak.

    Raises
    ------
    AssertionError
        The memory grows.
    UsageError
        A filter is native.
    """
    __tracebackhide__ = True
    if any(getattr(plugin.filter, "is_native", False) for plugin in proxy.plugins):
        raise UsageError("Native filters have no memory of their own. Use the filter as Wasm here.")
    increments = growth(proxy, repeat, times=times)
    if grows(increments):
        average = sum(increments) / (times * len(increments))
        sizes = ", ".join(f"{size // 1024} KiB" for size in increments)
        fail(f"memory grows by {average:,.0f} bytes in each repetition: rounds of {times} added {sizes}")
