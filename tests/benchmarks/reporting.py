"""Reports of the benchmarks: a Markdown file and a JSON file per benchmark in reports/."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

REPORTS = Path(__file__).parent / "reports"


def report(name: str, title: str, rows: list[dict[str, object]], notes: list[str]) -> None:
    """Print a table and write it to the reports, with a description of the machine."""
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
    """Return cores, architecture and Python version."""
    import os

    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def alternate(variants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure all variants alternately in `rounds` rounds, so that other load affects each of them."""
    results: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, measure in variants.items():
            results[name].append(measure())
    return results


def median(values: list[float]) -> float:
    return statistics.median(values)


def timed(function: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
