"""Send many requests or connections through a proxy, and measure their latencies.

With a rate, the load is *open*: requests arrive at random virtual times (a Poisson process), even if earlier requests haven't
ended. A slow filter then causes a queue, and the latencies include the waiting time. Without a rate, the load is *closed*: each
request is sent when the previous one has ended. Mixes of requests and phases are in `load_plans`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from random import Random
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..host.simulated_clients.delivery import DEFAULT_WAIT
from ..messages import HeadersLike, Request, Text, to_bytes
from .harness import measure_harness
from .load_plans.plan import LoadPlan
from .report import LoadReport

if TYPE_CHECKING:
    from ..host import Exchange, Proxy, TcpExchange
    from .load_plans.report import PlanReport

__all__ = ["load", "load_connections"]

#: Number of requests after which the trace is read, because it keeps a limited number of events.
BATCH = 250


def load(
    proxy: Proxy,
    plan: LoadPlan | str | PathLike[str] | None = None,
    *,
    requests: int = 1000,
    rate: float | None = None,
    method: str = "GET",
    path: str = "/",
    headers: HeadersLike = (),
    body: Text = b"",
    trailers: HeadersLike = (),
    chunks: Iterable[Text] | None = None,
    authority: str = "example.com",
    http2: bool = False,
    timeout: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    live: Callable[[PlanReport], None] | None = None,
    events: bool = False,
) -> LoadReport:
    """Send the same request many times, or run a load plan, and measure latencies.

    Parameters
    ----------
    proxy
        The proxy to send the requests to.
    plan
        A `LoadPlan`, or the path of a YAML or JSON file that contains a plan (default None: the request below is repeated).
    requests
        Number of requests (default 1000).
    rate
        Requests per virtual second, distributed over all workers (default None: each request is sent when the previous one has
        ended).
    method, path, headers, body, trailers, chunks, authority, http2, timeout
        The request, as for `Proxy.request`, with the same defaults.
    seed
        Seed of the random arrival times (default 0).
    progress
        Function that is called with the number of finished requests and the number of all requests (default None).
    live
        Function that is called with the report so far, about four times a second, if there is a plan (default None).
    events
        Whether to collect a row for each callback, hostcall and log line (default False), for tables such as
        `report.to_pandas("callbacks")`. This takes time and memory.

    Returns
    -------
    LoadReport
        The latencies, in a `PlanReport` if there is a plan. After an interrupt, the report covers the requests so far.

    Raises
    ------
    UsageError
        `requests` is less than 1, `rate` isn't greater than 0, or the plan can't be read.
    """
    if plan is not None:
        from .load_plans.plan_file import read_plan
        from .load_plans.run import run_plan

        checked = plan if isinstance(plan, LoadPlan) else read_plan(plan)
        return run_plan(proxy, checked, seed=seed, progress=live, events=events)
    request = Request.of(method, path, headers, body, trailers, authority, chunks)
    arrivals = _OpenLoad(proxy, request, requests, http2=http2, timeout=timeout)

    def send(number: int, gaps: Iterator[float] | None) -> list[Exchange]:
        if gaps is None:
            return [proxy.send(replace(request), http2=http2, timeout=timeout) for _ in range(number)]
        return arrivals.take(number, gaps)

    try:
        return _run(proxy, send, requests, rate, seed, progress, events=events)
    finally:
        arrivals.total = 0  # after an interrupt, no further request arrives


class _OpenLoad:
    """An open load, in which requests are sent at random virtual times, even if earlier requests haven't ended.

    Attributes
    ----------
    total
        Number of requests to send.
    """

    def __init__(self, proxy: Proxy, request: Request, total: int, *, http2: bool, timeout: float | None) -> None:
        self._proxy = proxy
        self._request = request
        self.total = total
        self._http2 = http2
        self._timeout = DEFAULT_WAIT if timeout is None else timeout
        self._arrived = 0
        self._done: list[Exchange] = []

    def take(self, number: int, gaps: Iterator[float]) -> list[Exchange]:
        """Wait until `number` exchanges have ended, and return them. Further requests arrive during and after the wait."""
        if not self._arrived:
            from ..host.plugins.plugin import require_http

            require_http(self._proxy.plugins)
            self._proxy.call_later(next(gaps), lambda: self._arrive(gaps))
        self._proxy.loop.run_while(lambda: len(self._done) < number, None)
        taken, self._done = self._done[:number], self._done[number:]
        return taken

    def _arrive(self, gaps: Iterator[float]) -> None:
        if self._arrived >= self.total:
            return
        self._arrived += 1
        self._proxy.schedule(replace(self._request), self._on_done, timeout=self._timeout, http2=self._http2)
        if self._arrived < self.total:
            self._proxy.call_later(next(gaps), lambda: self._arrive(gaps))

    def _on_done(self, exchange: Exchange, _given_up: bool) -> None:
        self._done.append(exchange)


def load_connections(
    proxy: Proxy,
    data: Text | Sequence[Text],
    *,
    connections: int = 1000,
    rate: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Open many connections through network filters, send the same bytes over each of them, and measure latencies.

    Each client closes its side after sending the bytes. The connection ends when the upstream closes its side as well, or
    after 20 virtual seconds.

    Parameters
    ----------
    proxy
        A proxy with a network filter.
    data
        Bytes that each client sends, or a sequence of chunks that are sent one after the other.
    connections
        Number of connections (default 1000).
    rate
        Connections per virtual second, distributed over all workers (default None: each connection is opened when the previous
        one has ended).
    seed, progress
        As for `load`, with the same defaults.

    Returns
    -------
    LoadReport
        The latencies. `unit` is "connection", and `statuses` contains the number of connections by state.

    Raises
    ------
    UsageError
        There is no network filter, `connections` is less than 1, or `rate` isn't greater than 0.
    """
    chunks = [to_bytes(chunk) for chunk in ([data] if isinstance(data, str | bytes) else data)]

    def send(number: int, gaps: Iterator[float] | None) -> list[TcpExchange]:
        if gaps is None:
            return [exchange for _ in range(number) for exchange in proxy.connect_at(((0.0, chunks),))]
        return proxy.connect_at((next(gaps), chunks) for _ in range(number))

    return _run(proxy, send, connections, rate, seed, progress, "connection")


def _run(
    proxy: Proxy,
    send: Callable[[int, Iterator[float] | None], Sequence[Exchange | TcpExchange]],
    total: int,
    rate: float | None,
    seed: int,
    progress: Callable[[int, int], None] | None,
    unit: str = "request",
    *,
    events: bool = False,
) -> LoadReport:
    """Send requests or open connections in batches, and report their latencies.

    Parameters
    ----------
    send
        Function that sends a number of requests and returns their exchanges. Its second parameter is an iterator over the
        seconds between the arrivals, or None to send them one after the other.
    events
        As for `load`.
    """
    if total < 1:
        raise UsageError(f"{unit}s= must be at least 1, not {total}.")
    if rate is not None and rate <= 0:
        raise UsageError(f"rate= must be greater than 0, not {rate:g}. Pass the number of {unit}s per virtual second.")
    report = LoadReport(proxy.name, len(proxy.workers), rate, measure_harness(), unit)
    report.begin(proxy, events=events)
    gaps = None if rate is None else _arrivals(Random(seed), rate)  # noqa: S311 -- moments, not secrets
    started, virtual = time.perf_counter(), proxy.now
    with suppress(KeyboardInterrupt):
        report.interrupted = True
        for number in _batches(total, progress):
            report.collect(proxy, send(number, gaps))
        report.interrupted = False
    report.end(proxy)
    report.real_seconds = time.perf_counter() - started
    report.virtual_seconds = proxy.now - virtual
    return report


def _batches(requests: int, progress: Callable[[int, int], None] | None) -> Iterator[int]:
    """Yield the sizes of the batches, and report the progress after each batch."""
    for first in range(0, requests, BATCH):
        number = min(BATCH, requests - first)
        yield number
        if progress is not None:
            progress(first + number, requests)


def _arrivals(random: Random, rate: float) -> Iterator[float]:
    """Yield random numbers of seconds between two arrivals, without end."""
    while True:
        yield random.expovariate(rate)
