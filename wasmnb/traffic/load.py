"""Load: many requests through a proxy, and their latencies.

With a rate the load is *open*: requests arrive at random moments of virtual time (a Poisson process), whether or not
earlier ones are done, so that a slow filter causes a queue, which the latencies include. Without a rate the load is
*closed*: the next request is sent when the last one is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import HeadersLike, Request, Text
from .harness import measure_harness
from .report import LoadReport

if TYPE_CHECKING:
    from ..host import Exchange, Proxy

__all__ = ["load"]

#: Requests between two readings of the trace, which keeps a limited number of events.
BATCH = 250


def load(
    proxy: Proxy,
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
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LoadReport:
    """Send the same request many times and measure latencies.

    Parameters
    ----------
    proxy
        The proxy to send them to.
    requests
        Number of requests (default 1000).
    rate
        Requests per second of virtual time, distributed over all workers; None (the default) sends the next request when the
        last one is done.
    method, path, headers, body, trailers, chunks, authority, http2
        The request, as for `Proxy.request`.
    seed
        Seed of the moments of arrival (default 0).
    progress
        Called with the number of requests done, and of all requests.

    Returns
    -------
    LoadReport
        After an interrupt, the report of the requests so far.

    Raises
    ------
    UsageError
        `requests` or `rate` is not positive.
    """
    if requests < 1:
        raise UsageError(f"At least one request is needed, not {requests}.")
    if rate is not None and rate <= 0:
        raise UsageError(f"The rate is in requests a second and above 0, not {rate:g}.")
    request = Request.of(method, path, headers, body, trailers, authority, chunks)
    report = LoadReport(proxy.name, len(proxy.workers), rate, measure_harness())
    arrivals = None if rate is None else _arrivals(Random(seed), rate)  # noqa: S311 -- moments, not secrets
    started, virtual = time.perf_counter(), proxy.now
    with suppress(KeyboardInterrupt):
        report.interrupted = True
        for number in _batches(requests, progress):
            first_event = proxy.trace.total
            report.add(_send(proxy, request, number, arrivals, http2=http2), proxy.trace.callbacks(first_event))
        report.interrupted = False
    report.real_seconds = time.perf_counter() - started
    report.virtual_seconds = proxy.now - virtual
    return report


def _batches(requests: int, progress: Callable[[int, int], None] | None) -> Iterator[int]:
    """Iterate over the sizes of the batches, and report the progress after each."""
    for first in range(0, requests, BATCH):
        number = min(BATCH, requests - first)
        yield number
        if progress is not None:
            progress(first + number, requests)


def _arrivals(random: Random, rate: float) -> Iterator[float]:
    """Iterate over the seconds between arrivals, endlessly."""
    while True:
        yield random.expovariate(rate)


def _send(
    proxy: Proxy, request: Request, number: int, arrivals: Iterator[float] | None, *, http2: bool
) -> list[Exchange]:
    """Send `number` copies of a request: at their moments of arrival, or one after the other."""
    if arrivals is None:
        return [proxy.send(replace(request), http2=http2) for _ in range(number)]
    return proxy.send_at(((next(arrivals), replace(request)) for _ in range(number)), http2=http2)
