"""Run the benchmarks: `python -m tests.benchmarks [NAME ...] [--SIZE=NUMBER ...]`. Modules define their own sizes."""

from __future__ import annotations

import os
import sys
from importlib import import_module

NAMES = (
    "filter_size", "warm_cell", "host_cost", "envoy_throughput", "async_cost", "await_memory", "panel", "recorded_traffic",
    "release_start",
)  # fmt: skip


def main(names: list[str]) -> int:
    sizes = [name for name in names if name.startswith("--")]
    names = [name for name in names if name not in sizes]
    for size in sizes:
        key, _, number = size.removeprefix("--").partition("=")
        os.environ[f"WASMNB_{key.upper().replace('-', '_')}"] = number.replace(",", "").replace("_", "")
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"Unknown benchmark: {', '.join(sorted(unknown))}. Use {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in names or NAMES:
        import_module(f"{__package__}.{name}").main()
    return 0


raise SystemExit(main(sys.argv[1:]))
