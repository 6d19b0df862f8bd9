"""Capabilities of a filter, read from its source or its module: its kind, and the inputs that are worth trying."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ALL", "capabilities_of", "filter_kind"]

#: Capability -> pattern in a Python source, and hostcalls or callbacks of a module, that indicate it.
_SIGNS = {
    "http_call": (r"\bhttp_call\b", {"proxy_http_call"}),
    "grpc": (r"\bgrpc_", {"proxy_grpc_call", "proxy_grpc_stream"}),
    "queue": (r"queue", {"proxy_register_shared_queue"}),
    "config": (r"config", {"proxy_on_configure"}),
    "time": (r"tick|sleep|timeout|wait_for", {"proxy_set_tick_period_milliseconds"}),
    "shared": (r"shared_data|queue", {"proxy_set_shared_data", "proxy_enqueue_shared_queue"}),
}

ALL = frozenset(_SIGNS)

_TCP = frozenset({"proxy_on_new_connection", "proxy_on_downstream_data", "proxy_on_upstream_data"})
_HTTP = frozenset(f"proxy_on_{side}_{part}" for side in ("request", "response") for part in ("headers", "body"))


def capabilities_of(filters: Any) -> frozenset[str]:
    """Return the capabilities of a filter, plugin or chain: `http_call`, `grpc`, `queue`, `config`, `time`, `shared`."""
    chain = filters if isinstance(filters, list | tuple) else [filters]
    return frozenset().union(*(_of_one(getattr(item, "filter", item)) for item in chain))


def _of_one(wasm_filter: Any) -> frozenset[str]:
    source = getattr(wasm_filter, "source", None)
    if isinstance(source, str):
        return frozenset(name for name, (pattern, _) in _SIGNS.items() if re.search(pattern, source))
    names = _interface_names(wasm_filter)
    return frozenset(name for name, (_, signs) in _SIGNS.items() if signs & names) if names else ALL


def _interface_names(wasm_filter: Any) -> frozenset[str]:
    """Return the names of a module's imports and exports."""
    from ....compiler import inspect_module

    wasm = getattr(wasm_filter, "wasm", None)
    if not isinstance(wasm, bytes):
        return frozenset()
    facts = inspect_module(wasm)
    return frozenset([*(i.name for i in facts.imports), *(e.name for e in facts.exports)])


def filter_kind(wasm_filter: Any) -> str:
    """Return `network` for a filter that has callbacks of TCP connections only, else `http`."""
    source = getattr(wasm_filter, "source", None)
    if isinstance(source, str):
        return "network" if "TcpContext" in source and "HttpContext" not in source else "http"
    names = _interface_names(wasm_filter)
    return "network" if names & _TCP and not names & _HTTP else "http"
