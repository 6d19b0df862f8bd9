"""Measure the growth of memory, files and threads per request and per cell in long runs, in separate processes.

    python -m tests.attack.long_runs WORK SECONDS

prints one JSON object.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

#: Samples of the process's resources in a run.
SAMPLES = 40

#: Proxies, cells or requests that a run has at least, if it isn't too slow.
LEAST = 300

_FILTER = """
class Soak(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers.add("x-a", self.request.path)
        return Action.CONTINUE

    def on_http_response_body(self, body_size, end_of_stream):
        self.seen = body_size
        return Action.CONTINUE
"""

_FAILING = """
class Soak(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path.endswith("7"):
            raise ValueError(self.request.path)
        return Action.CONTINUE
"""

_CALLING = """
class Soak(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        response = await self.http_call("upstream", [(":method", "GET"), (":path", "/"), (":authority", "a")])
        self.request_headers.add("x-status", "200")
"""


def _requests(source, **options):
    """Send requests through one proxy whose histories fill up early. A unit is 100 requests."""
    from wasmnb import Filter
    from wasmnb.host import Proxy
    from wasmnb.host.callouts import record
    from wasmnb.host.trace import exchange_log

    exchange_log.KEPT = record.KEPT = 500
    proxy = Proxy(Filter.from_source(source, name="soak"), workers=2, trace_limit=2000, **options)

    def unit():
        for n in range(100):
            proxy.post(f"/{n}", body=b"x" * 1000)

    return unit


def _cells():
    """Run a cell with a filter repeatedly in a shell that keeps outputs. A unit is one run with 20 requests.

    IPython also keeps the HTML of every output, about 100 KB per run, so it is cleared here.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.run_cell("%load_ext wasmnb", store_history=True).raise_error()
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 -- the output of the cells is dropped

    def unit():
        shell.run_cell(f"%%wasmfilter soak\n{_FILTER}", store_history=True).raise_error()
        shell.run_cell("soak.post('/1', body=b'x' * 1000)", store_history=True).raise_error()
        shell.run_cell("for n in range(20): _x = soak.get(f'/{n}')", store_history=True).raise_error()
        shell.history_manager.outputs.clear()

    return unit


def _proxies():
    """Start, use and close proxies. A unit is one proxy."""
    from wasmnb import Filter
    from wasmnb.host import Proxy

    filter = Filter.from_source(_FILTER, name="soak")

    def unit():
        with Proxy(filter, workers=2) as proxy:
            proxy.get("/")

    return unit


def _dropped():
    """Start and use proxies without closing them. A unit is one proxy."""
    from wasmnb import Filter
    from wasmnb.host import Proxy

    filter = Filter.from_source(_FILTER, name="soak")
    return lambda: Proxy(filter, workers=2).get("/")


#: Name of a kind of work -> its title in the report, items of a unit, and a function that prepares it and returns the function for a unit.
WORK = {
    "requests": ("requests", 100, lambda: _requests(_FILTER)),
    "callouts": ("requests with a callout", 100, lambda: _requests(_CALLING)),
    "failing": ("requests of which some trap", 100, lambda: _requests(_FAILING)),
    "proxies": ("proxies closed", 1, _proxies),
    "dropped": ("proxies dropped", 1, _dropped),
    "cells": ("runs of a cell", 1, _cells),
}


def held():
    """Return the kilobytes of memory, open files and threads of this process, without the engine's clock thread."""
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    clocks = sum(thread.name == "wasmnb-epoch" for thread in threading.enumerate())
    return int(status["VmRSS"].split()[0]), len(os.listdir("/proc/self/fd")), int(status["Threads"]) - clocks


def measure(name, seconds):
    """Repeat a kind of work for some seconds. Return the amount of work, and the growth in the second half of the time."""
    _, things, make = WORK[name]
    unit = make()
    unit()
    samples, done, started = [], 0, time.monotonic()

    def goes_on():
        """Return whether to continue. A busy machine gets more time, so that there is enough to measure."""
        spent = time.monotonic() - started
        return spent < seconds or len(samples) < 6 or (done < LEAST and spent < 3 * seconds)

    while goes_on():
        until = time.monotonic() + seconds / SAMPLES
        while True:
            unit()
            done += things
            if time.monotonic() > until:
                break
        samples.append((done, *held()))
    half = np.array(samples[len(samples) // 2 :], dtype=float)
    kilobytes, files, threads = (float(np.polyfit(half[:, 0], half[:, i], 1)[0]) for i in (1, 2, 3))
    return {
        "done": done,
        "kilobytes": samples[-1][1],
        "kilobytes per 1,000": round(1000 * kilobytes, 2),
        "files per 1,000": round(1000 * files, 3),
        "threads per 1,000": round(1000 * threads, 3),
    }


def run_for(name, seconds):
    """Measure in a separate process."""
    command = [sys.executable, "-m", "tests.attack.long_runs", name, str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60 + 4 * seconds, check=False)
    figures = json.loads(done.stdout.strip().splitlines()[-1]) if done.returncode == 0 else {}
    return {"work": WORK[name][0], "exit": done.returncode, **figures}


if __name__ == "__main__":
    output = sys.stdout
    print(json.dumps(measure(sys.argv[1], float(sys.argv[2]))), file=output)
