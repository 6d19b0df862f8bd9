"""Hostcalls, with one Python module for each area of the specification, and the table that contains them by name.

Each hostcall is a function whose name is the ABI name without `proxy_`. The function receives the calling context and the
inputs, and returns a status, or a tuple of the status and the outputs, which are used only if the status is OK. Inputs are read
from the guest's memory in `..vm.hostcall_stubs`.
"""

from __future__ import annotations

from ..callouts.redis import redis_call, redis_init
from ..foreign_functions.dns import resolve_dns
from ..server_context import HostcallTable
from . import (
    buffers,
    foreign,
    grpc,
    headers,
    http_callouts,
    lifecycle,
    logging,
    metrics,
    properties,
    shared_state,
    streams,
    time,
)

__all__ = ["HOSTCALLS"]

_AREAS = (
    buffers,
    foreign,
    grpc,
    headers,
    http_callouts,
    lifecycle,
    logging,
    metrics,
    properties,
    shared_state,
    streams,
    time,
)

#: All functions that modules can import from `env`.
HOSTCALLS = HostcallTable(
    implementations={f"proxy_{name}": getattr(area, name) for area in _AREAS for name in area.__all__},
    extras={"envoy_resolve_dns": resolve_dns, "proxy_redis_init": redis_init, "proxy_redis_call": redis_call},
)
