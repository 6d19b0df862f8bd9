"""argparse flags that several commands and magics share, and the functions that convert their values."""

from __future__ import annotations

import argparse
from typing import Any

from .abi import KINDS

__all__ = ["ENV_FLAG", "KIND_FLAG", "STRIP_FLAG", "Flag", "seconds", "variable"]

#: Names of a flag, and its keyword arguments for argparse.
Flag = tuple[tuple[str, ...], dict[str, Any]]


def variable(text: str) -> tuple[str, str]:
    """Split NAME=VALUE into the name and the value of an environment variable."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name.strip(), value


#: `--kind`: the kind of a plugin.
KIND_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--kind",),
    {"choices": tuple(KINDS), "help": "Kind of plugin (default: derived from the callbacks that the filter defines)."},
)

#: `--env`: environment variables for the filter.
ENV_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--env",),
    {
        "action": "append",
        "type": variable,
        "metavar": "NAME=VALUE",
        "help": "Environment variable that the filter can read from os.environ. May be repeated.",
    },
)

#: `--strip`: whether saved modules contain comments and docstrings.
STRIP_FLAG: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--strip",),
    {
        "action": argparse.BooleanOptionalAction,
        "help": "Remove comments and docstrings from the saved module (default: yes, except for a full module).",
    },
)


def seconds(text: str) -> float:
    """Convert a flag's value to a number of seconds above 0 and below 10,000,000."""
    value = float(text)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0 and below 10,000,000")
    return value
