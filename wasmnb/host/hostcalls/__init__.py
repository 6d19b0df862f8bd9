"""The hostcalls, one module for each area of the specification, and the table that finds them by name.

A hostcall is a function of the calling context and its inputs, under the ABI's name without `proxy_`. It returns a
status, or a tuple of the status and its outputs; outputs count only if the status is OK. Reading the inputs from the
guest's memory and storing the outputs there is done by `..binding`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    buffers,
    calls,
    foreign,
    grpc,
    headers,
    lifecycle,
    logging,
    metrics,
    properties,
    shared,
    streams,
    time,
)

__all__ = ["IMPLEMENTATIONS"]

_AREAS = (buffers, calls, foreign, grpc, headers, lifecycle, logging, metrics, properties, shared, streams, time)

#: Import name -> implementation.
IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    f"proxy_{name}": getattr(area, name) for area in _AREAS for name in area.__all__
}
