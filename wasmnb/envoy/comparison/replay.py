"""The same traffic through a fresh Envoy and a fresh simulated proxy.

Envoy runs first: the kernel chooses the worker of a connection, Envoy's statistics show which one it was, and the simulated proxy
sends the same request to the same worker at the same time. After a crash, both proxies are restarted and lose the state of
their filters.
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
from ..process import crash_of
from ..proxy import Envoy

__all__ = ["EnvoyRun", "Message", "SimulatedRun", "messages_of", "run_in_envoy", "run_simulated"]

#: Counters of accepted connections, one for each worker of a listener.
_ACCEPTED = r"^listener\..*\.worker_\d+\.downstream_cx_total$"
_WORKER = re.compile(r"\.worker_(\d+)\.")

#: Seconds that a TCP client waits for bytes.
_READ = 0.5

#: Virtual seconds within which a response arrives if nothing delays it.
_AT_ONCE = 0.02


@dataclass(frozen=True)
class Message:
    """What a client sends: an HTTP request, or bytes over a TCP connection.

    Attributes
    ----------
    request
        The request; None for a TCP connection.
    chunks
        The bytes of a TCP connection: one item for each write.
    half_close
        Whether the client closes its side of the connection after the last chunk.
    http2
        Whether the request is sent over HTTP/2.
    timeout
        Seconds after which the client disconnects; None: it doesn't.
    """

    request: Request | None = None
    chunks: Sequence[bytes] = ()
    half_close: bool = False
    http2: bool = False
    timeout: float | None = None

    def send(self, proxy: ProxyInterface, **options: Any) -> Any:
        """Send it through a proxy, and return the exchange. The proxy gets a copy of the request, because it keeps it."""
        if self.request is not None:
            return proxy.send(replace(self.request), http2=self.http2, timeout=self.timeout, **options)
        options.pop("wait", None)
        return send_bytes(proxy, self.chunks, wait=_READ, half_close=self.half_close, **options)


def messages_of(items: Iterable[Any]) -> list[Message]:
    """Return the messages to replay.

    Parameters
    ----------
    items
        Exchanges of a proxy, requests, and bytes (or lists of chunks) of TCP connections.

    Raises
    ------
    UsageError
        An item is something else.
    """
    return [_message(item) for item in items]


def _message(item: Any) -> Message:
    match item:
        case Exchange():
            return Message(item.request, http2=item.http2, timeout=item.timeout)
        case TcpExchange():
            return Message(chunks=tuple(item.sent_chunks), half_close=item.half_closed)
        case Request():
            return Message(item)
        case str() | bytes():
            return Message(chunks=(to_bytes(item),))
        case list() | tuple():
            return Message(chunks=tuple(map(to_bytes, item)))
    raise UsageError(
        f"requests has an item of type {type(item).__name__}. Give Request objects, bytes or lists of bytes."
    )


@dataclass
class EnvoyRun:
    """The result of the traffic through Envoy.

    Attributes
    ----------
    messages
        What the clients sent.
    exchanges
        Envoy's exchanges, in order.
    workers
        The worker that served each exchange; None if it is unknown.
    gaps
        Seconds between the end of the previous exchange and the start of each one.
    crashed
        Indexes of the exchanges on which Envoy crashed.
    metrics
        The filters' metrics at the end, counted from the last start.
    began
        Wall-clock time of the start, seconds since 1970.
    restarts
        How often Envoy was restarted.
    """

    messages: list[Message]
    exchanges: list[Any] = field(default_factory=list)
    workers: list[int | None] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    crashed: set[int] = field(default_factory=set)
    metrics: dict[str, int] = field(default_factory=dict)
    began: float = 0.0
    restarts: int = 0


def run_in_envoy(
    messages: list[Message],
    start: Callable[[], Envoy],
    envoy: Envoy | None,
    progress: Callable[[str, float], None] | None = None,
) -> EnvoyRun:
    """Send traffic through Envoy, and restart Envoy when it crashes.

    Parameters
    ----------
    messages
        What the clients send.
    start
        Called to start an Envoy.
    envoy
        A running Envoy to use, which isn't closed. None: call `start`.
    progress
        Called with a description of the step and the fraction that is done, from 0 to 1. By default, nothing is called.
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
            if exchange.crash:
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


def _send(envoy: Envoy, message: Message) -> tuple[Any, int | None]:
    """Send a message over a new connection, and return the exchange and the worker that accepted the connection."""
    before = _accepted(envoy)
    exchange = message.send(envoy)
    if crash := crash_of(envoy.process):
        exchange.crash = crash
        if hasattr(exchange, "state"):
            exchange.state = "crashed"
        return exchange, exchange.worker
    after = _accepted(envoy)
    chosen = [number for number, count in after.items() if count > before.get(number, 0)]
    return exchange, chosen[0] if len(chosen) == 1 else exchange.worker


def _accepted(envoy: Envoy) -> dict[int, int]:
    """Return the number of connections that each worker has accepted; empty if Envoy has ended."""
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
    """The result of the traffic through the simulated proxy.

    Attributes
    ----------
    exchanges
        The simulated proxy's exchanges, in order.
    metrics
        The filters' counters and gauges at the end, counted from the last start.
    """

    exchanges: list[Any] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)


def run_simulated(
    proxy: Proxy, run: EnvoyRun, *, wait: float, workers: int, stretch: float = 0.0, seed: int | None = None
) -> SimulatedRun:
    """Send traffic that Envoy has had through new simulated proxies, to the same workers and with the same gaps.

    Parameters
    ----------
    proxy
        The proxy whose plugins and settings are used.
    run
        The result of the traffic through Envoy.
    wait
        Virtual seconds after which a client disconnects if a filter holds the stream.
    workers
        Number of workers.
    stretch
        Virtual seconds that are added to the start time and to each gap (default 0).
    seed
        Seed for random values. None (the default): the seed of `proxy`.
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
    """Return whether the client has all bytes that content-length announces, although a filter still holds the end."""
    response = exchange.response
    length = response.headers.get("content-length") if response is not None and not exchange.http2 else None
    if response is None or length is None or not length.isdigit():
        return False
    return 0 < int(length) == len(response.body)


def _send_simulated(proxy: Proxy, message: Message, worker: int | None, wait: float) -> Any:
    """Send a message. If no response arrives in time, the client disconnects, as it does with Envoy."""
    exchange = message.send(proxy, worker=worker, wait=_AT_ONCE)
    if message.request is not None and not exchange.done and not _has_all(exchange):
        proxy.loop.run_until_done(exchange, wait)
    for worker_ in proxy.workers:
        for stream in [s for s in worker_.streams.values() if s.exchange is exchange]:
            proxy.loop.run_on_worker(worker_, stream.control.on_client_disconnect)
    return exchange
