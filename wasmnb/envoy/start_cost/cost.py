"""`StartCost`: CPU and memory of a start."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StartCost"]


@dataclass(frozen=True)
class StartCost:
    """Cost of a start.

    Attributes
    ----------
    cpu
        CPU-seconds of the process until it is ready.
    memory
        Bytes of resident memory when it is ready.
    settled
        The same after `memory_allocator_manager` has given back what compiling freed.
    """

    cpu: float
    memory: int
    settled: int

    def __sub__(self, other: StartCost) -> StartCost:
        """Return the cost over another start."""
        return StartCost(self.cpu - other.cpu, self.memory - other.memory, self.settled - other.settled)
