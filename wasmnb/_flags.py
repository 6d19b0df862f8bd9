"""What values of flags may be, for argparse."""

from __future__ import annotations

import argparse

__all__ = ["seconds"]


def seconds(text: str) -> float:
    """A time above 0."""
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0 is needed, not {text}")
    return value
