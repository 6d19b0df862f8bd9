"""`ReleaseFacts`: how a release module differs from the full one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ReleaseFacts"]


@dataclass(frozen=True)
class ReleaseFacts:
    """Facts of a release module.

    Attributes
    ----------
    compiled, interpreted
        Number of functions that the proxy compiles at the start, and of those that are interpreted.
    compiled_bytes, interpreted_bytes
        Bytes of their code; cold blocks of compiled functions count as interpreted.
    loaded
        Whether the filter's top level ran when the module was built, rather than in every VM.
    uses
        What the top level uses that can differ from VM to VM: `the time`, `the environment`, ...
    full_size
        Bytes of the full module's file.
    build_times
        Seconds: `translate`, `split`, `load`, `pack`.
    """

    compiled: int
    interpreted: int
    compiled_bytes: int
    interpreted_bytes: int
    loaded: bool
    uses: tuple[str, ...]
    full_size: int
    build_times: Mapping[str, float] = field(default_factory=dict)
