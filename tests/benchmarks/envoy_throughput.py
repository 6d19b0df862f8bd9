"""Requests per second through the real Envoy: no filter, a wasmnb filter, Envoy's Lua filter, a Python ext_proc server.

One Envoy with one worker has a listener for each variant. Routes respond directly, so that only the filter differs. wrk loads
the variants alternately in several rounds.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmnb import Filter
from wasmnb.envoy.config.bootstrap import EnvoyCluster, EnvoyListener, bootstrap
from wasmnb.envoy.config.plugin_config import EnvoyPlugin
from wasmnb.envoy.process import EnvoyProcess

from .reporting import alternate, median, report

SOURCE = '''
class Measured(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-agent"] = self.request_headers.get("user-agent", "")

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-filter"] = "wasm"
'''

LUA = """
function envoy_on_request(handle)
  handle:headers():replace("x-agent", handle:headers():get("user-agent") or "")
end
function envoy_on_response(handle)
  handle:headers():replace("x-filter", "lua")
end
"""

_EXTENSIONS = "type.googleapis.com/envoy.extensions.filters.http."
ROUTES = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok"}}}]


def main(seconds: int = 4, rounds: int = 5) -> None:
    wasm = Filter.from_source(SOURCE, name="measured")
    with tempfile.TemporaryDirectory() as folder, ext_proc() as on_asyncio, ext_proc("threads") as on_threads:
        with_envoy(wasm.save(Path(folder) / "measured.wasm"), on_asyncio, on_threads, seconds, rounds)


@contextmanager
def ext_proc(*arguments: str) -> Iterator[int]:
    """Start an ext_proc server and yield its port."""
    command = [sys.executable, "-m", "tests.benchmarks.ext_proc_server", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


def http_filter(kind: str, config: dict[str, object]) -> dict[str, object]:
    return {"name": kind, "typed_config": {"@type": f"{_EXTENSIONS}{kind}", **config}}


def external(cluster: str) -> dict[str, object]:
    return http_filter("ext_proc.v3.ExternalProcessor", {
        "grpc_service": {"envoy_grpc": {"cluster_name": cluster}},
        "processing_mode": {"request_header_mode": "SEND", "response_header_mode": "SEND"},
    })  # fmt: skip


def with_envoy(wasm: Path, on_asyncio: int, on_threads: int, seconds: int, rounds: int) -> None:
    router = http_filter("router.v3.Router", {})
    lua = http_filter("lua.v3.Lua", {"default_source_code": {"inline_string": LUA}})
    listeners = {
        "no filter": EnvoyListener("none", [], routes=ROUTES),
        "wasmnb filter": EnvoyListener("wasm", [EnvoyPlugin(wasm).as_config(wasm)], routes=ROUTES),
        "Lua filter": EnvoyListener("lua", [], routes=ROUTES, hcm={"http_filters": [lua, router]}),
        "Python ext_proc, asyncio": EnvoyListener("async", [], routes=ROUTES, hcm={"http_filters": [external("async"), router]}),
        "Python ext_proc, threads": EnvoyListener("threads", [], routes=ROUTES, hcm={"http_filters": [external("threads"), router]}),
    }
    clusters = [
        EnvoyCluster("async", ("127.0.0.1", on_asyncio), http2=True), EnvoyCluster("threads", ("127.0.0.1", on_threads), http2=True),
    ]  # fmt: skip
    envoy = EnvoyProcess(bootstrap(list(listeners.values()), clusters), concurrency=1, log_level="warning")
    try:
        addresses = envoy.admin.listeners()
        variants = {
            title: (lambda address=addresses[listener.name]: wrk(address, seconds)) for title, listener in listeners.items()
        }
        for measure in variants.values():
            measure()  # warm-up: V8's compiler, connections
        write(alternate(variants, rounds), rounds, seconds)
    finally:
        envoy.close()


def wrk(address: tuple[str, int], seconds: int) -> float:
    """Return the requests per second. Raise if a request failed."""
    host, port = address
    done = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", f"http://{host}:{port}/"], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])


def write(results: dict[str, list[float]], rounds: int, seconds: int) -> None:
    base = median(results["no filter"])
    rows = [
        {
            "variant": name,
            "requests/s (median)": f"{median(values):,.0f}",
            "relative to no filter": f"{median(values) / base:.2f}",
            "lowest and highest": f"{min(values):,.0f} .. {max(values):,.0f}",
        }
        for name, values in results.items()
    ]
    ours = median(results["wasmnb filter"])
    ratios = [f"{ours / median(results[f'Python ext_proc, {way}']):.0f} times ({way})" for way in ("asyncio", "threads")]
    report(
        "envoy_throughput", "Requests per second through Envoy 1.40, one worker", rows,
        [
            "The filter reads one request header, sets one on the request and one on the response.",
            f"The wasmnb filter handles {' and '.join(ratios)} as many requests per second as a Python ext_proc server.",
            f"wrk, 16 connections, {rounds} rounds of {seconds} s for each variant in turn; routes respond directly.",
        ],
    )


if __name__ == "__main__":
    main()
