"""The class `ReleaseFacts`: facts about a release module, and how it differs from the full module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SLOWDOWN", "ReleaseFacts"]

#: How much slower an interpreted instruction is than a compiled one. Measurements in Envoy give factors of 20 to 40.
SLOWDOWN = 30


@dataclass(frozen=True)
class ReleaseFacts:
    """Facts about a release module.

    Attributes
    ----------
    compiled, interpreted
        Number of functions that the proxy compiles at its start, and number of functions that are interpreted.
    compiled_bytes, interpreted_bytes
        Bytes of the compiled and the interpreted code. Cold blocks of compiled functions count as interpreted.
    loaded
        True if the filter's module-level code ran when the module was built. False if it runs in every VM.
    uses
        The reasons why it runs in every VM: what it uses that differs between VMs, such as "the time" or "the environment".
    full_size
        Size of the full module in bytes.
    interpreted_instructions
        Fraction of the instructions that this module interprets when it has the traffic of the profile, from 0 to 1. None if it
        was built without a profile of the filter's own traffic.
    build_times
        Duration of each build step in seconds: `translate`, `split`, `load`, `pack`.
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
        """Fraction of the time that the profile's traffic spends in interpreted code, estimated from `interpreted_instructions`."""
        cold = self.interpreted_instructions
        return None if cold is None else cold * SLOWDOWN / (cold * SLOWDOWN + 1 - cold)
