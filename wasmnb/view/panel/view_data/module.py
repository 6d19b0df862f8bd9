"""Convert a plugin's module to JSON: facts, sections, imports, exports, reasons why Envoy would reject it, and warnings."""

from __future__ import annotations

from typing import Any

from wasmnb.compiler import inspect_module
from wasmnb.view.render.units import duration, size

from .texts import printable

__all__ = ["module"]

NAMES = 1_000  # maximum number of imports and of exports


def module(plugin: Any) -> Any:
    """Return the facts about the module of a plugin. Empty if nothing is known.

    Parameters
    ----------
    plugin
        A plugin of the proxy.
    """
    filter_ = plugin.filter
    info = getattr(filter_, "info", None)
    native = getattr(info, "native", False)
    data = None if native else getattr(filter_, "wasm", None)  # compiling a native filter would take too long
    facts = inspect_module(data) if data else None
    known: Any = info or facts
    if known is None:
        return {}
    return {
        "facts": [[name, printable(str(value))] for name, value in _facts(plugin, known)],
        "problems": [printable(text) for text in (facts.problems if facts is not None else ())],
        "warnings": [printable(text) for text in _warnings(known, facts)],
        "sections": sorted(([printable(n), b] for n, b in dict(known.sections).items()), key=lambda pair: -pair[1])[
            :NAMES
        ],
        "exports": [printable(_name(n), 200) for n in known.exports[:NAMES]],
        "imports": [printable(_name(n), 200) for n in known.imports[:NAMES]],
        "download": native or bool(data),
    }


def _warnings(known: Any, facts: Any) -> list[str]:
    """Return warnings about imports. For Python filters there are none, because the runtime imports all hostcalls."""
    return [] if facts is None or getattr(known, "runtime", None) else list(facts.warnings)


def _facts(plugin: Any, known: Any) -> Any:
    yield "filter", getattr(known, "name", plugin.name)
    if plugin.name != getattr(known, "name", plugin.name):
        yield "plugin", plugin.name
    yield "ABI", getattr(known.abi_version, "text", known.abi_version) or "no marker"
    if getattr(known, "native", False):
        yield "runs", f"native, by this Python {known.python}"
        yield "SDK", known.sdk
        return
    yield "size", size(known.size)
    yield "memory at start", size(known.memory)
    if getattr(known, "runtime", ""):
        yield "Python", known.python
        yield "SDK", known.sdk
        yield "runtime", known.runtime[:12]
        additional = ", ".join([*known.packages, *known.modules])
        if additional:
            yield "additional imports", additional
        yield from _times(dict(known.build_times))


def _times(steps: dict[str, float]) -> Any:
    """Yield the build times of the filter and of its runtime, which may have been built much earlier."""
    took = steps.pop("filter", None)
    if took is not None:
        yield "filter built in", duration(took * 1e9)
    if steps:
        parts = ", ".join(f"{step} {duration(seconds * 1e9)}" for step, seconds in steps.items())
        yield "runtime built in", f"{duration(sum(steps.values()) * 1e9)}, once: {parts}"


def _name(item: Any) -> str:
    return item if isinstance(item, str) else str(getattr(item, "name", None) or item[-1])
