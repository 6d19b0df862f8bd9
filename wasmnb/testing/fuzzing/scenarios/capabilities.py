"""Detection of a filter's capabilities (such as callouts or queues), which determine the inputs that the fuzzer tries."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ALL", "capabilities_of"]

#: Capability -> what indicates it: a pattern in Python source, and names of hostcalls or callbacks of a module.
_SIGNS = {
    "http_call": (r"\bhttp_call\b", {"proxy_http_call"}),
    "grpc": (r"\bgrpc_", {"proxy_grpc_call", "proxy_grpc_stream"}),
    "queue": (r"queue", {"proxy_register_shared_queue"}),
    "config": (r"config", {"proxy_on_configure"}),
    "time": (r"tick|sleep|timeout|wait_for", {"proxy_set_tick_period_milliseconds"}),
    "shared": (r"shared_data|queue", {"proxy_set_shared_data", "proxy_enqueue_shared_queue"}),
}

ALL = frozenset(_SIGNS)


def capabilities_of(filters: Any) -> frozenset[str]:
    """Return the capabilities of a filter or chain, some of `http_call`, `grpc`, `queue`, `config`, `time` and `shared`."""
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
