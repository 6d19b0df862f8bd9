"""Envoy filters in Python: write, inspect and measure them in a notebook.

This module only defines the public names. Their code is in the packages below, from `wasmnb.abi` up to `wasmnb.cli`. Between
them are `errors`, `messages`, and private modules for all floors: `_hooks` (calls of upper floors), `_display` (escaping),
`_flags` (options of magics and commands), `_code_paths`, `_processes`, `_scratch` and `_version`.

    from wasmnb import Filter, Proxy

    add = Filter.from_source(text, name="add")
    with Proxy(add, workers=4) as proxy:
        exchange = proxy.get("/")
        print(exchange.response.status)

`import wasmnb` is fast, because each name is imported when it is first used. (The word PYTEST_DONT_REWRITE prevents a warning
of pytest in `%%ipytest` cells, which run after the notebook has imported wasmnb.)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import _hooks

if TYPE_CHECKING:  # for completion in editors; at run time each name is imported when it is first used
    from ._version import __version__ as __version__  # noqa: I001 -- the names of a floor stay together
    from .compiler import Filter as Filter, FilterInfo as FilterInfo
    from .compiler.decorator import filter as filter  # noqa: A004 -- it is written wasmnb.filter
    from .envoy import Envoy as Envoy
    from .envoy.comparison.compare import compare as compare
    from .envoy.start_cost.forecast import Forecast as Forecast, forecast as forecast
    from .errors import (
        BuildError as BuildError,
        CacheWarning as CacheWarning,
        FilterTrap as FilterTrap,
        ModuleError as ModuleError,
        NativeWarning as NativeWarning,
        SourceError as SourceError,
        UsageError as UsageError,
        WasmnbError as WasmnbError,
    )
    from .host import (
        Cluster as Cluster,
        Exchange as Exchange,
        ForeignCall as ForeignCall,
        GrpcServer as GrpcServer,
        Listener as Listener,
        Plugin as Plugin,
        Proxy as Proxy,
        RedisError as RedisError,
        RedisServer as RedisServer,
        RouteMatch as RouteMatch,
        TcpReply as TcpReply,
        TypedConfig as TypedConfig,
    )
    from .messages import Headers as Headers, Request as Request, Response as Response
    from .sdk import *  # noqa: F403
    from .traffic import LoadReport as LoadReport
    from .traffic.build_diff.diff import diff as diff
    from .traffic.data_frames import export_spans as export_spans, otlp as otlp, tables_of as tables_of
    from .traffic.load import load as load
    from .traffic.load_plans import (
        LoadPhase as LoadPhase,
        LoadPlan as LoadPlan,
        LoadRequest as LoadRequest,
        LoadSession as LoadSession,
        LoadStop as LoadStop,
    )
    from .traffic.recorded import (
        RecordedExchange as RecordedExchange,
        read_traffic as read_traffic,
        record as record,
        write_traffic as write_traffic,
    )
    from .traffic.replay.replay import replay as replay
    from .traffic.replay.report import ReplayReport as ReplayReport
    from .traffic.http_server import WasmTransport as WasmTransport

#: Names that this package exports, by the module that defines them. All names of the SDK are exported as well.
_HOMES = {
    "_version": ("__version__",),
    "compiler": ("Filter", "FilterInfo"),
    "compiler.decorator": ("filter",),
    "envoy": ("Envoy",),
    "envoy.comparison.compare": ("compare",),
    "envoy.start_cost.forecast": ("Forecast", "forecast"),
    "errors": (
        "BuildError",
        "CacheWarning",
        "FilterTrap",
        "ModuleError",
        "NativeWarning",
        "SourceError",
        "UsageError",
        "WasmnbError",
    ),
    "host": (
        "Cluster",
        "Exchange",
        "ForeignCall",
        "GrpcServer",
        "Listener",
        "Plugin",
        "Proxy",
        "RedisError",
        "RedisServer",
        "RouteMatch",
        "TcpReply",
        "TypedConfig",
    ),
    "messages": ("Headers", "Request", "Response"),
    "traffic": ("LoadReport", "load"),
    "traffic.build_diff": ("diff",),
    "traffic.data_frames": ("export_spans", "otlp", "tables_of"),
    "traffic.load_plans": ("LoadPhase", "LoadPlan", "LoadRequest", "LoadSession", "LoadStop"),
    "traffic.recorded": ("RecordedExchange", "read_traffic", "record", "write_traffic"),
    "traffic.replay": ("ReplayReport", "replay"),
    "traffic.http_server": ("WasmTransport",),
}

#: Names that `from wasmnb import *` omits: `filter` would hide Python's built-in, and `WasmTransport` requires httpx.
_UNSTARRED = ("filter", "WasmTransport")

#: Hook name -> module and function that provide the service.
_PROVIDERS = {
    "code_profile": ("traffic.code_profile", "record_code_profile"),
    "current_progress": ("notebook.progress", "current_progress"),
    "error_lines": ("view", "error_lines"),
    "export": ("envoy", "export"),
    "listen": ("traffic.http_server.server", "listen"),
    "mimebundle": ("view", "mimebundle"),
    "panel_of": ("view.panel", "panel_of"),
    "read_envoy": ("envoy.config.import_config", "read_envoy"),
    "shows_panels": ("notebook.front_end", "shows_panels"),
    "write_test": ("testing.generated_tests.api", "write_test"),
}


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name not in {"__all__", "__version__"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = _all() if name == "__all__" else _resolve(name)
    return value


def _resolve(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is not None:
        return _load(home, name)
    sdk_names = _load("sdk", "names")()
    if name not in sdk_names:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return sdk_names[name]


def _load(module: str, name: str) -> Any:
    from importlib import import_module

    return getattr(import_module(f".{module}", __name__), name)


def _all() -> list[str]:
    from .sdk import names

    others = [name for exported in _HOMES.values() for name in exported if name not in _UNSTARRED]
    return [*others, *names()]


def __dir__() -> list[str]:
    return [*_all(), *_UNSTARRED]


def load_ipython_extension(ipython: Any) -> None:
    """Register the magics in an IPython shell. Called by `%load_ext wasmnb`."""
    from .notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Remove the magics from an IPython shell. Called by `%unload_ext wasmnb`."""
    from .notebook import unload_ipython_extension as unload

    unload(ipython)


_hooks.connect({hook: partial(_load, *provider) for hook, provider in _PROVIDERS.items()})
