"""Measure the time that an empty callback and an empty hostcall take on this machine.

The engine needs this time to enter and leave a module, so this time is a lower limit of every latency. The time of the
simulated proxy's own work, such as tracing, is recorded separately in each event and isn't part of a filter's latency.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..engine import Instance, assemble, default_engine

__all__ = ["Harness", "measure_harness"]

_MODULE = """(module
  (import "env" "empty" (func $empty (param i32 i32 i32) (result i32)))
  (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "hostcalls") (param i32)
    (loop $again
      (drop (call $empty (i32.const 1) (i32.const 2) (i32.const 3)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))))"""


@dataclass(frozen=True)
class Harness:
    """Time that the engine takes to call into a module and back.

    Attributes
    ----------
    callback_ns, hostcall_ns
        Duration of an empty callback and of an empty hostcall, in nanoseconds.
    """

    callback_ns: float
    hostcall_ns: float

    def __str__(self) -> str:
        return f"empty callback {self.callback_ns / 1000:.2f} us, empty hostcall {self.hostcall_ns / 1000:.2f} us"


def measure_harness(rounds: int = 5, calls: int = 2000) -> Harness:
    """Measure the duration of an empty callback and an empty hostcall.

    Parameters
    ----------
    rounds
        Number of measurements (default 5). The shortest one is returned, because other processes can only increase the time.
    calls
        Number of calls in each measurement (default 2000).

    Returns
    -------
    Harness
    """
    code = default_engine().compile(assemble(_MODULE))
    instance = Instance(code, lambda _: lambda _a, _b, _c: 0)
    callback, hostcalls = instance.function("callback"), instance.function("hostcalls")
    assert callback is not None
    assert hostcalls is not None

    def one_round() -> tuple[float, float]:
        start = time.perf_counter_ns()
        for _ in range(calls):
            callback(1, 2, 3)
        between = time.perf_counter_ns()
        hostcalls(calls)
        return (between - start) / calls, (time.perf_counter_ns() - between) / calls

    times = [one_round() for _ in range(rounds)]
    instance.close()
    return Harness(min(t[0] for t in times), min(t[1] for t in times))
