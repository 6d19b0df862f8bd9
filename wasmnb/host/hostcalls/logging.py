"""Hostcalls for the log.

In Envoy 1.40, a level above 5 returns BadArgument. A line below the log's level is dropped, and the status is OK.
"""

from __future__ import annotations

from ...abi import LogLevel, Status
from ..contexts.base import Context

__all__ = ["get_log_level", "log"]

_LAST = int(max(LogLevel))


def log(context: Context, level: int, message: bytes) -> int:
    """Write a log line."""
    if level > _LAST:
        return Status.BAD_ARGUMENT
    context.vm.write_log(level, message)
    return Status.OK


def get_log_level(context: Context) -> tuple[int, int]:
    """Return the status and the lowest level that is written to the log."""
    return 0, int(context.vm.server.log.level)
