"""What a filter can do, as far as its source or its module shows: where it stands, and what is worth trying on it."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ALL", "abilities_of", "kind_of"]

#: Ability -> what shows it: words of a Python source, hostcalls or callbacks of a module.
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


def abilities_of(filters: Any) -> frozenset[str]:
    """Names of what the filter, plugin or chain can do: `http_call`, `grpc`, `queue`, `config`, `time`, `shared`."""
    several = filters if isinstance(filters, list | tuple) else [filters]
    return frozenset().union(*(_of_one(getattr(item, "filter", item)) for item in several))


def _of_one(made: Any) -> frozenset[str]:
    source = getattr(made, "source", None)
    if isinstance(source, str):
        return frozenset(name for name, (pattern, _) in _SIGNS.items() if re.search(pattern, source))
    names = _crossings(made)
    return frozenset(name for name, (_, signs) in _SIGNS.items() if signs & names) if names else ALL


def _crossings(made: Any) -> frozenset[str]:
    """Imports and exports of a module."""
    from ....compiler import inspect_module

    wasm = getattr(made, "wasm", None)
    if not isinstance(wasm, bytes):
        return frozenset()
    facts = inspect_module(wasm)
    return frozenset([*(i.name for i in facts.imports), *(e.name for e in facts.exports)])


def kind_of(made: Any) -> str:
    """`network` for a filter that knows TCP connections and no HTTP, else `http`."""
    source = getattr(made, "source", None)
    if isinstance(source, str):
        return "network" if "TcpContext" in source and "HttpContext" not in source else "http"
    names = _crossings(made)
    return "network" if names & _TCP and not names & _HTTP else "http"
