"""The function `forecast`, which predicts or measures the cost of starting Envoy with plugins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..._display import Shown
from ...compiler import Filter
from ...errors import UsageError, WasmnbError
from ...host import Plugin, Proxy
from ...host.vm.vm import Vm
from ..binary import find_envoy
from ..deployment.envoy_yaml import Ports, envoy_config
from ..deployment.setup import Setup
from .cost import StartCost
from .measure import measure
from .model import ModuleSize, facts_of, predict

__all__ = ["Forecast", "StartCost", "forecast"]

#: Size in bytes of the pages in which the system provides linear memory.
_PAGE = 4096


@dataclass(frozen=True)
class Forecast(Shown):
    """The cost of starting Envoy with plugins, in addition to an Envoy without filters.

    Attributes
    ----------
    name
        Name of the plugin or the chain.
    workers
        Number of worker threads.
    module
        Sizes of the module, or of all modules together: bytes of file, code and memory, and number of functions.
    predicted
        Cost that is predicted from `module`.
    measured
        Cost that was measured on this machine, or None if it wasn't measured.
    reason
        Reason why the cost wasn't measured, or ''.
    """

    name: str
    workers: int
    module: ModuleSize
    predicted: StartCost
    measured: StartCost | None = None
    reason: str = ""

    @property
    def further_worker(self) -> int:
        """Predicted memory in bytes for each additional worker."""
        return predict(self.module, 2).settled - predict(self.module, 1).settled

    def __repr__(self) -> str:
        cost = self.measured or self.predicted
        origin = "measured" if self.measured else "predicted"
        return f"<Forecast of {self.name}, {self.workers} workers, {origin}: {cost.cpu:.2f} CPU-s, {cost.memory / 1e6:.0f} MB>"


def forecast(
    filters: Filter | Plugin | str | os.PathLike[str] | Sequence[Filter | Plugin],
    *,
    workers: int = 1,
    measured: bool | None = None,
) -> Forecast:
    """Predict how much CPU and memory Envoy needs to start with a plugin, and measure it if Envoy is installed.

    Parameters
    ----------
    filters
        A `Filter` from any toolchain, a `Plugin`, a list of these, or the path of a `.py` or `.wasm` file. Filters with Python
        source are compiled to release modules.
    workers
        Number of Envoy's worker threads, between 1 and 256 (default 1).
    measured
        True also measures the cost by starting an Envoy with the plugin and one without, which takes about 15 seconds. False
        only predicts it. None (the default) measures if Envoy is installed.

    Returns
    -------
    Forecast
        CPU time and memory in addition to those of an Envoy without filters.

    Raises
    ------
    UsageError
        `workers` isn't between 1 and 256, or `measured` is True and Envoy isn't installed.
    EnvoyRefused
        Envoy refused the module or its configuration.
    """
    if not 1 <= workers <= 256:
        raise UsageError(f"workers must be between 1 and 256, not {workers}.")
    if isinstance(filters, str | os.PathLike):
        filters = Filter.from_file(Path(filters))
    plugins = [item if isinstance(item, Plugin) else Plugin(item) for item in _listed(filters)]
    setup = Setup.of(plugins)
    size, on_workers = _size(setup, plugins)
    name, expected, reason = setup.name, predict(size, workers if on_workers else 0), ""
    if measured is None:
        measured, reason = _has_envoy()
    if not measured:
        return Forecast(name, workers, size, expected, reason=reason)
    files = {module.file: module.data for module in setup.modules}
    return Forecast(name, workers, size, expected, measure(envoy_config(setup, Ports(http=0, admin=0)), files, workers))


def _listed(filters: Any) -> list[Any]:
    return list(filters) if isinstance(filters, list | tuple) else [filters]


def _has_envoy() -> tuple[bool, str]:
    """Return whether Envoy is installed, and the reason as a sentence if it isn't."""
    try:
        find_envoy(None)
    except UsageError as error:
        return False, str(error)
    return True, ""


def _size(setup: Setup, plugins: Sequence[Plugin]) -> tuple[ModuleSize, bool]:
    """Return the sizes of all modules together, and whether the workers have VMs."""
    facts = facts_of([module.data for module in setup.modules])
    written = _written(setup, plugins)
    if written is None:
        return facts, True
    memory = written.get("worker", written.get("main", 0))
    return replace(facts, memory=memory, base_memory=written.get("base", 0)), "worker" in written


def _written(setup: Setup, plugins: Sequence[Plugin]) -> dict[str, int] | None:
    """Return the bytes of linear memory that VMs have written, by role of the VM. None if the simulation can't start the
    plugins.
    """
    chain = [
        replace(plugin, filter=Filter.from_bytes(part.module.data, plugin.name))
        for plugin, part in zip(plugins, setup.parts, strict=True)
    ]
    written: dict[str, int] = {}
    try:
        with Proxy(chain, workers=1) as proxy:
            for vm in proxy.vms:
                written[vm.role] = written.get(vm.role, 0) + _written_pages(vm)
    except WasmnbError:
        return None
    return written


def _written_pages(vm: Vm) -> int:
    memory = vm.instance.memory
    content, empty = memory.read(0, memory.refresh()), bytes(_PAGE)
    return sum(_PAGE for at in range(0, len(content), _PAGE) if content[at : at + _PAGE] != empty)
