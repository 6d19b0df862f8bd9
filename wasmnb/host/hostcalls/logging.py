"""The log.

Facts (Envoy 1.40): levels 0 to 5, anything else is BadArgument; OK also for a line that the level filters out.
"""

from __future__ import annotations

from ...abi import LogLevel, Status
from ..contexts.base import Context

__all__ = ["get_log_level", "log"]

_LAST = int(max(LogLevel))


def log(context: Context, level: int, message: bytes) -> int:
    """Write one line."""
    if level > _LAST:
        return Status.BAD_ARGUMENT
    context.vm.write_log(level, message)
    return Status.OK


def get_log_level(context: Context) -> tuple[int, int]:
    """The lowest level that is written."""
    return 0, int(context.vm.server.log.level)
