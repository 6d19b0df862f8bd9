"""Where benchmark figures go: one Markdown file and one JSON file a benchmark, under reports/."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

REPORTS = Path(__file__).parent / "reports"


def report(name: str, title: str, rows: list[dict[str, object]], notes: list[str]) -> None:
    """Print a table and write it down, with the machine that it was measured on."""
    columns = list(rows[0])
    lines = [f"# {title}", "", "| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(str(row.get(c, "")) for c in columns) + " |" for row in rows]
    lines += ["", *(f"- {note}" for note in notes), f"- Measured on {machine()} by `make bench`."]
    text = "\n".join(lines) + "\n"
    print(text, flush=True)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / f"{name}.md").write_text(text)
    (REPORTS / f"{name}.json").write_text(json.dumps({"title": title, "rows": rows, "notes": notes}, indent=1) + "\n")


def machine() -> str:
    """Cores, Python and system, without names."""
    import os

    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def alternate(variants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure all variants in turn, `rounds` times over, so that a noisy machine is noisy for each of them."""
    results: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            results[name].append(measure())
    return results


def median(values: list[float]) -> float:
    return statistics.median(values)


def timed(function: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
