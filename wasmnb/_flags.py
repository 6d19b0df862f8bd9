"""Flags and types of values that several command lines share, for argparse."""

from __future__ import annotations

import argparse
from typing import Any

from .abi import KINDS

__all__ = ["KIND_FLAG", "seconds"]

#: The flag for the kind of a plugin.
KIND_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--kind",),
    {"choices": tuple(KINDS), "help": "Kind of plugin; by default the one that its callbacks are for."},
)


def seconds(text: str) -> float:
    """Return a positive number of seconds."""
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"expected a positive number of seconds, not {text}")
    return value
