"""`ReleaseFacts`: how a release module differs from the full one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["SLOWDOWN", "ReleaseFacts"]

#: Time of an interpreted instruction as a multiple of a compiled one. Envoy measures 20 to 40.
SLOWDOWN = 30


@dataclass(frozen=True)
class ReleaseFacts:
    """Facts of a release module.

    Attributes
    ----------
    compiled, interpreted
        Number of functions that the proxy compiles at its start, and of those that are interpreted.
    compiled_bytes, interpreted_bytes
        Bytes of their code; cold blocks of compiled functions count as interpreted.
    loaded
        Whether the filter's top level ran when the module was built, rather than in every VM.
    uses
        Facilities that the top level uses and that differ between VMs: `the time`, `the environment`, ...
    full_size
        Bytes of the full module's file.
    interpreted_instructions
        Share of the instructions executed by the profile's traffic that this module interprets, from 0 to 1. None without a
        profile of the filter's own traffic.
    build_times
        Seconds of each step: `translate`, `split`, `load`, `pack`.
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
        """Share of the time that the profile's traffic spends in interpreted code, estimated from the instructions."""
        cold = self.interpreted_instructions
        return None if cold is None else cold * SLOWDOWN / (cold * SLOWDOWN + 1 - cold)
