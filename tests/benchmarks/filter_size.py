"""Size of a saved filter, also gzipped, and of its sections."""

from __future__ import annotations

import gzip

from wasmnb import Filter

from .reporting import report
from .warm_cell import CELL


def main() -> None:
    wasm_filter = Filter.from_source(CELL, "greeter")
    wasm = wasm_filter.wasm
    packed = gzip.compress(wasm, 9)
    rows = [{"part": "whole file", "MB": f"{len(wasm) / 1e6:.2f}"}, {"part": "gzipped", "MB": f"{len(packed) / 1e6:.2f}"}]
    rows += [{"part": f"{name} section", "MB": f"{size / 1e6:.2f}"} for name, size in wasm_filter.info.sections.items() if size > 1e5]
    report(
        "filter_size", "Size of a filter's file", rows,
        ["The data section is CPython's memory after its imports, the code section CPython and its C library."],
    )  # fmt: skip


if __name__ == "__main__":
    main()
