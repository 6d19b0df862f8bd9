"""Flags of `%wasmfuzz` and `wasmnb fuzz`, and their conversion to arguments of `fuzz`."""

from __future__ import annotations

import argparse
from typing import Any

from ..._flags import KIND_FLAG, seconds
from ...traffic.curl import read_at
from ...traffic.replay.flags import PROCESSES
from .report import KINDS

__all__ = ["FUZZ_FLAGS", "fuzz_arguments"]


def _workers(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"{text} is not a number of workers. Use a number from 1 to 64.")
    return value


def _kinds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of kinds of fault: choose from {', '.join(KINDS)}, separated by commas"
        )
    return names


FUZZ_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--seconds", "-s"), {"type": seconds, "default": 30.0, "metavar": "SECONDS", "help": "How long to search (default 30)."}),
    (("--seed",), {"type": int, "default": 0, "metavar": "N", "help": "Seed (default 0). The same seed tries the same scenarios."}),
    (("--only",), {"type": _kinds, "default": (), "metavar": "KINDS", "help": f"Search only for these kinds of fault: {', '.join(KINDS)}."}),
    (("--config", "-c"), {"metavar": "TEXT|@FILE", "help": "Plugin configuration."}),
    (("--vm-config",), {"metavar": "TEXT|@FILE", "help": "VM configuration."}),
    (("--workers", "-w"), {"type": _workers, "metavar": "N", "help": "Number of workers (default: one, or sometimes three if the filter shares data)."}),
    KIND_FLAG,
    (("--deadline",), {"type": seconds, "default": 1.0, "metavar": "SECONDS", "help": "Time after which a callback is reported as a hang (default 1)."}),
    (("--all",), {"dest": "all_faults", "action": "store_true", "help": "Continue after the first finding."}),
    PROCESSES,
    (("--save",), {"metavar": "FILE.py", "help": "Write the findings to this file, as tests."}),
)  # fmt: skip


def fuzz_arguments(options: Any) -> dict[str, Any]:
    """Convert parsed options to arguments of `fuzz`. Settings of the plugin are included only if they were passed."""
    names = ("seconds", "seed", "only", "workers", "kind", "deadline", "all_faults")
    plugin_settings = {
        name: read_at(text) for name in ("config", "vm_config") if (text := getattr(options, name)) is not None
    }
    return {**{name: getattr(options, name) for name in names}, **plugin_settings}
