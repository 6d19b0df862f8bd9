"""Settings of VMs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VmSettings"]


@dataclass(frozen=True)
class VmSettings:
    """Settings in `vm_config` that distinguish the VMs of one module.

    Attributes
    ----------
    vm_id, configuration
        As in Envoy's configuration.
    variables
        WASI environment variables: names and values.
    allowed
        The only imports and callbacks that the module may use; empty for all.
    """

    vm_id: bytes = b""
    configuration: bytes = b""
    variables: tuple[tuple[str, str], ...] = ()
    allowed: frozenset[str] = frozenset()
