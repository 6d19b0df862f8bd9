"""Hostcalls for the clock and for ticks, in virtual time. Each root context has its own tick period."""

from __future__ import annotations

from ..contexts.base import Context
from ..contexts.root import RootContext

__all__ = ["get_current_time_nanoseconds", "set_tick_period_milliseconds"]


def get_current_time_nanoseconds(context: Context) -> tuple[int, int]:
    """Return the status and the wall-clock time in nanoseconds since 1970."""
    return 0, context.vm.wall_ns()


def set_tick_period_milliseconds(context: Context, period: int) -> int:
    """Start or change the timer for ticks, or stop it if the period is 0."""
    root = context.root
    if isinstance(root, RootContext):
        root.set_tick_period(period)
    return 0
