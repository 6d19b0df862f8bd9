"""Cost of `async def` in the real Envoy: a callback that never waits, and one that awaits a callout.

The measure is the CPU time of the Envoy process per request, which depends little on other load of the machine. Each variant
has a listener in one Envoy with one worker, and wrk loads them alternately in several rounds. The callout goes to another
listener of the same Envoy, so both variants with a callout include its cost.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wasmnb import Filter
from wasmnb.envoy.config.bootstrap import EnvoyCluster, EnvoyListener, bootstrap
from wasmnb.envoy.config.plugin_config import EnvoyPlugin
from wasmnb.envoy.process import EnvoyProcess

from .envoy_throughput import ROUTES
from .reporting import alternate, median, report

PLAIN = '''
class Measured(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-agent"] = self.request_headers.get("user-agent", "")

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-filter"] = "wasm"
'''

CALLBACK = '''
class Asks(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.http_call("service", callback=self.on_response)
        return Action.PAUSE

    def on_response(self, response):
        self.request_headers["x-status"] = response.status
        self.continue_request()
'''

AWAIT = '''
class Asks(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        response = await self.http_call("service")
        self.request_headers["x-status"] = response.status
'''

NONE = "no filter"
SOURCES = {
    "callbacks without await, plain": PLAIN,
    "callbacks without await, async": PLAIN.replace("    def", "    async def"),
    "a callout, with a callback": CALLBACK,
    "a callout, awaited": AWAIT,
}


def main(seconds: float = 3, rounds: int = 9) -> None:
    with running_envoy(SOURCES) as (envoy, addresses):
        variants = {title: (lambda a=address: cpu_of_request(envoy, a, seconds)) for title, address in addresses.items()}
        for measure in variants.values():
            measure()  # warm-up: V8's compiler, connections
        write(alternate(variants, rounds), rounds, seconds)


@contextmanager
def running_envoy(sources: dict[str, str]) -> Iterator[tuple[EnvoyProcess, dict[str, tuple[str, int]]]]:
    """Start an Envoy with a listener for each source, one without a filter and a cluster `service`. Yield it and its addresses."""
    with tempfile.TemporaryDirectory() as folder:
        listeners = {NONE: EnvoyListener("none", [], routes=ROUTES)}
        for number, (title, source) in enumerate(sources.items()):
            wasm = Filter.from_source(source, name=f"variant{number}").save(Path(folder) / f"{number}.wasm")
            listeners[title] = EnvoyListener(f"variant{number}", [EnvoyPlugin(wasm).as_config(wasm)], routes=ROUTES)
        port = free_port()
        service = EnvoyListener("service", [], routes=ROUTES, extra={"address": {"socket_address": {"port_value": port}}})
        config = bootstrap([service, *listeners.values()], [EnvoyCluster("service", ("127.0.0.1", port))])
        envoy = EnvoyProcess(config, concurrency=1, log_level="warning", startup=300)
        try:
            addresses = envoy.admin.listeners()
            yield envoy, {title: addresses[listener.name] for title, listener in listeners.items()}
        finally:
            envoy.close()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_of_request(envoy: EnvoyProcess, address: tuple[str, int], seconds: float) -> float:
    """Return the CPU time of Envoy per request in microseconds. Raise if a request failed."""
    before = cpu_time(envoy.pid)
    host, port = address
    done = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds:g}s", f"http://{host}:{port}/"], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    return (cpu_time(envoy.pid) - before) / int(re.search(r"(\d+) requests in", done.stdout)[1])


def cpu_time(pid: int) -> float:
    """Return the CPU time of all threads of a process in microseconds."""
    return sum(int(f.read_text().split()[0]) for f in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1000


def percent_more(of: list[float], reference: list[float], base: list[float]) -> float:
    """Return the additional cost in percent, after subtracting the cost of Envoy without a filter."""
    return 100 * ((median(of) - median(base)) / (median(reference) - median(base)) - 1)


def write(results: dict[str, list[float]], rounds: int, seconds: float) -> None:
    base, plain, waits_not, callback, awaited = results.values()
    rows = [
        {
            "variant": name,
            "CPU us per request (median)": f"{median(values):.1f}",
            "more than no filter": f"{median(values) - median(base):.1f}",
            "lowest and highest": f"{min(values):.1f} .. {max(values):.1f}",
        }
        for name, values in results.items()
    ]
    whole = 100 * (median(waits_not) / median(plain) - 1)
    report(
        "async_cost", "Cost of async def in Envoy 1.40, one worker", rows,
        [
            f"Async callbacks that never wait cost {percent_more(waits_not, plain, base):.0f} % more than plain ones, after "
            f"subtracting the cost without a filter ({whole:.0f} % more for the whole request). Each request has two of them.",
            f"Awaiting a callout costs {median(awaited) - median(callback):.1f} us more than a callback: "
            f"{percent_more(awaited, callback, base):.0f} % of the cost of the callout, which includes the service.",
            f"wrk, 16 connections, {rounds} rounds of {seconds:g} s for each variant in turn; routes respond directly.",
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
