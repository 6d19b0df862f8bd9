"""Metrics; see `..state.metrics` for the rules."""

from __future__ import annotations

from ..contexts.base import Context

__all__ = ["define_metric", "get_metric", "increment_metric", "record_metric"]


def define_metric(context: Context, kind: int, name: bytes) -> tuple[int, int]:
    """Define a metric, and return a new id for it."""
    return context.vm.metrics.define(kind, name)


def increment_metric(context: Context, number: int, offset: int) -> int:
    """Add to a counter or gauge."""
    return context.vm.metrics.increment(number, offset)


def record_metric(context: Context, number: int, value: int) -> int:
    """Add to a counter, set a gauge, or add a sample to a histogram."""
    return context.vm.metrics.record(number, value)


def get_metric(context: Context, number: int) -> tuple[int, int]:
    """Return the value of a counter or gauge."""
    return context.vm.metrics.get(number)
