"""Assertions about a proxy as a whole: nothing trapped, nothing is stuck, memory stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, takewhile
from typing import Any

from ...abi import LogLevel
from ...engine import Trap
from ...errors import UsageError
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

#: Virtual seconds after which a stream that is still held counts as stuck.
PATIENCE = 60.0

#: Steps in which they pass: most streams need none, and a filter that ticks often is not ticked in vain.
_STEPS = (0.05, 0.95, 4.0, 15.0, 40.0)

#: Pieces in which memory is looked at, and bytes that a round has to make it grow by.
_PIECE, _LEAST = 1 << 12, 1 << 14
_UNTOUCHED = bytes(_PIECE)

#: Sizes of what is taken from a heap to use it up, and how many of each at most.
_PIECES, _MOST_PIECES = (1 << 18, 1 << 14, 1 << 10), 256

#: Rounds before memory is measured, and rounds in which it is.
_WARM_UP, _MEASURED = 2, 3


def failure_text(failure: Any) -> str:
    """A failure of a filter, with its Python traceback if there is one."""
    text = str(failure.error())
    return f"{text}\n{failure.traceback.rstrip()}" if failure.traceback else text


def tracebacks(lines: Any) -> list[str]:
    """Tracebacks that were logged without a trap: of a coroutine, say, whose stream alone was given up."""
    return [x.text for x in lines if x.level == LogLevel.CRITICAL and "Traceback (most recent call last)" in x.text]


def stuck(proxy: Any, since: int = 0) -> list[Any]:
    """Exchanges that are not over, among those after number `since`; the latest first."""
    recent = takewhile(lambda x: x.number > since, reversed(proxy.exchanges))
    return [x for x in recent if not x.done]


def wait_for_all(proxy: Any, since: int = 0) -> None:
    """Let virtual time pass until all exchanges (after number `since`) are over, at most `PATIENCE` seconds."""
    for step in _STEPS:
        if not stuck(proxy, since):
            return
        proxy.advance(step)


def assert_sound(proxy: Any) -> None:
    """No filter has failed, and every exchange is over, or ends when time passes.

    Parameters
    ----------
    proxy
        A simulated proxy; `PATIENCE` virtual seconds pass in it if an exchange is still under way.
    """
    __tracebackhide__ = True
    wait_for_all(proxy)
    failed = [vm for vm in proxy.vms if vm.failed and vm.failure is not None]
    if failed:
        fail(f"the filter failed on {failed[0].thread.name}: {failure_text(failed[0].failure)}")
    found = tracebacks(proxy.log)
    if found:
        fail(f"the filter raised an exception: {found[0]}")
    held = stuck(proxy)
    if held:
        lines = [f"    {x!r}" for x in held]
        fail(
            f"{plural(len(held), 'stream is', 'streams are')} stuck: {PATIENCE:.0f} virtual seconds have passed and nothing "
            f"resumed {'it' if len(held) == 1 else 'them'}",
            *lines,
        )


def growth(proxy: Any, repeat: Callable[[], Any], *, times: int) -> list[int]:
    """Bytes by which the workers' memory grew in the last `_MEASURED` of several rounds.

    The rounds before let caches fill. What comes after the first round without growth is not waited for.
    """
    sizes: list[int] = []
    repeat()
    use_up(proxy)
    for number in range(1 + _WARM_UP + _MEASURED):
        for _ in range(times if number else 1):
            repeat()
        proxy.trace.clear()
        sizes.append(memory(proxy))
        if number > _WARM_UP and sizes[-1] - sizes[-2] < _LEAST:
            break
    return [after - before for before, after in pairwise(sizes[_WARM_UP:])]


def _workers(proxy: Any) -> list[Any]:
    return [vm for vm in proxy.vms if vm.thread.number]


def _is_python(proxy: Any) -> bool:
    """Whether all filters were made from Python source, whose memory is freed as soon as nobody refers to it."""
    return all(isinstance(getattr(plugin.filter, "source", None), str) for plugin in proxy.plugins)


def memory(proxy: Any) -> int:
    """Bytes of memory that the workers' VMs use.

    Of a Python filter what has ever been written to: its heap lies in the VM from the beginning, and a leak shows there
    long before the VM has to grow. Of another module all of its memory, since a garbage collector may well go through
    all that there is before it frees anything.
    """
    if _is_python(proxy):
        return sum(map(_touched, _workers(proxy)))
    return sum(vm.memory_size for vm in _workers(proxy))


def _touched(vm: Any) -> int:
    data: bytes = vm.instance.memory.read(0, vm.memory_size)
    return _PIECE * sum(data[at : at + _PIECE] != _UNTOUCHED for at in range(0, len(data), _PIECE))


def use_up(proxy: Any) -> None:
    """Take what is free in the guests' heaps, through their own allocators, so that a leak shows soon as growth."""
    for vm in _workers(proxy):
        _use_up(vm)


def _use_up(vm: Any) -> None:
    allocate = next((f for name in ALLOCATORS if (f := vm.instance.function(name)) is not None), None)
    if allocate is None or vm.failed:
        return
    for size in _PIECES:
        for _ in range(_MOST_PIECES):
            before = vm.memory_size
            try:
                taken = allocate(size)
            except Trap:
                return
            if not taken or vm.memory_size > before:
                break


def grows(grown: list[int]) -> bool:
    """Whether what `growth` gave is growth without end."""
    return len(grown) == _MEASURED and min(grown) >= _LEAST


def assert_memory_steady(proxy: Any, repeat: Callable[[], Any], *, times: int = 200) -> None:
    """Doing the same again and again does not let the filter's memory grow.

    Parameters
    ----------
    proxy
        A simulated proxy.
    repeat
        What to do: `lambda: proxy.get("/")`.
    times
        Repetitions in a round; there are five rounds, and memory that grows in each of the last three grows without end.
    """
    __tracebackhide__ = True
    if any(getattr(plugin.filter, "is_native", False) for plugin in proxy.plugins):
        raise UsageError("A native filter has no memory of its own to be measured; use it as Wasm here.")
    grown = growth(proxy, repeat, times=times)
    if grows(grown):
        each = sum(grown) / (times * len(grown))
        shown = ", ".join(f"{size // 1024} KiB" for size in grown)
        fail(f"memory grows by {each:,.0f} bytes each time: rounds of {times} took {shown}")
