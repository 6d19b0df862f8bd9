"""Envoy filters in Python, written, seen and measured in a notebook.

    from wasmnb import Filter, Proxy

    add = Filter.from_source(text, name="add")
    with Proxy(add, workers=4) as proxy:
        exchange = proxy.get("/")
        print(exchange.response.status)

Importing this package is cheap: each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import Any

#: Public name -> module that holds it.
_HOMES = {
    "Filter": "build",
    "Plugin": "host",
    "Proxy": "host",
    "Exchange": "host",
    "Headers": "messages",
    "Request": "messages",
    "Response": "messages",
    "Envoy": "envoy",
    "Action": "sdk",
    "HttpContext": "sdk",
    "PluginContext": "sdk",
    "TcpContext": "sdk",
    "VMContext": "sdk",
    "BuildError": "errors",
    "FilterTrap": "errors",
    "ModuleError": "errors",
    "SourceError": "errors",
    "UsageError": "errors",
    "WasmnbError": "errors",
    "__version__": "_version",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 -- the table above is the list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def load_ipython_extension(ipython: Any) -> None:
    """Run by `%load_ext wasmnb`: make the magics available."""
    from .notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Run by `%unload_ext wasmnb`: take the magics away again."""
    from .notebook import unload_ipython_extension as unload

    unload(ipython)
