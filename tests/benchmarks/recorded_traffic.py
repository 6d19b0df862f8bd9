"""Recorded traffic: reading speed, cost of a replay compared with a load run, speed-up with two processes, and comparisons.

`python -m tests.benchmarks recorded_traffic` measures with small sizes. To measure with the sizes of the project's aims:

    python -m tests.benchmarks recorded_traffic --exchanges=1000000 --har-mb=1024 --diff=100000 --rounds=1
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from wasmnb import Filter, Proxy, Request, Response, diff, load, replay, write_traffic
from wasmnb.traffic.recorded import RecordedExchange

from .reporting import median, report


def size(name: str, default: int) -> int:
    return int(os.environ.get(f"WASMNB_{name}", default))


SOURCE = """\
from wasmnb.sdk import Action, HttpContext


class TwoHeaders(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-seen"] = "1"
        return Action.CONTINUE
"""

#: Ten changes of behaviour, each on some paths.
CHANGES = """\
from wasmnb.sdk import Action, Counter, HttpContext

hits = Counter("hits")


class TwoHeaders(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
        self.kind = int(self.request_headers[":path"].rpartition("=")[2])
        if self.kind == 0:
            self.request_headers["x-new"] = "1"
        elif self.kind == 1:
            del self.request_headers["accept"]
        elif self.kind == 2:
            self.request_headers["x-user"] = "bob"
        elif self.kind == 3:
            self.request_headers[":path"] = "/other"
        elif self.kind == 4:
            self.send_local_response(403, "no")
            return Action.PAUSE
        elif self.kind == 5:
            print("something new")
        elif self.kind == 6:
            hits.increment()
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.kind == 7:
            self.response_headers["x-seen"] = "2"
        elif self.kind == 8:
            self.response_headers[":status"] = "202"
            self.response_headers["x-seen"] = "1"
        else:
            self.response_headers["x-seen"] = "1"
        if self.kind == 9:
            del self.response_headers["content-type"]
        return Action.CONTINUE
"""


def exchanges(count: int) -> Iterator[RecordedExchange]:
    for number in range(count):
        headers = [(name, f"value {number} of {name}") for name in ("user-agent", "accept", "accept-language", "x-request-id")]
        yield RecordedExchange(
            Request("GET", f"/item/{number}?a={number % 11}", headers),
            Response(200, {"content-type": "text/html"}, b"<p>body</p>\n" * 100),
            1767225600.0 + number / 100, 0.0125, str(number % 50),
        )  # fmt: skip


def peak(who: int = resource.RUSAGE_SELF) -> float:
    """Return the largest resident memory so far in MB, either of this process or of its largest child that has ended."""
    return resource.getrusage(who).ru_maxrss * 1024 / 1e6


def children_cpu() -> float:
    """Return the CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cpu(function) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    count, rounds, differing = size("EXCHANGES", 20_000), size("ROUNDS", 3), size("DIFF", 2000)
    filter_ = Filter.from_source(SOURCE, "two_headers")
    with tempfile.TemporaryDirectory() as folder:
        har, lines = Path(folder) / "x.har", Path(folder) / "x.jsonl"
        write_traffic(exchanges(size("HAR_MB", 40) * 1_000_000 // 2010), har)
        rows = [*_reading(har, rounds)]
        har.unlink()
        write_traffic(exchanges(count), lines)
        rows += [*_reading(lines, rounds), *_cost(filter_, rounds), *_scaling(filter_, lines, count, rounds)]
        rows += _comparison(filter_, differing)
    report(
        "recorded_traffic", "Recorded traffic", rows,
        [
            f"{count:,} exchanges of 1.2 kB response body; {rounds} rounds, medians.",
            "Reading: in a process of its own, whose largest resident memory is given.",
            "Cost: CPU time of a request through a filter of two headers; both sides send the same request in this process.",
            "Scaling: pools of one and of two processes, their start included. The serial part is this process's CPU time, which reads and merges.",
            "Comparison: two builds of one source, then the same with a build that has ten changes of behaviour.",
        ],
    )  # fmt: skip


READ = """
import resource, sys, time
from wasmnb import read_traffic
start = time.process_time()
count = sum(1 for _ in read_traffic(sys.argv[1]))
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, count)
"""


def _reading(path: Path, rounds: int) -> list[dict[str, object]]:
    runs = [
        subprocess.run([sys.executable, "-c", READ, str(path)], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(rounds)
    ]
    megabytes = path.stat().st_size / 1e6
    seconds, memory = median([float(run[0]) for run in runs]), max(float(run[1]) for run in runs)
    value = f"{megabytes / seconds:.0f} MB/s of CPU time, {memory:.0f} MB of memory"
    return [{"measurement": f"reading {path.suffix} of {megabytes:,.0f} MB", "value": value, "aim": "40 MB/s" if path.suffix == ".har" else ""}]


def _cost(filter_: Filter, rounds: int, count: int = 2000) -> list[dict[str, object]]:
    same = [next(exchanges(1))] * count
    request = same[0].request
    loads, replays = [], []
    with Proxy(filter_, workers=1, upstream=same[0].response) as proxy:
        load(proxy, requests=count)
        for _ in range(rounds):
            loads.append(cpu(lambda: load(proxy, requests=count, path=request.path, headers=request.headers)) / count * 1e6)
            replays.append(cpu(lambda: replay(filter_, same, workers=1)) / count * 1e6)
    ratio = median([b / a for a, b in zip(loads, replays, strict=True)])
    return [
        {"measurement": "a request of %wasmload", "value": f"{median(loads):.0f} us of CPU time"},
        {"measurement": "a request of replay, start of its proxy included", "value": f"{median(replays):.0f} us, {ratio:.2f} times", "aim": "1.5 times"},
    ]


def _scaling(filter_: Filter, lines: Path, count: int, rounds: int) -> list[dict[str, object]]:
    context = multiprocessing.get_context("spawn")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    used: dict[int, list[float]] = {1: [], 2: []}
    serial: list[float] = []
    for _ in range(rounds):
        for number in seconds:
            started, children, own = time.perf_counter(), children_cpu(), time.process_time()
            with ProcessPoolExecutor(number, context) as pool:
                result = replay(filter_, lines, workers=number, executor=pool)
            seconds[number].append(time.perf_counter() - started)
            used[number].append(children_cpu() - children)
            assert result.read == result.replayed == count == len(result.rows)
            if number == 2:
                serial.append(time.process_time() - own)
    ratio = median([a / b for a, b in zip(seconds[1], seconds[2], strict=True)])
    work = median([b / a for a, b in zip(used[1], used[2], strict=True)])
    share = median([s / u for s, u in zip(serial, used[1], strict=True)])
    return [
        {"measurement": "two processes against one", "value": f"{ratio:.2f} times ({count / median(seconds[2]):,.0f} exchanges a second)", "aim": "1.8 times"},
        {"measurement": "CPU time of two processes together against one", "value": f"{work:.2f} times"},
        {"measurement": "serial part: CPU time of the process that divides and merges, against that of the work", "value": f"{share:.1%}"},
        {"measurement": "largest memory of a process that replays", "value": f"{peak(resource.RUSAGE_CHILDREN):.0f} MB", "aim": "400 MB"},
        {"measurement": "largest memory of the process that divides and merges", "value": f"{peak():.0f} MB", "aim": "400 MB"},
    ]


def _comparison(filter_: Filter, count: int) -> list[dict[str, object]]:
    changed = Filter.from_source(CHANGES, "two_headers")
    context = multiprocessing.get_context("spawn")
    rows = []
    with ProcessPoolExecutor(2, context) as pool:
        for name, new, aim in (("identical builds", Filter.from_source(SOURCE, "two_headers"), 0), ("ten planted changes", changed, 10)):
            result = diff(filter_, new, exchanges(count), workers=2, executor=pool)
            assert result.read == result.replayed == count
            value = f"{len(result.groups)} groups, {result.differing:,} differing exchanges of {count:,}"
            rows.append({"measurement": f"comparison of {name}", "value": value, "aim": f"{aim} groups"})
    return rows


if __name__ == "__main__":
    main()
