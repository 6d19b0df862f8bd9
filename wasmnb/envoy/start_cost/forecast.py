"""`forecast`: what a plugin will cost Envoy at its start."""

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
from ..exporter.envoy_yaml import Ports, envoy_config
from ..exporter.setup import Setup
from .cost import StartCost
from .measure import measure
from .model import ModuleSize, facts_of, predict

__all__ = ["Forecast", "StartCost", "forecast"]

#: Linear memory is taken from the system in pages of this size.
_PAGE = 4096


@dataclass(frozen=True)
class Forecast(Shown):
    """Cost of a start, over an Envoy without filters.

    Attributes
    ----------
    name
        The plugin's name.
    workers
        Number of worker threads.
    module
        Facts of the module: bytes of file, code and memory, number of functions.
    predicted
        Costs that follow from the facts about the module.
    measured
        Costs of an Envoy on this machine; None if they weren't measured.
    reason
        Why nothing was measured, or an empty string.
    """

    name: str
    workers: int
    module: ModuleSize
    predicted: StartCost
    measured: StartCost | None = None
    reason: str = ""

    @property
    def further_worker(self) -> int:
        """Bytes of memory that each further worker takes, as predicted."""
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
    """Predict what a plugin costs Envoy at its start, and measure it where Envoy is installed.

    Parameters
    ----------
    filters
        A `Filter` from any toolchain, a `Plugin`, a list of them, or the path of a `.py` or `.wasm` file. Filters from Python
        source cost what their release modules do.
    workers
        Number of Envoy's worker threads (1).
    measured
        Start an Envoy with the plugin and one without, which takes some 15 seconds; by default if Envoy is installed.

    Returns
    -------
    Forecast
        CPU and memory over an Envoy without filters.

    Raises
    ------
    UsageError
        `workers` isn't from 1 to 256, or `measured` is True and Envoy isn't installed.
    EnvoyRefused
        Envoy refuses the module or its configuration.
    """
    if not 1 <= workers <= 256:
        raise UsageError(f"workers is {workers}. It must be from 1 to 256.")
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
    """Return whether Envoy is installed, and the reason why not."""
    try:
        find_envoy(None)
    except UsageError as error:
        return False, str(error)
    return True, ""


def _size(setup: Setup, plugins: Sequence[Plugin]) -> tuple[ModuleSize, bool]:
    """Return the facts of all modules together, and whether workers have VMs."""
    facts = facts_of([module.data for module in setup.modules])
    written = _written(setup, plugins)
    if written is None:
        return facts, True
    memory = written.get("worker", written.get("main", 0))
    return replace(facts, memory=memory, base_memory=written.get("base", 0)), "worker" in written


def _written(setup: Setup, plugins: Sequence[Plugin]) -> dict[str, int] | None:
    """Return the bytes of linear memory that VMs have written by their role; None if they can't start in a simulated proxy."""
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
