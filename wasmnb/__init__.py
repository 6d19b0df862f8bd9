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
    from ._version import __version__
    from .build import Filter, FilterInfo
    from .build.decorator import filter as filter  # noqa: A004 -- it is written wasmnb.filter
    from .envoy import Envoy
    from .errors import BuildError, FilterTrap, ModuleError, NativeWarning, SourceError, UsageError, WasmnbError
    from .host import Exchange, Plugin, Proxy
    from .messages import Headers, Request, Response
    from .sdk import (
        Action,
        BadArgument,
        Body,
        BrokenConnection,
        BufferType,
        CalloutError,
        CalloutReset,
        CalloutTimeout,
        CalloutUnreachable,
        CasMismatch,
        CloseType,
        ConfigurationError,
        Counter,
        DataStatus,
        Empty,
        FilterSourceError,
        Gauge,
        GrpcCall,
        GrpcError,
        GrpcResponse,
        GrpcStatus,
        GrpcStream,
        HeaderMap,
        HeaderMapType,
        HeadersStatus,
        Histogram,
        HostcallError,
        HttpCall,
        HttpCallResponse,
        HttpContext,
        InternalFailure,
        LogLevel,
        MetricType,
        NotFound,
        ParseFailure,
        PluginContext,
        Queue,
        SerializationFailure,
        Status,
        StreamStateError,
        StreamType,
        TcpContext,
        TrailersStatus,
        Unimplemented,
        VMContext,
        gather,
        hostcalls,
        log,
        log_critical,
        log_debug,
        log_error,
        log_info,
        log_level,
        log_trace,
        log_warn,
        register_queue,
        resolve_queue,
        shared_data,
        sleep,
        timeout,
        wait_for,
    )
    from .traffic import LoadReport
    from .traffic.load import load

#: Floor -> the names that it gives to this package. The SDK gives all of its own.
_HOMES = {
    "_version": ("__version__",),
    "build": ("Filter", "FilterInfo"),
    "build.decorator": ("filter",),  # not in __all__: a star import leaves Python's own `filter` alone
    "envoy": ("Envoy",),
    "errors": ("BuildError", "FilterTrap", "ModuleError", "NativeWarning", "SourceError", "UsageError", "WasmnbError"),
    "host": ("Exchange", "Plugin", "Proxy"),
    "messages": ("Headers", "Request", "Response"),
    "traffic": ("LoadReport", "load"),
}

__all__ = [  # noqa: RUF022 -- ours, then the SDK's
    "Filter",
    "FilterInfo",
    "Exchange",
    "Plugin",
    "Proxy",
    "Headers",
    "Request",
    "Response",
    "Envoy",
    "BuildError",
    "FilterTrap",
    "ModuleError",
    "NativeWarning",
    "SourceError",
    "UsageError",
    "WasmnbError",
    "LoadReport",
    "load",
    "Action",
    "BadArgument",
    "Body",
    "BrokenConnection",
    "BufferType",
    "CalloutError",
    "CalloutReset",
    "CalloutTimeout",
    "CalloutUnreachable",
    "CasMismatch",
    "CloseType",
    "ConfigurationError",
    "Counter",
    "DataStatus",
    "Empty",
    "FilterSourceError",
    "Gauge",
    "GrpcCall",
    "GrpcError",
    "GrpcResponse",
    "GrpcStatus",
    "GrpcStream",
    "HeaderMap",
    "HeaderMapType",
    "HeadersStatus",
    "Histogram",
    "HostcallError",
    "HttpCall",
    "HttpCallResponse",
    "HttpContext",
    "InternalFailure",
    "LogLevel",
    "MetricType",
    "NotFound",
    "ParseFailure",
    "PluginContext",
    "Queue",
    "SerializationFailure",
    "Status",
    "StreamStateError",
    "StreamType",
    "TcpContext",
    "TrailersStatus",
    "Unimplemented",
    "VMContext",
    "gather",
    "hostcalls",
    "log",
    "log_critical",
    "log_debug",
    "log_error",
    "log_info",
    "log_level",
    "log_trace",
    "log_warn",
    "register_queue",
    "resolve_queue",
    "shared_data",
    "sleep",
    "timeout",
    "wait_for",
    "__version__",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name.startswith("__") and name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "sdk")
    if home == "sdk" and name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "filter"]


def load_ipython_extension(ipython: Any) -> None:
    """Run by `%load_ext wasmnb`: make the magics available."""
    from .notebook import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Run by `%unload_ext wasmnb`: take the magics away again."""
    from .notebook import unload_ipython_extension as unload

    unload(ipython)
