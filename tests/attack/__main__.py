"""The whole attack, in at most twenty minutes: interrupts, kills, hostile modules, long runs. Figures go to a report.

    python -m tests.attack
"""

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from tests.attack import interrupts, kills, modules, soak

REPORT = Path(__file__).parent / "reports" / "attack.md"

#: Interrupts of each operation; all together are 2,000.
INTERRUPTS = {"start": 500, "close": 500, "trap": 500, "probe": 200, "copy": 300}

KILLS, MODULES = 50, 5000

#: Minutes of everything; on a busy machine the long runs are shorter.
MINUTES = 20

#: Seconds of each long run.
SECONDS = {"requests": 150, "callouts": 60, "failing": 60, "proxies": 45, "dropped": 45, "cells": 90}

#: Kilobytes of memory for every 1,000 things that a long run may take: what a measurement cannot tell from nothing, and for
#: cells what a notebook keeps of a run by itself (its input, its output as text and HTML).
ALLOWED = {"requests": 20, "callouts": 40, "failing": 40, "proxies": 2000, "dropped": 2000, "cells": 40_000}


def table(rows):
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return [*lines, *("| " + " | ".join(str(row.get(c, "")) for c in columns) + " |" for row in rows), ""]


def attack_with_interrupts(faults):
    rows = []
    for name, count in INTERRUPTS.items():
        found = interrupts.interrupt(name, count, seed=int(time.time()))
        if found["exit"] or found["interrupted"] < count or found["errors"] or found["left"]["instances"] > 0 or found["left"]["vms"] > interrupts.UNCERTAIN or found["left"]["files"]:
            faults.append(f"interrupts of {name}: {found}")
        left = found.get("left", {})
        rows.append({
            "interrupted": name, "interrupts": found.get("interrupted", 0), "ms each": found.get("milliseconds"),
            "exit code": found["exit"], "instances left": left.get("instances"), "VMs left by address space": left.get("vms"), "files left": left.get("files"), "KB more": left.get("memory_kb"),
        })
    return ["## SIGINT at random moments", "", *table(rows)]


def attack_with_kills(faults):
    with tempfile.TemporaryDirectory() as folder:
        found = kills.attack(KILLS, Path(folder))
    if found["orphans"] or found["left after"] or found["damaged entries"] or found["strange files"]:
        faults.append(f"kills: {found}")
    return ["## SIGKILL at random moments", "", *table([found])]


def attack_with_modules(faults):
    found = modules.attack(MODULES, first=int(time.time()))
    faults += found["deaths"] + found["faults"]
    rows = [{"outcome": name, "modules": count} for name, count in found["outcomes"].most_common()]
    totals = f"{found['modules']:,} modules; deaths of the process: {len(found['deaths'])}; other exceptions: {len(found['faults'])}."
    return ["## Hostile modules", "", totals, "", *table(rows)]


def attack_with_time(faults, started):
    rows = []
    left = MINUTES * 60 - (time.monotonic() - started) - 90
    share = min(1.0, max(0.2, left / sum(SECONDS.values())))
    for name, seconds in SECONDS.items():
        found = soak.soak(name, share * seconds)
        rows.append(found)
        grown = found.get("kilobytes per 1,000", 0) > ALLOWED[name]
        if found["exit"] or grown or found["files per 1,000"] > 1 or found["threads per 1,000"] > 1:
            faults.append(f"long run: {found}")
    return ["## Long runs", "", "Slopes over the second half of each run.", "", *table(rows)]


def main():
    started, faults = time.monotonic(), []
    lines = ["# Attack", ""]
    for part in (attack_with_interrupts, attack_with_kills, attack_with_modules, lambda f: attack_with_time(f, started)):
        lines += part(faults)
        print("\n".join(lines[-12:]), flush=True)
    minutes = (time.monotonic() - started) / 60
    lines += [f"- Faults found: {len(faults)}."]
    lines += [f"  - {fault}"[:1000] for fault in faults]
    lines += [
        f"- Took {minutes:.1f} minutes.",
        f"- Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()} by `make attack`.",
    ]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(lines) + "\n")
    REPORT.with_suffix(".json").write_text(json.dumps({"faults": faults}, indent=1) + "\n")
    print("\n".join(lines), flush=True)
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
