"""Envoy filters in Python, written, seen and measured in a notebook.

    from wasmnb import Filter, Proxy

    add = Filter.from_source(text, name="add")
    with Proxy(add, workers=4) as proxy:
        exchange = proxy.get("/")
        print(exchange.response.status)

Importing this package is cheap: each name is loaded when it is first used. (PYTEST_DONT_REWRITE: a notebook has imported
it before its `%%ipytest` cells run.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what editors complete; at run time each name is loaded when it is first used
    from ._version import __version__ as __version__  # noqa: I001 -- the names of a floor stay together
    from .compiler import Filter as Filter, FilterInfo as FilterInfo
    from .compiler.decorator import filter as filter  # noqa: A004 -- it is written wasmnb.filter
    from .envoy import Envoy as Envoy
    from .errors import (
        BuildError as BuildError,
        FilterTrap as FilterTrap,
        ModuleError as ModuleError,
        NativeWarning as NativeWarning,
        SourceError as SourceError,
        UsageError as UsageError,
        WasmnbError as WasmnbError,
    )
    from .host import Exchange as Exchange, Plugin as Plugin, Proxy as Proxy
    from .messages import Headers as Headers, Request as Request, Response as Response
    from .sdk import *  # noqa: F403
    from .traffic import LoadReport as LoadReport
    from .traffic.load import load as load

#: Floor -> the names that it gives to this package. The SDK gives all of its own.
_HOMES = {
    "_version": ("__version__",),
    "compiler": ("Filter", "FilterInfo"),
    "compiler.decorator": ("filter",),
    "envoy": ("Envoy",),
    "errors": ("BuildError", "FilterTrap", "ModuleError", "NativeWarning", "SourceError", "UsageError", "WasmnbError"),
    "host": ("Exchange", "Plugin", "Proxy"),
    "messages": ("Headers", "Request", "Response"),
    "traffic": ("LoadReport", "load"),
}

#: A star import leaves Python's own `filter` alone.
_UNSTARRED = ("filter",)


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name not in {"__all__", "__version__"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = _all() if name == "__all__" else _found(name)
    return value


def _found(name: str) -> Any:
    from importlib import import_module

    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is not None:
        return getattr(import_module(f".{home}", __name__), name)
    found = import_module(".sdk", __name__).names()
    if name not in found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found[name]


def _all() -> list[str]:
    from .sdk import names

    ours = [name for given in _HOMES.values() for name in given if name not in _UNSTARRED]
    return [*ours, *names()]


def __dir__() -> list[str]:
    return [*_all(), *_UNSTARRED]


def load_ipython_extension(ipython: Any) -> None:
    """Run by `%load_ext wasmnb`: make the magics available."""
    from .notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Run by `%unload_ext wasmnb`: take the magics away again."""
    from .notebook import unload_ipython_extension as unload

    unload(ipython)
