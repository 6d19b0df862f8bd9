"""CPU time and memory that Envoy needs to start."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StartCost"]


@dataclass(frozen=True)
class StartCost:
    """CPU time and memory that Envoy needs to start.

    Attributes
    ----------
    cpu
        CPU time in seconds until Envoy is ready.
    memory
        Resident memory in bytes when Envoy is ready.
    settled
        Resident memory in bytes after `memory_allocator_manager` has returned the memory freed by the compiler to the system.
    """

    cpu: float
    memory: int
    settled: int

    def __sub__(self, other: StartCost) -> StartCost:
        """Return the difference between this cost and another one."""
        return StartCost(self.cpu - other.cpu, self.memory - other.memory, self.settled - other.settled)
