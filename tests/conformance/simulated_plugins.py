"""Plugins of a scenario for the simulated proxy."""

import os
from functools import cache
from pathlib import Path

from wasmnb import Filter
from wasmnb.engine import Engine, Image
from wasmnb.host import Plugin

from .modules import PYTHON, module, python_filter
from .scenario import Plug


class Module:
    """A module with the interface of a filter."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.wasm = path.read_bytes()
        self._image: Image | None = None

    def image(self, engine: Engine) -> Image:
        """Return the compiled module, which is compiled only once."""
        self._image = self._image or Image(engine.compile(self.wasm))
        return self._image


@cache
def _module(path: Path) -> Module:
    return Module(path)


def filter_of(p: Plug, *, native: bool) -> Filter | Module:
    """Return the filter of a plugin."""
    if not p.module.startswith(PYTHON):
        return _module(module(p.module))
    return Filter.native(python_filter(p.module)) if native else python_filter(p.module)


def plugin(p: Plug, *, native: bool = False, **kwargs: object) -> Plugin:
    """Return a scenario's plugin for the host."""
    options = {name: value for name, value in p.options.items() if name not in ("singleton", "host_environment")}
    taken = {name: os.environ[name] for name in p.options.get("host_environment", ())}
    if taken:
        options["environment"] = {**options.get("environment", {}), **taken}
    return Plugin(
        filter_of(p, native=native),
        p.name,
        root_id=p.root_id,
        vm_id=p.vm_id,
        config=p.script,
        vm_config=p.vm_script,
        **options,
        **kwargs,
    )
