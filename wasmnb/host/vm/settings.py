"""Settings of VMs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VmSettings"]


@dataclass(frozen=True)
class VmSettings:
    """Settings of a VM in Envoy's `vm_config`. Plugins with different settings run in different VMs.

    Attributes
    ----------
    vm_id, configuration
        Id and configuration of the VM, as in Envoy's configuration (default empty).
    variables
        Environment variables that the module can read through WASI, as pairs of name and value (default none).
    allowed
        Names of the only imports and callbacks that the module can use. By default (empty), all of them are allowed.
    """

    vm_id: bytes = b""
    configuration: bytes = b""
    variables: tuple[tuple[str, str], ...] = ()
    allowed: frozenset[str] = frozenset()
