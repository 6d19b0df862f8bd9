"""Run the benchmarks: `python -m tests.benchmarks [NAME ...]`."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "filter_size", "warm_cell", "host_cost", "envoy_throughput", "async_cost", "await_memory", "panel", "recorded_traffic",
    "release_start",
)  # fmt: skip


def main(names: list[str]) -> int:
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"Unknown benchmark: {', '.join(sorted(unknown))}. Use {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    for name in names or NAMES:
        import_module(f"{__package__}.{name}").main()
    return 0


raise SystemExit(main(sys.argv[1:]))
