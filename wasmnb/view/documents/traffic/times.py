"""Times of an exchange in words: in total, waiting for the worker, and in the filter. The panel uses the same functions."""

from __future__ import annotations

from typing import Any

from ...render.units import duration

__all__ = ["elapsed_ns", "total_text", "waited_ns", "waited_text"]


def elapsed_ns(exchange: Any) -> float:
    """Return the nanoseconds from the first byte of the request to the end, or to this moment while it lasts."""
    return float(getattr(exchange, "elapsed", exchange.duration)) * 1e9


def waited_ns(exchange: Any) -> float:
    """Return how many of these nanoseconds the exchange waited for its worker; 0 if unknown."""
    return float(getattr(exchange, "waited", 0.0)) * 1e9


def total_text(exchange: Any) -> str:
    """Format the time in total: `186 µs in total`, or `1.50 s so far` while the exchange lasts."""
    return f"{duration(elapsed_ns(exchange))} {'in total' if getattr(exchange, 'done', True) else 'so far'}"


def waited_text(exchange: Any) -> str:
    """Format the wait for a busy worker: `24.1 ms of it before worker-1 was free`; empty if it is negligible.

    A wait counts if it is at least a microsecond and a hundredth of the total time.
    """
    waited = waited_ns(exchange)
    if waited < max(1e3, elapsed_ns(exchange) / 100):
        return ""
    return f"{duration(waited)} of it before worker-{exchange.worker} was free"
