"""Format the times of an exchange: its duration, and the time that it waited for its worker. Also used by the panel."""

from __future__ import annotations

from typing import Any

from ...render.units import duration

__all__ = ["elapsed_ns", "total_text", "waited_ns", "waited_text"]


def elapsed_ns(exchange: Any) -> float:
    """Return the duration of an exchange in nanoseconds. If it hasn't ended, the time until now is returned."""
    return float(exchange.elapsed) * 1e9


def waited_ns(exchange: Any) -> float:
    """Return the nanoseconds that an exchange waited for its worker, or 0 for a real Envoy."""
    return float(exchange.waited) * 1e9


def total_text(exchange: Any) -> str:
    """Format the duration of an exchange: `186 µs in total`, or `1.50 s so far` if it hasn't ended."""
    return f"{duration(elapsed_ns(exchange))} {'in total' if exchange.done else 'so far'}"


def waited_text(exchange: Any) -> str:
    """Format the time that an exchange waited for a busy worker: `24.1 ms of it before worker-1 was free`.

    Returns '' if the time is less than a microsecond or less than 1 % of the duration.
    """
    waited = waited_ns(exchange)
    if waited < max(1e3, elapsed_ns(exchange) / 100):
        return ""
    return f"{duration(waited)} of it before worker-{exchange.worker} was free"
