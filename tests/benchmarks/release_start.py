"""What a filter costs a real Envoy at its start: no filter, a C filter, the full module, the release module.

Each is started by itself with one, two and four workers. CPU-seconds are the process's until it is ready; memory is its resident
set then, and again some seconds later with `memory_allocator_manager`, as exports set it. The CPU of a request is measured with all
variants in one Envoy, which wrk loads in turn.
"""

from __future__ import annotations

import gzip
import http.client
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from tests.foreign.toolchain import c_module
from wasmnb import Filter
from wasmnb.envoy.config.bootstrap import Listener, bootstrap
from wasmnb.envoy.config.plugin_config import EnvoyPlugin
from wasmnb.envoy.exporter.envoy_yaml import ALLOCATOR
from wasmnb.envoy.process import EnvoyProcess

from .envoy_throughput import ROUTES, SOURCE
from .reporting import alternate, median, report

#: What is aimed at for the release module: CPU-seconds to ready, MB over no filter, MB for each further worker, MB of the file.
TARGETS = {"cpu": 1.0, "memory": 90.0, "worker": 11.0, "file": 6.5}

def main() -> None:
    made = Filter.from_source(SOURCE, name="measured")
    with tempfile.TemporaryDirectory() as folder:
        modules: dict[str, Path | None] = {"no filter": None}
        modules["C filter"] = c_module("headers.c")
        modules["full module"] = made.save(Path(folder) / "full.wasm", debug=True)
        modules["release module"] = made.save(Path(folder) / "release.wasm")
        figures = {name: measure(path) for name, path in modules.items()}
        for name, microseconds in requests(modules).items():
            figures[name]["request"] = microseconds
    write(figures)


def measure(module: Path | None) -> dict[str, float]:
    """All figures of one module."""
    found = {"file": 0.0, "gz": 0.0}
    if module is not None:
        data = module.read_bytes()
        found = {"file": len(data) / 1e6, "gz": len(gzip.compress(data, 6)) / 1e6}
    for workers in (1, 2, 4):
        envoy, ready = start(module, workers)
        try:
            found |= {f"cpu {workers}": cpu(envoy.pid), f"rss {workers}": rss(envoy.pid), f"ready {workers}": ready}
            if workers == 1:
                found["first"] = first_request(envoy)
                time.sleep(6)
                found["trimmed"] = rss(envoy.pid)
        finally:
            envoy.close()
    return found


def start(module: Path | None, workers: int) -> tuple[EnvoyProcess, float]:
    plugins = [EnvoyPlugin(module).as_config(module)] if module else []
    config = bootstrap([Listener("x", plugins, routes=ROUTES)], [], extra={"memory_allocator_manager": ALLOCATOR})
    began = time.perf_counter()
    envoy = EnvoyProcess(config, concurrency=workers, log_level="warning")
    return envoy, time.perf_counter() - began


def first_request(envoy: EnvoyProcess) -> float:
    """Milliseconds of the first request."""
    connection = http.client.HTTPConnection(*envoy.admin.listeners()["x"])
    began = time.perf_counter()
    connection.request("GET", "/", headers={"user-agent": "me"})
    connection.getresponse().read()
    return (time.perf_counter() - began) * 1e3


def requests(modules: dict[str, Path | None], rounds: int = 6, seconds: int = 2) -> dict[str, float]:
    """Microseconds of Envoy's CPU for a request: all variants in one Envoy, in turn."""
    listeners = {
        name: Listener(f"l{i}", [EnvoyPlugin(path).as_config(path)] if path else [], routes=ROUTES)
        for i, (name, path) in enumerate(modules.items())
    }
    envoy = EnvoyProcess(bootstrap(list(listeners.values()), []), concurrency=1, log_level="warning")
    try:
        addresses = envoy.admin.listeners()

        def measure(name: str) -> float:
            before = cpu(envoy.pid)
            host, port = addresses[listeners[name].name]
            command = ["wrk", "-t1", "-c8", f"-d{seconds}s", f"http://{host}:{port}/"]
            done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            return (cpu(envoy.pid) - before) / int(re.search(r"(\d+) requests in", done)[1]) * 1e6

        variants = {name: (lambda name=name: measure(name)) for name in modules}
        for warm in variants.values():
            warm()
        return {name: median(values) for name, values in alternate(variants, rounds).items()}
    finally:
        envoy.close()


def cpu(pid: int) -> float:
    """CPU-seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    schedstat = [Path(f"/proc/{pid}/task/{t}/schedstat") for t in os.listdir(f"/proc/{pid}/task")]
    exact = sum(int(p.read_text().split()[0]) for p in schedstat if p.exists()) / 1e9
    return max(exact, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def rss(pid: int) -> float:
    """MB of memory that a process has now."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def write(figures: dict[str, dict[str, float]]) -> None:
    base = figures["no filter"]
    rows = [
        {
            "variant": name,
            "CPU to ready (s)": f"{f['cpu 1']:.2f}",
            "ready after (s)": f"{f['ready 1']:.2f}",
            "memory over no filter (MB)": f"{f['rss 1'] - base['rss 1']:.0f}",
            "some seconds later": f"{f['trimmed'] - base['trimmed']:.0f}",
            "each further worker (MB)": f"{(f['rss 4'] - f['rss 1'] - (base['rss 4'] - base['rss 1'])) / 3:.1f}",
            "file / gzipped (MB)": f"{f['file']:.1f} / {f['gz']:.1f}",
            "first request (ms)": f"{f['first']:.1f}",
            "CPU of a request (us)": f"{f['request']:.1f}",
        }
        for name, f in figures.items()
    ]
    release = figures["release module"]
    aims = [
        f"CPU {release['cpu 1']:.2f} of at most {TARGETS['cpu']:g} s",
        f"memory {release['trimmed'] - base['trimmed']:.0f} of {TARGETS['memory']:g} MB",
        f"each further worker {(release['rss 4'] - release['rss 1']) / 3:.1f} of {TARGETS['worker']:g} MB",
        f"file {release['file']:.1f} of {TARGETS['file']:g} MB",
    ]
    report(
        "release_start", "What a filter costs Envoy 1.40 at its start", rows,
        [
            f"The release module against its aims: {'; '.join(aims)}.",
            f"A request costs {release['request'] / figures['full module']['request']:.2f} of what it costs with the full module.",
            "Memory is measured when Envoy is ready, and six seconds later with `memory_allocator_manager` as exports have it.",
        ],
    )


if __name__ == "__main__":
    main()
