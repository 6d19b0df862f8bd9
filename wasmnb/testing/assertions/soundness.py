"""Assertions about a whole proxy: no filter has failed, no stream is stuck, and memory doesn't grow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, takewhile
from typing import Any

from ...abi import LogLevel
from ...engine import Trap
from ...errors import UsageError
from ...host.proxy_interface import ProxyInterface
from ...host.vm.module_check import ALLOCATORS
from ...parsing.tracebacks import parse_traceback
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

#: Virtual seconds after which a paused stream is considered stuck.
PATIENCE = 60.0

#: Steps in which virtual time advances by these seconds. Most streams end after few steps, which saves ticks.
_STEPS = (0.05, 0.95, 4.0, 15.0, 40.0)

#: Block size with which memory is measured, and the smallest growth of a round that is counted, in bytes.
_BLOCK, _MIN_GROWTH = 1 << 12, 1 << 14
_UNTOUCHED = bytes(_BLOCK)

#: Sizes of the allocations with which a heap's free blocks are used up, and maximum number of allocations of each size.
_SIZES, _MAX_ALLOCATIONS = (1 << 18, 1 << 14, 1 << 10), 256

#: Number of rounds before memory is measured, and number of measured rounds.
_WARM_UP, _MEASURED = 2, 3


def failure_text(failure: Any) -> str:
    """Describe the failure of a filter, with its Python traceback if there is one."""
    text = str(failure.error())
    return f"{text}\n{failure.traceback.rstrip()}" if failure.traceback else text


def tracebacks(lines: Any) -> list[str]:
    """Return the tracebacks in a log. They include exceptions that ended only one stream, without a trap."""
    return [
        line.text
        for line in lines
        if line.source == "filter" and line.level == LogLevel.CRITICAL and parse_traceback(line.text)
    ]


def stuck(proxy: Any, since: int = 0) -> list[Any]:
    """Return all exchanges with a number above `since` that haven't ended, the latest first."""
    recent = takewhile(lambda exchange: exchange.number > since, reversed(proxy.exchanges))
    return [exchange for exchange in recent if not exchange.done]


def wait_for_all(proxy: Any, since: int = 0) -> None:
    """Advance virtual time until all exchanges have ended, but by at most `PATIENCE` seconds.

    Parameters
    ----------
    proxy
        A simulated proxy.
    since
        Exchanges up to this number are ignored (default 0).
    """
    for step in _STEPS:
        if not stuck(proxy, since):
            return
        proxy.advance(step)


def assert_sound(proxy: Any) -> None:
    """Assert that no filter has failed and that all exchanges end.

    Parameters
    ----------
    proxy
        A simulated proxy. Its virtual time is advanced by up to 60 seconds if an exchange hasn't ended yet.

    Raises
    ------
    AssertionError
        A filter trapped or raised an exception, or a stream is stuck.
    """
    __tracebackhide__ = True
    wait_for_all(proxy)
    failed = [vm for vm in proxy.vms if vm.failed]
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
    """Repeat an action in several rounds, and return the growth of the workers' memory in each measured round, in bytes.

    The first rounds, which fill caches, aren't measured. The first measured round without growth is the last round.
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
    """Return whether all filters are written in Python, which frees an object as soon as its last reference is gone."""
    return all(isinstance(getattr(plugin.filter, "source", None), str) for plugin in proxy.plugins)


def memory(proxy: Any) -> int:
    """Return the memory size of the workers' VMs in bytes.

    For Python filters, blocks that contain only zeros aren't counted, so that a leak is found long before the VM's memory
    grows. For other modules, the whole memory is counted, because a garbage collector can fill it before it frees anything.
    """
    if _is_python(proxy):
        return sum(map(_touched, _workers(proxy)))
    return sum(vm.memory_size for vm in _workers(proxy))


def _touched(vm: Any) -> int:
    data: bytes = vm.instance.memory.read(0, vm.memory_size)
    return _BLOCK * sum(data[at : at + _BLOCK] != _UNTOUCHED for at in range(0, len(data), _BLOCK))


def use_up(proxy: Any) -> None:
    """Allocate all free blocks of the guests' heaps, so that a leak soon makes their memory grow."""
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
    """Return whether the result of `growth` means that memory grows without limit."""
    return len(increments) == _MEASURED and min(increments) >= _MIN_GROWTH


def assert_memory_steady(proxy: Any, repeat: Callable[[], Any], *, times: int = 200) -> None:
    """Assert that repeating an action doesn't make the filter's memory grow.

    Parameters
    ----------
    proxy
        A simulated proxy.
    repeat
        Function that performs the action, such as `lambda: proxy.get("/")`.
    times
        Number of repetitions in each of five rounds (default 200). Memory that grows in each of the last three rounds is a
        leak.

    Raises
    ------
    AssertionError
        The memory grew in each of the last three rounds.
    UsageError
        A filter is native and has no memory of its own.
    """
    __tracebackhide__ = True
    if any(getattr(plugin.filter, "is_native", False) for plugin in proxy.plugins):
        raise UsageError("The memory of a native filter can't be measured. Run the filter as Wasm in this test.")
    increments = growth(proxy, repeat, times=times)
    if grows(increments):
        average = sum(increments) / (times * len(increments))
        sizes = ", ".join(f"{size // 1024} KiB" for size in increments)
        fail(f"memory grows by {average:,.0f} bytes in each repetition: rounds of {times} added {sizes}")
