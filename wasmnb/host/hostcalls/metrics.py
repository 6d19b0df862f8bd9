"""Metrics; the rules stand in `..stats`."""

from __future__ import annotations

from ..contexts.base import Context

__all__ = ["define_metric", "get_metric", "increment_metric", "record_metric"]


def define_metric(context: Context, kind: int, name: bytes) -> tuple[int, int]:
    """Open a metric; a new id each time."""
    return context.vm.metrics.define(kind, name)


def increment_metric(context: Context, number: int, offset: int) -> int:
    """Add to a counter or gauge."""
    return context.vm.metrics.increment(number, offset)


def record_metric(context: Context, number: int, value: int) -> int:
    """Add to a counter, set a gauge, take a histogram's sample."""
    return context.vm.metrics.record(number, value)


def get_metric(context: Context, number: int) -> tuple[int, int]:
    """Value of a counter or gauge."""
    return context.vm.metrics.get(number)
