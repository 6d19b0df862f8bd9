"""What is different for a VM whose filter is no Wasm: Python that runs in the notebook's own interpreter.

Facts: a callback of Wasm that takes longer than the deadline is stopped. Nothing can stop a native one, and nothing
should: somebody may be looking at it in a debugger. That time must not pass on the virtual clock, or else every
timeout strikes as soon as the debugger goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING

from ..trace.records import HOST_NS

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["unhurried"]


def unhurried(vm: Vm, function: Callable[..., int | None]) -> Callable[..., int | None]:
    """A callback of `vm` that takes no virtual time if it took longer than Wasm would be given."""
    longest = int(vm.server.deadline * 1e9)

    def call(*args: int) -> int | None:
        began = perf_counter_ns()
        try:
            return function(*args)
        finally:
            took = perf_counter_ns() - began
            if took > longest and vm.record is not None:
                vm.record[HOST_NS] = took  # the host's part, which is not counted

    return call
