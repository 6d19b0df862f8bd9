"""Run all attacks in at most twenty minutes: interrupts, kills, hostile modules, long runs. Write the figures to a report.

    python -m tests.attack
"""

import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.attack import builds, interrupts, kills, long_runs, modules

REPORT = Path(__file__).parent / "reports" / "attack.md"

#: Interrupts of each operation; all together are 2,000.
INTERRUPTS = {
    "start": 400, "close": 400, "trap": 400, "probe": 150, "copy": 150, "collect": 150, "native": 100, "update": 50, "awaits": 100,
    "threads": 100,
}  # fmt: skip

KILLS, MODULES = 50, 5000

#: Minutes of all attacks. On a busy machine, the long runs are shorter.
MINUTES = 20

#: Seconds of each long run.
SECONDS = {"requests": 150, "callouts": 60, "failing": 60, "proxies": 45, "dropped": 45, "cells": 90}

#: Kilobytes by which memory may grow in a long run for every 1,000 items: the precision of the measurement, and for cells the data
#: that a notebook itself keeps of a run (its input, and the closed proxy in `Out`).
ALLOWED = {"requests": 20, "callouts": 40, "failing": 40, "proxies": 2000, "dropped": 2000, "cells": 40_000}


def table(rows):
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return [*lines, *("| " + " | ".join(str(row.get(c, "")) for c in columns) + " |" for row in rows), ""]


def attack_with_interrupts(faults):
    rows = []
    for name, count in INTERRUPTS.items():
        counts = interrupts.interrupt(name, count, seed=int(time.time()))
        if counts["exit"] or counts["interrupted"] < count or counts["errors"] or counts["left"]["instances"] > 0 or counts["left"]["vms"] > interrupts.UNCERTAIN or counts["left"]["files"]:
            faults.append(f"interrupts of {name}: {counts}")
        left = counts.get("left", {})
        rows.append({
            "interrupted": name, "interrupts": counts.get("interrupted", 0), "ms each": counts.get("milliseconds"),
            "exit code": counts["exit"], "instances left": left.get("instances"), "VMs left by address space": left.get("vms"), "files left": left.get("files"), "KB more": left.get("memory_kb"),
        })
    return ["## SIGINT at random moments", "", *table(rows)]


def attack_with_kills(faults):
    with tempfile.TemporaryDirectory() as folder:
        counts = kills.attack(KILLS, Path(folder))
    if counts["orphans"] or counts["left after"] or counts["damaged entries"] or counts["strange files"]:
        faults.append(f"kills: {counts}")
    return ["## SIGKILL at random moments", "", *table([counts])]


def attack_with_modules(faults):
    counts = modules.attack(MODULES, first=int(time.time()))
    faults += counts["deaths"] + counts["faults"]
    rows = [{"outcome": name, "modules": count} for name, count in counts["outcomes"].most_common()]
    totals = f"{counts['modules']:,} modules; deaths of the process: {len(counts['deaths'])}; other exceptions: {len(counts['faults'])}."
    return ["## Hostile modules", "", totals, "", *table(rows)]


def attack_with_builds(faults):
    same = builds.attack()
    faults += [f"two builds differ: {name}" for name in ("runtime", "full", "release") if not same[name]]
    rows = [{"module": name, "the same bytes": "yes" if same[name] else "no"} for name in ("runtime", "full", "release")]
    about = "In two folders and caches, with another home, time zone, language and hash seed."
    return ["## Two builds", "", about, "", *table(rows)]


def attack_with_time(faults, started):
    rows = []
    left = MINUTES * 60 - (time.monotonic() - started) - 90
    share = min(1.0, max(0.2, left / sum(SECONDS.values())))
    for name, seconds in SECONDS.items():
        figures = long_runs.run_for(name, share * seconds)
        rows.append(figures)
        grown = figures.get("kilobytes per 1,000", 0) > ALLOWED[name]
        if figures["exit"] or grown or figures["files per 1,000"] > 1 or figures["threads per 1,000"] > 1:
            faults.append(f"long run: {figures}")
    return ["## Long runs", "", "Slopes over the second half of each run.", "", *table(rows)]


def cpu_minutes():
    """Return the CPU time of this process and its children that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent) / 60


def main():
    started, faults = time.monotonic(), []
    lines = ["# Attack", ""]
    for part in (attack_with_interrupts, attack_with_kills, attack_with_modules, attack_with_builds, lambda f: attack_with_time(f, started)):
        lines += part(faults)
        print("\n".join(lines[-12:]), flush=True)
    minutes = (time.monotonic() - started) / 60
    lines += [f"- Faults found: {len(faults)}."]
    lines += [f"  - {fault}"[:1000] for fault in faults]
    lines += [
        f"- Took {minutes:.1f} minutes, and {cpu_minutes():.1f} minutes of CPU; the load average at the end was {os.getloadavg()[2]:.1f}.",
        f"- Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()} by `make attack`.",
    ]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")
    REPORT.with_suffix(".json").write_text(json.dumps({"faults": faults}, indent=1) + "\n")
    print("\n".join(lines), flush=True)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
