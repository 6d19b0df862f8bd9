"""The simulated proxy and the real Envoy side by side: the same requests through both, compared field by field.

What differs by chance in every run (dates, request ids, the upstream's time, ports) is taken out first. What is left is
counted: agreement is the share of equal fields among all that were compared. Each difference comes with a sentence on
where to look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._display import Shown
from ..abi import LogLevel
from ..errors import UsageError
from ..host import Exchange, LogLine, Proxy
from ..host.interface import ProxyInterface
from ..messages import Headers, Request, Response, to_text
from .config.mirror import envoy_like
from .exchange import EnvoyExchange
from .proxy import Envoy

__all__ = ["Difference", "Pair", "Parity", "compare"]

#: Headers whose value is chance, and those that only say how HTTP/1 frames a message.
_CHANCE = frozenset({b"date", b"x-request-id", b"x-envoy-upstream-service-time"})
_FRAMING = frozenset({b"transfer-encoding", b"connection", b"host"})

_PLAIN = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
]

#: Field -> where to look when it is not the same.
_WHERE = {
    "answered": "One proxy answered and the other did not: a stream that a filter paused, or a wait that was too short.",
    "status": "The answer came from elsewhere: compare the upstream's view and the log.",
    "headers": "A header that the filter writes, or one that only one of the proxies adds.",
    "body": "The filter saw the body in other pieces, or its length did not fit its content-length.",
    "trailers": "Trailers that the filter changed, or that were lost with a body of fixed length.",
    "reached": "The request went on in one proxy only.",
    "request line": "Method, path or authority were changed in one proxy only.",
    "log": "What a filter logs about time, randomness or the pieces of a body is not the same in two runs, either.",
    "metrics": "A metric counts something that happened in one proxy only.",
}


@dataclass(frozen=True)
class Difference:
    """One field that is not the same in both proxies.

    Attributes
    ----------
    where
        `request 1: client headers`.
    simulated, real
        What each proxy showed.
    hint
        Where to look for the cause.
    """

    where: str
    simulated: Any
    real: Any
    hint: str

    def __str__(self) -> str:
        """Three lines: where, the two values, the hint."""
        return f"{self.where}\n  simulated  {_short(self.simulated)}\n  Envoy      {_short(self.real)}\n  {self.hint}"


@dataclass
class Pair:
    """One request through both.

    Attributes
    ----------
    compared
        Number of fields compared.
    fields
        Each of them: its name, what the simulated proxy showed, what Envoy showed.
    """

    number: int
    simulated: Exchange
    real: EnvoyExchange
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    fields: list[tuple[str, Any, Any]] = field(default_factory=list)

    def __str__(self) -> str:
        """`  1  GET /x                    200  200  same`."""
        request = f"{self.simulated.request.method} {self.simulated.request.path}"
        verdict = "same" if not self.differences else ", ".join(d.where.partition(": ")[2] for d in self.differences)
        return f"{self.number:3}  {request[:40]:40}  {_status(self.simulated):>6}  {_status(self.real):>6}  {verdict}"


@dataclass
class Parity(Shown):
    """What a comparison found.

    Attributes
    ----------
    pairs
        The requests, in order.
    compared
        Number of fields compared, metrics included.
    differences
        Every field that is not the same.
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
        """Whether nothing differs."""
        return not self.differences

    def __str__(self) -> str:
        """The table of requests, then every difference."""
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
    """Send the same requests through a simulated proxy and a real Envoy, and compare.

    Parameters
    ----------
    proxy
        The simulated proxy. The real one is started with the same plugins and settings, and closed afterwards.
    requests
        What to send through both; by default what the simulated proxy has been sent so far, in order.
    last
        Only the newest so many of what has been sent. Metrics are compared only if nothing is left out, for they count
        everything.
    envoy
        An Envoy that runs already, instead; it stays open.
    changes
        Parameters of `Envoy` that are to be different.

    Raises
    ------
    UsageError
        If there is nothing to compare, or Envoy is not installed.
    EnvoyRefused
        If Envoy refuses the filter.
    """
    if requests is None:
        exchanges = [x for x in proxy.exchanges if isinstance(x, Exchange)]
        exchanges = exchanges[max(0, len(exchanges) - last) :] if last is not None else exchanges
    else:
        exchanges = [_send(proxy, request) for request in requests]
    if not exchanges:
        raise UsageError("There is nothing to compare: send requests first, or give some.")
    if envoy is not None:
        return _parity(proxy, exchanges, envoy)
    with envoy_like(proxy, **changes) as started:
        return _parity(proxy, exchanges, started)


def _parity(proxy: Proxy, exchanges: Sequence[Exchange], envoy: Envoy) -> Parity:
    before = envoy.metrics
    pairs = [_pair(number, x, _send(envoy, x.request)) for number, x in enumerate(exchanges, 1)]
    counted = {name: value - before.get(name, 0) for name, value in envoy.metrics.items()}
    ours = {name: value for name, value in proxy.metrics.items() if isinstance(value, int)}
    differences = [d for pair in pairs for d in pair.differences]
    compared = sum(pair.compared for pair in pairs)
    if proxy.exchanges[-1].number == len(exchanges) and (ours or counted):  # numbers count all that was sent
        compared += 1
        differences += [] if ours == counted else [Difference("all: metrics", ours, counted, _WHERE["metrics"])]
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
            hint = _WHERE[name.rpartition("/")[2]]
            where = f"request {number}: {name.replace('/', ' ')}"
            pair.differences.append(Difference(where, ours, theirs, hint))
    return pair


# -- what is compared -----------------------------------------------------------------------------------------------


def _client(read: Callable[[Response], Any]) -> Callable[[Any], Any]:
    return lambda x: None if not _answered(x) else read(x.response)


def _upstream(read: Callable[[Request], Any]) -> Callable[[Any], Any]:
    return lambda x: None if x.upstream_request is None else read(x.upstream_request)


def _answered(x: Any) -> bool:
    return x.response is not None and bool(x.response.status)


def _headers(headers: Headers) -> list[tuple[str, str]]:
    """Entries in order, without framing, chance taken out."""
    kept = [(n, v) for n, v in headers.raw if n not in _FRAMING]
    return [(to_text(n), "<chance>" if n in _CHANCE else _plain(to_text(v))) for n, v in kept]


def _log(x: Any) -> list[str]:
    """What filters wrote at info and above, worker by worker, in order."""
    lines: list[LogLine] = [line for line in x.log if line.level >= LogLevel.INFO and line.source == "filter"]
    return [_plain(line.text) for line in lines]


def _plain(text: str) -> str:
    for pattern, replacement in _PLAIN:
        text = pattern.sub(replacement, text)
    return text


def _status(x: Any) -> str:
    return str(x.response.status) if _answered(x) else "-"


def _short(value: Any) -> str:
    text = repr(dict(value) if isinstance(value, Mapping) else value)
    return text if len(text) <= 200 else text[:197] + "..."


#: Station and field, and how to read it from an exchange; None where there is nothing to read.
_FIELDS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("client/answered", _answered),
    ("client/status", _client(lambda r: r.status)),
    ("client/headers", _client(lambda r: _headers(r.headers))),
    ("client/body", _client(lambda r: r.body)),
    ("client/trailers", _client(lambda r: _headers(r.trailers))),
    ("upstream/reached", lambda x: x.upstream_request is not None),
    ("upstream/request line", _upstream(lambda r: (r.method, r.path, r.authority))),
    ("upstream/headers", _upstream(lambda r: _headers(r.headers))),
    ("upstream/body", _upstream(lambda r: r.body)),
    ("upstream/trailers", _upstream(lambda r: _headers(r.trailers))),
    ("filter/log", _log),
)
