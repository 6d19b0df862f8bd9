"""CPU and memory that Envoy needs to start."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StartCost"]


@dataclass(frozen=True)
class StartCost:
    """CPU and memory that Envoy needs to start.

    Attributes
    ----------
    cpu
        CPU-seconds that the process uses until it is ready.
    memory
        Bytes of resident memory when it is ready.
    settled
        Bytes of resident memory after `memory_allocator_manager` has returned to the system what compiling freed.
    """

    cpu: float
    memory: int
    settled: int

    def __sub__(self, other: StartCost) -> StartCost:
        """Return the difference between this start and another one."""
        return StartCost(self.cpu - other.cpu, self.memory - other.memory, self.settled - other.settled)
