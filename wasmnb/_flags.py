"""Types of command line values, for argparse."""

from __future__ import annotations

import argparse

__all__ = ["seconds"]


def seconds(text: str) -> float:
    """Return a positive number of seconds."""
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds, not {text}")
    return value
