"""Input of an export: plugins with their modules, and the settings of a proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...host import Cluster, Plugin, Proxy
from ...host.plugins.plugin import share_paused_headers
from ...host.settings import ProxySettings
from ..config.bootstrap import Config, merge
from ..config.plugin_config import EnvoyPlugin
from .stats_tags import tag_names

__all__ = ["Module", "PluginResources", "Setup", "slug"]

_NAME_LIMIT = 63  # names in Kubernetes are DNS labels


@dataclass(frozen=True)
class Module:
    """A Wasm module of an export. Its file, image and resources have the same name."""

    name: str
    data: bytes

    @property
    def file(self) -> str:
        """Name of the module's file."""
        return f"{self.name}.wasm"


@dataclass(frozen=True)
class PluginResources:
    """A plugin of an export, its module, and the name of its resources."""

    name: str
    plugin: EnvoyPlugin
    module: Module

    def config(self) -> Config:
        """Return the plugin's `PluginConfig` message without empty fields. The module's path is relative to the exported
        folder.
        """
        plugin = self.plugin
        backoff = plugin.reload_backoff if plugin.failure_policy == "FAIL_RELOAD" else None
        plain = replace(plugin, module=Path(self.module.file), reload_backoff=backoff)
        local: Config = {"vm_config": {"code": {"local": {"filename": self.module.file}}}}
        config = merge(plain.as_config(Path()), local)
        config["vm_config"] = _without_empty(config["vm_config"])
        return _without_empty(config)


def _without_empty(config: Config) -> Config:
    return {key: value for key, value in config.items() if value != ""}


@dataclass(frozen=True)
class Setup:
    """Input of an export: plugins, modules, clusters and settings.

    Attributes
    ----------
    name
        Name of the export.
    parts, modules
        Plugins in the order of the chain, and their modules. Several plugins can use the same module.
    clusters
        Clusters of the proxy by name. The main cluster is `upstream`.
    settings
        Settings of the proxy.
    tags
        Names of the metric tags that Python filters use.
    """

    name: str
    parts: Sequence[PluginResources]
    modules: Sequence[Module]
    clusters: Mapping[str, Cluster] = field(default_factory=lambda: {"upstream": Cluster(name="upstream")})
    settings: ProxySettings = field(default_factory=ProxySettings)
    tags: Sequence[str] = ()

    @classmethod
    def of(cls, filters: Any, *, profile: Any = None, strip: bool = True) -> Setup:
        """Create the input of an export from a proxy, a filter, a plugin, or a list of filters and plugins.

        Parameters
        ----------
        filters
            Proxy, filter, plugin or list to export.
        profile
            Profile of the code to compile, as for `Filter.release` (default None).
        strip
            Whether to remove comments and docstrings from the modules (default True).

        Raises
        ------
        UsageError
            There is no plugin to export.
        """
        if isinstance(filters, Proxy):
            around: dict[str, Any] = {"clusters": dict(filters.clusters), "settings": filters.settings}
            modules = _modules(filters.plugins, profile, strip=strip)
            return cls._of_plugins(filters.name, modules, tags=_tags(filters.plugins), **around)
        chain = list(filters) if isinstance(filters, list | tuple) else [filters]
        plugins = [item if isinstance(item, Plugin | EnvoyPlugin) else Plugin(item) for item in chain]
        name = plugins[0].name if plugins else ""
        return cls._of_plugins(name, _modules(plugins, profile, strip=strip), tags=_tags(plugins))

    @classmethod
    def _of_plugins(cls, name: str, plugins: Sequence[EnvoyPlugin], **around: Any) -> Setup:
        if not plugins:
            raise UsageError(
                "There is nothing to export, because the proxy or list has no plugin. Pass at least one filter."
            )
        modules: dict[str, Module] = {}
        names: set[str] = set()
        parts = []
        for plugin in plugins:
            data = plugin.module if isinstance(plugin.module, bytes) else plugin.module.read_bytes()
            digest = sha256(data).hexdigest()
            if digest not in modules:
                modules[digest] = Module(_free(slug(plugin.name), {m.name for m in modules.values()}), data)
            part = _free(slug(plugin.name), names)
            names.add(part)
            parts.append(PluginResources(part, plugin, modules[digest]))
        return cls(slug(name), parts, list(modules.values()), **around)


def _modules(plugins: Sequence[Plugin | EnvoyPlugin], profile: Any, *, strip: bool) -> list[EnvoyPlugin]:
    """Build the modules of the plugins, and return the plugins with their modules."""
    return share_paused_headers(EnvoyPlugin.of(item, profile=profile, strip=strip) for item in plugins)


def _tags(plugins: Sequence[Plugin | EnvoyPlugin]) -> tuple[str, ...]:
    """Return the names of metric tags in the sources of the plugins' filters."""
    sources = (getattr(getattr(plugin, "filter", None), "bundle", None) for plugin in plugins)
    return tuple(
        dict.fromkeys(tag for source in sources if source for part in source.places() for tag in tag_names(part.text))
    )


def slug(name: str) -> str:
    """Convert a name to one that is valid as a file name, a DNS label and a part of an image's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_NAME_LIMIT].strip("-") or "filter"


def _free(name: str, taken: set[str]) -> str:
    """Return the name, or the first free name among `name-2`, `name-3` and so on if the name is taken."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
