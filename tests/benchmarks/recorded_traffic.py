"""Recorded traffic: reading speed, the cost of a replay beside a load run, and the speed-up of two processes.

`python -m tests.benchmarks recorded_traffic` measures with 20,000 exchanges; `WASMNB_EXCHANGES=1000000` sets another number.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from wasmnb import Filter, Proxy, Request, Response, load, read_traffic, replay, write_traffic
from wasmnb.traffic.recorded import RecordedExchange

from .reporting import median, report

EXCHANGES = int(os.environ.get("WASMNB_EXCHANGES", "20000"))

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


def exchanges(count: int) -> Iterator[RecordedExchange]:
    for number in range(count):
        headers = [(name, f"value {number} of {name}") for name in ("user-agent", "accept", "accept-language", "x-request-id")]
        yield RecordedExchange(
            Request("GET", f"/item/{number}?a={number % 7}", headers),
            Response(200, {"content-type": "text/html"}, b"<p>body</p>\n" * 100),
            1767225600.0 + number / 100, 0.0125, str(number % 50),
        )  # fmt: skip


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu(function) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main(rounds: int = 3) -> None:
    filter_ = Filter.from_source(SOURCE, "two_headers")
    with tempfile.TemporaryDirectory() as folder:
        har, lines = Path(folder) / "x.har", Path(folder) / "x.jsonl"
        write_traffic(exchanges(EXCHANGES), har)
        write_traffic(exchanges(EXCHANGES), lines)
        rows = [*_reading(har, lines, rounds), *_cost(filter_, rounds), *_scaling(filter_, lines, rounds)]
    report(
        "recorded_traffic", "Recorded traffic", rows,
        [
            f"{EXCHANGES:,} exchanges of 1.2 kB response body; {rounds} rounds, medians.",
            "Cost: CPU time of a request through a filter of two headers; both sides send the same request in this process.",
            "Scaling: two processes of a pool that is warm, against one; seconds of wall-clock time on a machine that others use too.",
            "Memory: resident in a process of the pool after all its shards.",
        ],
    )  # fmt: skip


def _reading(har: Path, lines: Path, rounds: int) -> list[dict[str, object]]:
    rows = []
    for path in (har, lines):
        seconds = median([cpu(lambda path=path: sum(1 for _ in read_traffic(path))) for _ in range(rounds)])
        rows.append({"measurement": f"reading {path.suffix}", "value": f"{path.stat().st_size / 1e6 / seconds:.0f} MB/s of CPU time"})
    return rows


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
        {"measurement": "a request of replay, start of its proxy included", "value": f"{median(replays):.0f} us, {ratio:.2f} times"},
    ]


def _scaling(filter_: Filter, lines: Path, rounds: int) -> list[dict[str, object]]:
    context = multiprocessing.get_context("spawn")
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with ProcessPoolExecutor(1, context) as one, ProcessPoolExecutor(2, context) as two:
        pools = {1: one, 2: two}
        for number, pool in pools.items():
            replay(filter_, [Request()] * 2 * number, workers=number, executor=pool, shard=1)
        for _ in range(rounds):
            for number, pool in pools.items():
                start = time.perf_counter()
                result = replay(filter_, lines, workers=number, executor=pool)
                seconds[number].append(time.perf_counter() - start)
                assert result.read == result.replayed == EXCHANGES
        memory = one.submit(resident).result()
    ratio = median([a / b for a, b in zip(seconds[1], seconds[2], strict=True)])
    rate = EXCHANGES / median(seconds[2])
    return [
        {"measurement": "two processes against one", "value": f"{ratio:.2f} times ({rate:,.0f} exchanges a second)"},
        {"measurement": "memory of a process", "value": f"{memory:.0f} MB"},
    ]


if __name__ == "__main__":
    main()
