"""Flags that several command lines share, and types of their values, for argparse."""

from __future__ import annotations

import argparse
from typing import Any

from .abi import KINDS

__all__ = ["ENV_FLAG", "KIND_FLAG", "STRIP_FLAG", "seconds", "variable"]


def variable(text: str) -> tuple[str, str]:
    """Return the name and the value of an environment variable written as NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name.strip(), value


#: The flag for the kind of a plugin.
KIND_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--kind",),
    {"choices": tuple(KINDS), "help": "Kind of plugin. By default, it follows from the filter's callbacks."},
)

#: The flag for environment variables.
ENV_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--env",),
    {
        "action": "append",
        "type": variable,
        "metavar": "NAME=VALUE",
        "help": "An environment variable for the filter, which reads it from os.environ. May be repeated.",
    },
)

#: The flag for comments in saved modules.
STRIP_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--strip",),
    {
        "action": argparse.BooleanOptionalAction,
        "help": "Leave comments and docstrings out of the file (default: yes, except for a full module).",
    },
)


def seconds(text: str) -> float:
    """Return the number of seconds that a text states, which must be positive."""
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0 and below 10,000,000, not {text}")
    return value
