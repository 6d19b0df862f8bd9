"""Comparison of the simulated proxy with the real Envoy: the same requests through both, field by field.

Values that differ in every run (dates, request ids, the upstream's time, ports) are masked first. Agreement is the share of
equal fields among all compared fields. Each difference comes with a hint where to look for the cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._display import NEWLINES, Shown, visible
from ..abi import LogLevel
from ..errors import UsageError
from ..host import Exchange, Proxy
from ..host.interface import ExchangeInterface, ProxyInterface
from ..host.plugins.plugin import has_http
from ..messages import Headers, Request, Response, to_text
from .config.mirror import envoy_like
from .exchange import EnvoyExchange
from .proxy import Envoy

__all__ = ["Difference", "Pair", "Parity", "compare"]

#: Headers whose values differ in every run, and those that frame a message in HTTP/1.
_RANDOM = frozenset({b"date", b"x-request-id", b"x-envoy-upstream-service-time"})
_FRAMING = frozenset({b"transfer-encoding", b"connection", b"host"})

#: Random parts of values, and their masks.
_MASKS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
]

#: Field -> where to look if it differs.
_HINTS = {
    "answered": "Only one of the proxies sent a response: a filter paused the stream, or the wait was too short.",
    "status": "The responses have different origins: compare the upstream's messages and the log.",
    "headers": "The filter writes this header, or only one of the proxies adds it.",
    "body": "The filter got the body in other chunks, or its length didn't match its content-length.",
    "trailers": "The filter changed the trailers, or a body of fixed length dropped them.",
    "reached": "Only one of the proxies forwarded the request.",
    "request line": "Method, path or authority were changed in one proxy only.",
    "log": "Lines about time, random values or the chunks of a body also differ between two runs of one proxy.",
    "metrics": "A metric counts something that happened in one proxy only.",
}


@dataclass(frozen=True)
class Difference:
    """One field that differs between the proxies.

    Attributes
    ----------
    where
        The field: `request 1: client headers`.
    simulated, real
        Its values in the two proxies.
    hint
        Where to look for the cause.
    """

    where: str
    simulated: Any
    real: Any
    hint: str

    def __str__(self) -> str:
        """Return four lines: the field, its two values and the hint."""
        text = f"{self.where}\n  simulated  {_short(self.simulated)}\n  Envoy      {_short(self.real)}\n  {self.hint}"
        return visible(text, keep=NEWLINES)


@dataclass
class Pair:
    """One request through both proxies.

    Attributes
    ----------
    number
        Counts the pairs, from 1.
    simulated, real
        The exchanges of the two proxies.
    compared
        Number of compared fields.
    differences
        The fields that differ.
    fields
        Name, value in the simulated proxy and value in Envoy of every compared field.
    """

    number: int
    simulated: Exchange
    real: EnvoyExchange
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    fields: list[tuple[str, Any, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        """Return a line of the table: `  1  GET /x                    200  200  same`."""
        request = f"{self.simulated.request.method} {self.simulated.request.path}"
        verdict = "same" if not self.differences else ", ".join(d.where.partition(": ")[2] for d in self.differences)
        return f"{self.number:3}  {visible(request)[:40]:40}  {_status(self.simulated):>6}  {_status(self.real):>6}  {verdict}"


@dataclass
class Parity(Shown):
    """The result of a comparison.

    Attributes
    ----------
    name
        Name of the simulated proxy.
    pairs
        The requests, in order.
    compared
        Number of compared fields, metrics included.
    differences
        The fields that differ.
    """

    name: str
    pairs: list[Pair]
    compared: int
    differences: list[Difference]

    @property
    def agreement(self) -> float:
        """Share of equal fields, in percent."""
        return 100.0 * (self.compared - len(self.differences)) / self.compared if self.compared else 100.0

    @property
    def same(self) -> bool:
        """Whether all fields are equal."""
        return not self.differences

    def __str__(self) -> str:
        """Return the table of requests, then all differences."""
        head = f"{self.name}: {self.agreement:.1f} % of {self.compared} fields agree with Envoy"
        columns = f"{'':3}  {'request':40}  {'sim.':>6}  {'Envoy':>6}"
        parts = [head, columns, *(str(pair) for pair in self.pairs)]
        return "\n".join([*parts, *(f"\n{d}" for d in self.differences)])

    def __repr__(self) -> str:
        return f"<Parity of {self.name}: {len(self.pairs)} requests, {self.agreement:.1f} % agree>"


def compare(
    proxy: Proxy,
    requests: Iterable[Request] | None = None,
    *,
    last: int | None = None,
    envoy: Envoy | None = None,
    **changes: Any,
) -> Parity:
    """Send the same requests through a simulated proxy and a real Envoy, and compare the results.

    Parameters
    ----------
    proxy
        The simulated proxy.
    requests
        Requests to send through both proxies; by default the requests of the simulated proxy so far are sent to Envoy.
    last
        Compare only this number of the newest requests; by default all. Metrics count everything, so they are compared
        only if no request is left out.
    envoy
        A running Envoy, which stays open. By default one with the plugins and settings of `proxy` is started, and closed
        afterwards.
    changes
        Parameters of `Envoy` with other values.

    Raises
    ------
    UsageError
        There are no requests, all filters are for connections, or Envoy isn't installed.
    EnvoyRefused
        Envoy refuses the filter.
    """
    if not has_http(proxy.plugins):
        raise UsageError(
            f"{proxy.name!r} is a network filter, and this compares requests. "
            "Send the same bytes to both: wasmnb.traffic.send_bytes(proxy, b'...') with Proxy and Envoy."
        )
    if requests is None:
        exchanges = [exchange for exchange in proxy.exchanges if isinstance(exchange, Exchange)]
        exchanges = exchanges[max(0, len(exchanges) - last) :] if last is not None else exchanges
    else:
        exchanges = [_send(proxy, request) for request in requests]
    if not exchanges:
        raise UsageError("There is nothing to compare. Send requests first, or pass requests=.")
    if envoy is not None:
        return _parity(proxy, exchanges, envoy)
    with envoy_like(proxy, **changes) as started:
        return _parity(proxy, exchanges, started)


def _parity(proxy: Proxy, exchanges: Sequence[Exchange], envoy: Envoy) -> Parity:
    before = envoy.metrics
    pairs = [_pair(number, exchange, _send(envoy, exchange.request)) for number, exchange in enumerate(exchanges, 1)]
    theirs = {name: value - before.get(name, 0) for name, value in envoy.metrics.items()}
    ours = {name: value for name, value in proxy.metrics.items() if isinstance(value, int)}
    differences = [d for pair in pairs for d in pair.differences]
    compared = sum(pair.compared for pair in pairs)
    if proxy.exchanges[-1].number == len(exchanges) and (ours or theirs):  # exchange numbers count all requests
        compared += 1
        differences += [] if ours == theirs else [Difference("all: metrics", ours, theirs, _HINTS["metrics"])]
    return Parity(proxy.name, pairs, compared, differences)


def _send(proxy: ProxyInterface, request: Request) -> Any:
    """Send a copy: a proxy keeps the request that it sends."""
    return proxy.send(replace(request))


def _pair(number: int, simulated: Exchange, real: EnvoyExchange) -> Pair:
    pair = Pair(number, simulated, real)
    for name, read in _FIELDS:
        ours, theirs = read(simulated), read(real)
        if ours is None and theirs is None:
            continue
        pair.compared += 1
        pair.fields.append((name.replace("/", " "), ours, theirs))
        if ours != theirs:
            hint = _HINTS[name.rpartition("/")[2]]
            where = f"request {number}: {name.replace('/', ' ')}"
            pair.differences.append(Difference(where, ours, theirs, hint))
    return pair


# -- compared fields -----------------------------------------------------------------------------------------------


def _client(read: Callable[[Response], Any]) -> Callable[[Any], Any]:
    return lambda exchange: read(exchange.response) if _answered(exchange) else None


def _upstream(read: Callable[[Request], Any]) -> Callable[[Any], Any]:
    return lambda exchange: None if exchange.upstream_request is None else read(exchange.upstream_request)


def _answered(exchange: ExchangeInterface) -> bool:
    return exchange.response is not None and bool(exchange.response.status)


def _headers(headers: Headers) -> list[tuple[str, str]]:
    """Return the entries in order, without framing headers and with masks."""
    kept = [(n, v) for n, v in headers.raw if n not in _FRAMING]
    return [(to_text(n), "<random>" if n in _RANDOM else _mask(to_text(v))) for n, v in kept]


def _log(exchange: ExchangeInterface) -> list[str]:
    """Return the filters' lines from level info on, with masks."""
    lines = [line for line in exchange.log if line.level >= LogLevel.INFO and line.source == "filter"]
    return [_mask(line.text) for line in lines]


def _mask(text: str) -> str:
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


def _status(exchange: ExchangeInterface) -> str:
    return str(exchange.response.status) if exchange.response is not None and _answered(exchange) else "-"


def _short(value: Any) -> str:
    text = repr(dict(value) if isinstance(value, Mapping) else value)
    return text if len(text) <= 200 else text[:197] + "..."


#: Party and field, and a function that reads it from an exchange; it returns None if there is no such message.
_FIELDS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("client/answered", _answered),
    ("client/status", _client(lambda r: r.status)),
    ("client/headers", _client(lambda r: _headers(r.headers))),
    ("client/body", _client(lambda r: r.body)),
    ("client/trailers", _client(lambda r: _headers(r.trailers))),
    ("upstream/reached", lambda exchange: exchange.upstream_request is not None),
    ("upstream/request line", _upstream(lambda r: (r.method, r.path, r.authority))),
    ("upstream/headers", _upstream(lambda r: _headers(r.headers))),
    ("upstream/body", _upstream(lambda r: r.body)),
    ("upstream/trailers", _upstream(lambda r: _headers(r.trailers))),
    ("filter/log", _log),
)
