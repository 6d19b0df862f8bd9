"""Settings of VMs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VmSettings"]


@dataclass(frozen=True)
class VmSettings:
    """Settings in Envoy's `vm_config`. Plugins with different settings have different VMs.

    Attributes
    ----------
    vm_id, configuration
        Id and configuration of the VM, as in Envoy's configuration (default empty).
    variables
        Environment variables that the module can read through WASI, as names and values (default none).
    allowed
        Names of the imports and callbacks that the module can use. Empty (the default): all of them.
    """

    vm_id: bytes = b""
    configuration: bytes = b""
    variables: tuple[tuple[str, str], ...] = ()
    allowed: frozenset[str] = frozenset()
