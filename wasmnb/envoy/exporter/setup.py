"""The input of an export: plugins with their modules, and the settings of a simulated proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from ...errors import UsageError
from ...host import Cluster, Plugin, Proxy
from ...host.settings import ProxySettings
from ..config.plugin_config import EnvoyPlugin

__all__ = ["Module", "Part", "Setup"]

_NAME_LIMIT = 63  # a DNS label, which Kubernetes names are


@dataclass(frozen=True)
class Module:
    """A module, and the name of its file, image and resources."""

    name: str
    data: bytes

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.name}.wasm"


@dataclass(frozen=True)
class Part:
    """A plugin, its module, and a name for its resources."""

    name: str
    plugin: EnvoyPlugin
    module: Module


@dataclass(frozen=True)
class Setup:
    """The input of all writers.

    Attributes
    ----------
    name
        Name of the export.
    parts, modules
        Plugins in order, and the modules that they share.
    clusters
        As the simulated proxy has them; the main one is `upstream`.
    settings
        The proxy's settings.
    """

    name: str
    parts: Sequence[Part]
    modules: Sequence[Module]
    clusters: Mapping[str, Cluster] = field(default_factory=lambda: {"upstream": Cluster(name="upstream")})
    settings: ProxySettings = field(default_factory=ProxySettings)

    @classmethod
    def of(cls, thing: Any) -> Setup:
        """Return the setup of a proxy, or of a filter, a plugin or a list of them.

        Raises
        ------
        UsageError
            There is no plugin.
        """
        if isinstance(thing, Proxy):
            return cls._of_plugins(thing.name, thing.plugins, clusters=dict(thing.clusters), settings=thing.settings)
        chain = list(thing) if isinstance(thing, list | tuple) else [thing]
        plugins = [item if isinstance(item, Plugin | EnvoyPlugin) else Plugin(item) for item in chain]
        return cls._of_plugins(plugins[0].name if plugins else "", plugins)

    @classmethod
    def _of_plugins(cls, name: str, plugins: Sequence[Plugin | EnvoyPlugin], **around: Any) -> Setup:
        if not plugins:
            raise UsageError("There is nothing to export: the proxy has no plugin.")
        modules: dict[str, Module] = {}
        names: set[str] = set()
        parts = []
        for item in plugins:
            plugin = EnvoyPlugin.of(item)
            data = plugin.module if isinstance(plugin.module, bytes) else plugin.module.read_bytes()
            digest = sha256(data).hexdigest()
            if digest not in modules:
                modules[digest] = Module(_free(_slug(plugin.name), {m.name for m in modules.values()}), data)
            part = _free(_slug(plugin.name), names)
            names.add(part)
            parts.append(Part(part, plugin, modules[digest]))
        return cls(_slug(name), parts, list(modules.values()), **around)


def _slug(name: str) -> str:
    """Return a name that is valid as a file name, as a DNS label and in the name of an image."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_NAME_LIMIT].strip("-") or "filter"


def _free(name: str, taken: set[str]) -> str:
    """Return the name, or the first of name-2, name-3 ... that isn't taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
