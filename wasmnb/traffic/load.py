"""Many requests through a proxy, and what they cost.

With a rate the load is *open*: requests arrive at random moments of virtual time (a Poisson process) whether or not
earlier ones are done, so that a slow filter makes a queue, and the queue shows in the latencies. Without one it is
*closed*: one request at a time on each worker.
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

#: Requests between two looks at the trace, which keeps a limited number of events.
SLICE = 250


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
    """Send the same request many times and measure.

    Parameters
    ----------
    requests
        How many.
    method, path, headers, body, trailers, chunks, authority, http2
        The request, as for `Proxy.request`.
    rate
        Arrivals a second of virtual time, spread over all workers; None sends the next when the last is done.
    seed
        Decides the moments of arrival.
    progress
        Called with requests done and requests in all.

    Returns
    -------
    LoadReport
        Also if interrupted: then of what was done so far.

    Raises
    ------
    UsageError
        A number that is not positive.
    """
    if requests < 1:
        raise UsageError(f"At least one request is needed, not {requests}.")
    if rate is not None and rate <= 0:
        raise UsageError(f"The rate is in requests a second and above 0, not {rate:g}.")
    wanted = Request.of(method, path, headers, body, trailers, authority, chunks)
    report = LoadReport(proxy.name, len(proxy.workers), rate, measure_harness())
    arrivals = None if rate is None else _arrivals(Random(seed), rate)  # noqa: S311 -- moments, not secrets
    started, virtual = time.perf_counter(), proxy.now
    with suppress(KeyboardInterrupt):
        report.interrupted = True
        for number in _slices(requests, progress):
            seen = proxy.trace.total
            report.add(_send(proxy, wanted, number, arrivals, http2=http2), proxy.trace.callbacks(seen))
        report.interrupted = False
    report.real_seconds = time.perf_counter() - started
    report.virtual_seconds = proxy.now - virtual
    return report


def _slices(requests: int, progress: Callable[[int, int], None] | None) -> Iterator[int]:
    """How many to send next, until all are sent; tells how many are done."""
    for first in range(0, requests, SLICE):
        number = min(SLICE, requests - first)
        yield number
        if progress is not None:
            progress(first + number, requests)


def _arrivals(random: Random, rate: float) -> Iterator[float]:
    """Seconds between arrivals, without end."""
    while True:
        yield random.expovariate(rate)


def _send(
    proxy: Proxy, request: Request, number: int, arrivals: Iterator[float] | None, *, http2: bool
) -> list[Exchange]:
    """So many copies of a request: one after the other, or when they arrive."""
    if arrivals is None:
        return [proxy.send(replace(request), http2=http2) for _ in range(number)]
    return proxy.send_at(((next(arrivals), replace(request)) for _ in range(number)), http2=http2)
