"""Code for the filters of a generated test: constants with their sources, and the arguments of `wasm_proxy`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from ...host import Plugin
from .literals import quoted

__all__ = ["FilterSources"]

#: Settings of a plugin that the fixture `wasm_proxy` accepts directly. Others need a `Plugin(...)`.
_PROXY_ARGUMENTS = frozenset({"config", "vm_config", "root_id", "vm_id", "failure_policy", "kind"})


class FilterSources:
    """Code for the filters of a test: their sources, and the arguments of the proxy.

    Parameters
    ----------
    plugins
        A filter, a plugin, or a list of these.

    Attributes
    ----------
    plugins
        The plugins.
    names
        Names of the constants that contain the filters' sources, by source as code.
    plain
        Whether the only filter and its settings can be passed to `wasm_proxy` directly. Otherwise, the test creates a `Plugin`.
    fixtures
        Names of the fixtures that the test uses.
    """

    def __init__(self, plugins: Any) -> None:
        chain = plugins if isinstance(plugins, list | tuple) else [plugins]
        self.plugins = [p if isinstance(p, Plugin) else Plugin(p) for p in chain]
        filters = list(dict.fromkeys(map(_source_of, (p.filter for p in self.plugins))))
        self.names = {source: "FILTER" if len(filters) == 1 else f"FILTER{n}" for n, source in enumerate(filters, 1)}
        changed = [dict(_changed_settings(p)) for p in self.plugins]
        self.plain = len(changed) == 1 and changed[0].keys() <= _PROXY_ARGUMENTS
        self.fixtures = ["wasm_proxy"] if self.plain else ["wasm_proxy", "wasm_filter"]

    def sources(self) -> list[str]:
        """Return the assignments of the filters' sources to constants, for the top of the test file."""
        return [f"{name} = {source}" for source, name in self.names.items()]

    def arguments(self) -> Iterator[str]:
        """Yield the arguments of `wasm_proxy` for the filters."""
        if self.plain:
            yield "FILTER"
            yield from (f"{name}={value}" for name, value in _changed_settings(self.plugins[0]))
            return
        calls = (
            f"Plugin({', '.join([f'wasm_filter({self.names[_source_of(p.filter)]})', *(f'{n}={v}' for n, v in _changed_settings(p))])})"
            for p in self.plugins
        )
        yield f"[{', '.join(calls)}]"


def _changed_settings(plugin: Plugin) -> Iterator[tuple[str, str]]:
    """Yield the name and the value (as code) of each setting of the plugin that differs from its default."""
    for field in fields(plugin):
        value = getattr(plugin, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        implied = (field.name, value) in (("name", plugin.filter.name), ("kind", "http"))
        if field.name != "filter" and not implied and value != default:
            yield field.name, quoted(value) if isinstance(value, str | bytes) else repr(value)


def _source_of(wasm_filter: Any) -> str:
    """Return a filter as code, which is the path of its file or its source text."""
    filename = str(getattr(wasm_filter, "filename", ""))
    source = getattr(wasm_filter, "source", None)
    if source is None or Path(filename).is_file():
        return quoted(filename)
    stripped = source.strip("\n")
    plain = stripped.replace("\n", "").isprintable()
    if not plain or "'''" in stripped or stripped.endswith(("\\", "'")):
        lines = "\n".join(f"    {line!r}" for line in source.splitlines(keepends=True))
        return f"(\n{lines}\n)"
    return f"{'r' if chr(92) in stripped else ''}'''\n{stripped}\n'''"
