"""A group of VMs with the same VM key, which several plugins can share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contexts.root import RootContext
from ..vm.module_check import LoadableModule

if TYPE_CHECKING:
    from ..vm.settings import VmSettings
    from ..vm.vm import Vm
    from .plugin import Plugin, PluginKey

__all__ = ["VmGroup"]


class VmGroup:
    """All VMs with the same VM key: the base VM, and one VM for each thread.

    Attributes
    ----------
    plugin
        The first plugin with this key. Its settings apply to all VMs.
    vm
        The base VM.
    threads
        The current VM of each thread, by thread number.
    roots
        Root contexts by thread number and plugin key.
    canaries
        Closed canary VMs, which the context tree still shows.
    proven
        Keys of the plugins that have started in a canary VM.
    """

    def __init__(self, plugin: Plugin, loaded: LoadableModule, vm: Vm) -> None:
        self.plugin = plugin
        self.loaded = loaded
        self.settings: VmSettings = plugin.settings
        self.vm = vm
        self.threads: dict[int, Vm] = {}
        self.roots: dict[tuple[int, PluginKey], RootContext] = {}
        self.canaries: list[Vm] = []
        self.proven: set[PluginKey] = set()
