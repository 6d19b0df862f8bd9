"""Replay of the same traffic in a fresh Envoy and in a fresh simulated proxy.

Envoy runs first, because the kernel chooses the worker of each connection. Envoy's statistics show the chosen worker, and the
simulated proxy then handles the same request on the same worker at the same time. After a crash, both proxies are restarted,
and filters lose their state.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import UsageError
from ...host import Exchange, Proxy, TcpExchange
from ...host.proxy_interface import ProxyInterface
from ...messages import Request, to_bytes
from ...traffic.tcp import send_bytes
from ..proxy import Envoy

__all__ = ["EnvoyRun", "ReplayedMessage", "SimulatedRun", "messages_of", "run_in_envoy", "run_simulated"]

#: Pattern of Envoy's counters of accepted connections, one for each worker of a listener.
_ACCEPTED = r"^listener\..*\.worker_\d+\.downstream_cx_total$"
_WORKER = re.compile(r"\.worker_(\d+)\.")

#: Seconds that a TCP client waits for more bytes.
_READ = 0.5

#: Virtual seconds within which a response arrives if nothing delays it.
_AT_ONCE = 0.02


@dataclass(frozen=True)
class ReplayedMessage:
    """A message from a client: an HTTP request, or the bytes of a TCP connection.

    Attributes
    ----------
    request
        The request, or None for a TCP connection.
    chunks
        Bytes sent over a TCP connection, with one item for each write.
    half_close
        Whether the client closes its side of the connection after the last chunk.
    http2
        Whether the request is sent over HTTP/2.
    timeout
        Seconds after which the client disconnects, or None if it waits without limit.
    """

    request: Request | None = None
    chunks: Sequence[bytes] = ()
    half_close: bool = False
    http2: bool = False
    timeout: float | None = None

    def send(self, proxy: ProxyInterface, **options: Any) -> Any:
        """Send the message through a proxy, and return the exchange. A request is copied first, because the proxy stores it."""
        if self.request is not None:
            return proxy.send(replace(self.request), http2=self.http2, timeout=self.timeout, **options)
        options.pop("wait", None)
        return send_bytes(proxy, self.chunks, wait=_READ, half_close=self.half_close, **options)


def messages_of(items: Iterable[Any]) -> list[ReplayedMessage]:
    """Convert exchanges, requests and bytes to the messages that are replayed.

    Parameters
    ----------
    items
        Exchanges of a proxy, requests, and bytes (or lists of chunks) of TCP connections.

    Raises
    ------
    UsageError
        An item has another type.
    """
    return [_message(item) for item in items]


def _message(item: Any) -> ReplayedMessage:
    match item:
        case Exchange():
            return ReplayedMessage(item.request, http2=item.http2, timeout=item.timeout)
        case TcpExchange():
            return ReplayedMessage(chunks=tuple(item.sent_chunks), half_close=item.half_closed)
        case Request():
            return ReplayedMessage(item)
        case str() | bytes():
            return ReplayedMessage(chunks=(to_bytes(item),))
        case list() | tuple():
            return ReplayedMessage(chunks=tuple(map(to_bytes, item)))
    raise UsageError(
        f"requests= contains an item of type {type(item).__name__}. Pass Request objects, bytes or lists of bytes."
    )


@dataclass
class EnvoyRun:
    """Results of replaying traffic in Envoy.

    Attributes
    ----------
    messages
        Messages that the clients sent.
    exchanges
        Envoy's exchanges, in order.
    workers
        Number of the worker that served each exchange, or None if it is unknown.
    gaps
        Seconds between the end of the previous exchange and the start of each exchange.
    crashed
        Indexes of the exchanges on which Envoy crashed.
    metrics
        Metrics of the filters at the end, counted from Envoy's last start.
    began
        Time of the start in seconds since 1970.
    restarts
        Number of times that Envoy was restarted.
    """

    messages: list[ReplayedMessage]
    exchanges: list[Any] = field(default_factory=list)
    workers: list[int | None] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    crashed: set[int] = field(default_factory=set)
    metrics: dict[str, int] = field(default_factory=dict)
    began: float = 0.0
    restarts: int = 0


def run_in_envoy(
    messages: list[ReplayedMessage],
    start: Callable[[], Envoy],
    envoy: Envoy | None,
    progress: Callable[[str, float], None] | None = None,
) -> EnvoyRun:
    """Replay traffic in Envoy, and restart Envoy when it crashes.

    Parameters
    ----------
    messages
        Messages that the clients send.
    start
        Function that starts an Envoy.
    envoy
        A running Envoy to use, which isn't closed. If None, `start` is called.
    progress
        Called with a description of the step and a fraction from 0 to 1 (default None).
    """
    run = EnvoyRun(messages, began=time.time())
    current = envoy or start()
    try:
        ended = time.monotonic()
        for position, message in enumerate(messages):
            if progress is not None:
                progress(f"Request {position + 1} of {len(messages)} in Envoy", position / len(messages))
            run.gaps.append(time.monotonic() - ended)
            exchange, worker = _send(current, message)
            ended = time.monotonic()
            run.exchanges.append(exchange)
            run.workers.append(worker)
            if exchange.crash is not None:
                run.crashed.add(position)
                current = _restarted(current, envoy, start)
                run.restarts += 1
        run.metrics = current.metrics
    finally:
        if current is not envoy:
            current.close()
    return run


def _restarted(crashed: Envoy, first: Envoy | None, start: Callable[[], Envoy]) -> Envoy:
    if crashed is not first:
        crashed.close()
    return start()


def _send(envoy: Envoy, message: ReplayedMessage) -> tuple[Any, int | None]:
    """Send a message over a new connection, and return the exchange and the worker that accepted the connection."""
    before = _accepted(envoy)
    exchange = message.send(envoy)
    if exchange.crash is not None:
        return exchange, exchange.worker
    after = _accepted(envoy)
    chosen = [number for number, count in after.items() if count > before.get(number, 0)]
    return exchange, chosen[0] if len(chosen) == 1 else exchange.worker


def _accepted(envoy: Envoy) -> dict[int, int]:
    """Return the number of connections that each worker has accepted, or {} if Envoy has ended."""
    counts: dict[int, int] = {}
    try:
        stats = envoy.process.admin.stats(_ACCEPTED)
    except OSError:
        return counts
    for name, value in stats.items():
        if match := _WORKER.search(name):
            number = int(match[1]) + 1
            counts[number] = counts.get(number, 0) + value
    return counts


@dataclass
class SimulatedRun:
    """Results of replaying traffic in the simulated proxy.

    Attributes
    ----------
    exchanges
        The simulated proxy's exchanges, in order.
    metrics
        Counters and gauges of the filters at the end, counted from the proxy's last start.
    """

    exchanges: list[Any] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)


def run_simulated(
    proxy: Proxy, run: EnvoyRun, *, wait: float, workers: int, stretch: float = 0.0, seed: int | None = None
) -> SimulatedRun:
    """Replay the traffic of an Envoy run in new simulated proxies, with the same workers and the same gaps.

    Parameters
    ----------
    proxy
        Simulated proxy whose plugins and settings are used.
    run
        Results of the traffic in Envoy.
    wait
        Virtual seconds after which a client disconnects if a filter holds the stream.
    workers
        Number of workers.
    stretch
        Virtual seconds to add to each gap (default 0). The start time is also moved, by a multiple of this value.
    seed
        Seed for random values. By default (None), the seed of `proxy`.
    """
    simulated = SimulatedRun()
    changes: dict[str, Any] = {"workers": workers, "start_time": run.began + 7919.0 * stretch}
    changes |= {} if seed is None else {"seed": seed}
    fresh = proxy.clone(**changes)
    try:
        for position, message in enumerate(run.messages):
            fresh.advance(run.gaps[position] + stretch)
            simulated.exchanges.append(_send_simulated(fresh, message, run.workers[position], wait))
            if position in run.crashed:
                fresh.close()
                fresh = proxy.clone(**changes)
        simulated.metrics = fresh.metrics.shown()
    finally:
        fresh.close()
    return simulated


def _has_all(exchange: Exchange) -> bool:
    """Return whether the client has received the whole body according to content-length, even if the stream hasn't ended."""
    response = exchange.response
    length = response.headers.get("content-length") if response is not None and not exchange.http2 else None
    if response is None or length is None or not length.isdigit():
        return False
    return 0 < int(length) == len(response.body)


def _send_simulated(proxy: Proxy, message: ReplayedMessage, worker: int | None, wait: float) -> Any:
    """Send a message. If no response arrives in time, the client disconnects, as it does with Envoy."""
    exchange = message.send(proxy, worker=worker, wait=_AT_ONCE)
    if message.request is not None and not exchange.done and not _has_all(exchange):
        proxy.loop.run_until_done(exchange, wait)
    for worker_ in proxy.workers:
        for stream in [s for s in worker_.streams.values() if s.exchange is exchange]:
            proxy.loop.run_on_worker(worker_, stream.control.on_client_disconnect)
    return exchange
