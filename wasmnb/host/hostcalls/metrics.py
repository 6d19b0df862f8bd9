"""Hostcalls for metrics, which are implemented in `..shared_state.metrics`."""

from __future__ import annotations

from ..contexts.base import Context
from ..shared_state.metrics import SIGN

__all__ = ["define_metric", "get_metric", "increment_metric", "record_metric"]


def define_metric(context: Context, kind: int, name: bytes) -> tuple[int, int]:
    """Define a metric. Return the status and the metric's id."""
    return context.vm.metrics.define(kind, name)


def increment_metric(context: Context, number: int, offset: int) -> int:
    """Add an offset to a counter or a gauge."""
    vm = context.vm
    status = vm.metrics.increment(number, offset)
    if offset & SIGN and (gauge := vm.metrics.fallen(number)) is not None:
        text = f"The gauge {gauge.name} fell below 0 and is now {gauge.value}, because Envoy's gauges wrap around."
        vm.server.warn(text, vm.thread, exchange=context.ref.exchange, vm=vm.number)
    return status


def record_metric(context: Context, number: int, value: int) -> int:
    """Add to a counter, set a gauge, or add a sample to a histogram."""
    return context.vm.metrics.record(number, value)


def get_metric(context: Context, number: int) -> tuple[int, int]:
    """Return the status and the value of a counter or a gauge."""
    return context.vm.metrics.get(number)
