"""The VMs of one VM key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contexts.root import RootContext
from ..vm.module_check import Loaded

if TYPE_CHECKING:
    from ..vm.settings import VmSettings
    from ..vm.vm import Vm
    from .plugin import Plugin, PluginKey

__all__ = ["VmGroup"]


class VmGroup:
    """One VM key: its base VM and the VMs of the threads.

    Attributes
    ----------
    plugin
        The first plugin of the key, whose VM settings count.
    vm
        The base VM.
    threads
        The living VM of each thread, by thread number.
    roots
        Root contexts by thread number and plugin key.
    canaries
        Dropped canary VMs, for the tree.
    proven
        Plugin keys that a canary has started.
    """

    def __init__(self, plugin: Plugin, loaded: Loaded, vm: Vm) -> None:
        self.plugin = plugin
        self.loaded = loaded
        self.settings: VmSettings = plugin.settings
        self.vm = vm
        self.threads: dict[int, Vm] = {}
        self.roots: dict[tuple[int, PluginKey], RootContext] = {}
        self.canaries: list[Vm] = []
        self.proven: set[PluginKey] = set()
