"""Flags of a search, as argparse takes them: for `%wasmfuzz` and `wasmnb fuzz`; and what they mean to `fuzz`."""

from __future__ import annotations

import argparse
from typing import Any

from ..._flags import seconds
from ...traffic.curl import read_at
from .report import KINDS

__all__ = ["FUZZ_FLAGS", "arguments_of"]


def _workers(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 64:
        raise argparse.ArgumentTypeError(f"a number of workers from 1 to 64 is needed, not {text}")
    return value


def _kinds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"{text!r}: choose from {', '.join(KINDS)}, with commas between them")
    return names


FUZZ_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--seconds", "-s"), {"type": seconds, "default": 30.0, "metavar": "SECONDS", "help": "How long to search (30)."}),
    (("--seed",), {"type": int, "default": 0, "metavar": "N", "help": "The same seed tries the same scenarios (0)."}),
    (("--only",), {"type": _kinds, "default": (), "metavar": "KINDS", "help": f"Only these kinds of fault: {', '.join(KINDS)}."}),
    (("--config", "-c"), {"metavar": "TEXT|@FILE", "help": "Plugin configuration."}),
    (("--vm-config",), {"metavar": "TEXT|@FILE", "help": "VM configuration."}),
    (("--workers", "-w"), {"type": _workers, "metavar": "N", "help": "Worker threads; one, and now and then several, if not given."}),
    (("--kind",), {"choices": ("http", "network"), "help": "Where the filter stands; what it has callbacks for, if not given."}),
    (("--deadline",), {"type": seconds, "default": 1.0, "metavar": "SECONDS", "help": "A callback that takes longer hangs (1)."}),
    (("--all",), {"dest": "all_faults", "action": "store_true", "help": "Go on after the first finding."}),
    (("--save",), {"metavar": "FILE.py", "help": "Write the findings to this file, as tests."}),
)  # fmt: skip


def arguments_of(options: Any) -> dict[str, Any]:
    """What `fuzz` is given; settings of the plugin only if they were."""
    names = ("seconds", "seed", "only", "workers", "kind", "deadline", "all_faults")
    told = {name: read_at(text) for name in ("config", "vm_config") if (text := getattr(options, name)) is not None}
    return {**{name: getattr(options, name) for name in names}, **told}
