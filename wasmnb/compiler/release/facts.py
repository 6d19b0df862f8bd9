"""The class `ReleaseFacts`: properties of a release module, and its differences from the full module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SLOWDOWN", "ReleaseFacts"]

#: Factor by which an interpreted instruction is slower than a compiled one. Measurements in Envoy result in 20 to 40.
SLOWDOWN = 30


@dataclass(frozen=True)
class ReleaseFacts:
    """Properties of a release module, and its differences from the full module.

    Attributes
    ----------
    compiled, interpreted
        Number of functions that the proxy compiles at its start, and number of functions that are interpreted.
    compiled_bytes, interpreted_bytes
        Bytes of compiled and of interpreted code. Rarely executed blocks of compiled functions count as interpreted.
    loaded
        True if the filter's module-level code was executed when the module was built. False if it is executed in every VM.
    uses
        Reasons why module-level code is executed in every VM, such as "the time" or "the environment".
    full_size
        Size of the full module in bytes.
    interpreted_instructions
        Fraction of instructions that are interpreted during the traffic of the profile, from 0 to 1. None if the module was
        built without a profile of the filter's own traffic.
    build_times
        Duration of each build step in seconds: `translate`, `load`, `split` and `pack`.
    """

    compiled: int
    interpreted: int
    compiled_bytes: int
    interpreted_bytes: int
    loaded: bool
    uses: tuple[str, ...]
    full_size: int
    build_times: Mapping[str, float] = field(default_factory=dict)
    interpreted_instructions: float | None = None

    @property
    def interpreted_time(self) -> float | None:
        """Fraction of time in interpreted code during the traffic of the profile, estimated from `interpreted_instructions`."""
        cold = self.interpreted_instructions
        return None if cold is None else cold * SLOWDOWN / (cold * SLOWDOWN + 1 - cold)
