"""SIGKILL at random moments while files are written and processes are started. The next start removes the remains.

    python -m tests.attack.kills WORK FOLDER

repeats one kind of work until it is killed.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from wasmnb.compiler.cache.runtimes import Cache
from wasmnb.compiler.cache.workspace import remove_leftovers
from wasmnb.compiler.runtime_build.componentize import ComponentizeError, componentize
from wasmnb.compiler.cache.machine_code import compiled
from wasmnb.engine import Engine

_FACTS = {"times": {}, "modules": [], "packages": [], "pages": 1, "built": 0.0}


def store(folder):
    Cache(folder).store(f"{random.randrange(3)}", {"a": os.urandom(4 << 20), "b": b"1" * (4 << 20)}, _FACTS)


def add(folder):
    cache = Cache(folder)
    entry = cache.find("k") or cache.store("k", {"a": b"1"}, _FACTS)
    entry.add("b", os.urandom(8 << 20))


def compile_apart(folder):
    from tests.attack.bombs import locals_of

    compiled(locals_of(10_000 + random.randrange(100), 600) + b"\0\x0a\x01x" + b"x" * 8, Engine(), folder)


def build(folder):
    with Cache(folder).workspace() as work:
        try:
            componentize(work, lambda _seconds: None)
        except ComponentizeError:
            pass


def envoy(_folder):
    from wasmnb.envoy import EnvoyProcess, bootstrap

    EnvoyProcess(bootstrap([], [])).close()


WORK = {"store": store, "add": add, "compile_apart": compile_apart, "build": build, "envoy": envoy}


def kill(name, folder, seed):
    """Kill a process during some work. Return the processes that it had started."""
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "tests.attack.kills", name, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0, 1.0))
    started = _descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return started


def _descendants(pid):
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [pid for child in children for pid in _descendants(child)]


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def attack(count, folder, names=tuple(WORK)):
    """Kill `count` processes, alternating between the kinds of work. Return the remains after the next start."""
    counts = {"kills": 0, "left before": 0, "orphans": 0}
    started = []
    for number in range(count):
        started += kill(names[number % len(names)], folder, number)
        counts["kills"] += 1
    scratch = [p for p in folder.rglob(".scratch-*")]
    counts["left before"] = len(scratch)
    Cache(folder).tidy()
    remove_leftovers([*{p.parent for p in scratch}, folder / f"wasmnb-envoy-{os.getuid()}"])
    until = time.monotonic() + 10
    while any(map(_runs, started)) and time.monotonic() < until:
        time.sleep(0.1)
    counts["orphans"] = sum(map(_runs, started))
    counts["left after"] = sum(1 for _ in folder.rglob(".scratch-*"))
    cache = Cache(folder)
    entries = [cache.find(key) for key in cache.names()]
    counts["damaged entries"] = sum(
        entry is None or any(entry.read(name) is None for name in entry.manifest["files"]) for entry in entries
    )
    counts["strange files"] = sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*.new") if not any(part.startswith(".scratch-") for part in p.parts)
    )
    return counts


if __name__ == "__main__":
    print("ready", flush=True)
    while True:
        WORK[sys.argv[1]](Path(sys.argv[2]))
