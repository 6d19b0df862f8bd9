"""The result of a comparison: pairs of exchanges, fields that differ, and fields that can't be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from ..._display import NEWLINES, Shown, pad, visible
from ..exchange import EnvoyExchange
from ..sockets.tcp_exchange import EnvoyTcpExchange
from .fields import Field, is_connection

__all__ = ["Difference", "NotCompared", "Pair", "Parity"]

#: Number of characters shown of a long value, and how many of them precede the first difference.
_SHOWN, _BEFORE = 200, 40


@dataclass(frozen=True)
class Difference:
    """A field that differs between the proxies.

    Attributes
    ----------
    where
        Exchange and field, such as `request 1: client headers`.
    simulated, real
        Values of the field in the simulated proxy and in Envoy.
    hint
        Sentence about where to look for the cause.
    """

    where: str
    simulated: Any
    real: Any
    hint: str

    def __str__(self) -> str:
        """Return four lines of text: the field, its two values and the hint."""
        ours, theirs = _windows(self.simulated, self.real)
        text = f"{self.where}\n  simulated  {ours}\n  Envoy      {theirs}\n  {self.hint}"
        return visible(text, keep=NEWLINES)


@dataclass(frozen=True)
class NotCompared:
    """A field that differs for a reason outside the filter.

    Attributes
    ----------
    where
        Exchange and field, such as `request 1: filter log`.
    reason
        Reason why the field can't be compared: time, random values, a race, or different responses of the upstream.
    simulated, real
        Values of the field in the simulated proxy and in Envoy.
    """

    where: str
    reason: str
    simulated: Any = None
    real: Any = None

    def __str__(self) -> str:
        """Return the field and the reason, as `request 1: filter log: reason`."""
        return visible(f"{self.where}: {self.reason}")


@dataclass
class Pair:
    """One request or connection that both proxies have served.

    Attributes
    ----------
    number
        Position among the pairs, from 1.
    simulated, real
        Exchanges of the two proxies: `Exchange` and `EnvoyExchange`, or `TcpExchange` and `EnvoyTcpExchange`.
    worker
        Number of the worker that served the exchange in both proxies, or None if Envoy's worker is unknown.
    compared
        Number of compared fields.
    differences
        Fields that differ.
    fields
        Every field as a tuple of name, value in the simulated proxy, and value in Envoy.
    not_compared
        Fields that differ for a reason outside the filter.
    """

    number: int
    simulated: Any
    real: EnvoyExchange | EnvoyTcpExchange
    worker: int | None = None
    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    not_compared: list[NotCompared] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Kind and number of the exchange: `request 1` or `connection 1`."""
        return f"{'connection' if is_connection(self.simulated) else 'request'} {self.number}"

    @property
    def title(self) -> str:
        """Method and path of a request, or the number of bytes sent over a connection."""
        if is_connection(self.simulated):
            return f"TCP, {len(self.simulated.sent):,} bytes"
        return f"{self.simulated.request.method} {self.simulated.request.path}"

    @property
    def crashed(self) -> bool:
        """Whether Envoy crashed on this exchange."""
        return self.real.crash is not None

    def __str__(self) -> str:
        """Return the pair as a row of the table: `  1  GET /x                    200  200  same`."""
        verdict = "same" if not self.differences else ", ".join(d.where.partition(": ")[2] for d in self.differences)
        statuses = f"{outcome_of(self.simulated):>7}  {outcome_of(self.real):>7}"
        return f"{self.number:3}  {pad(visible(self.title)[:40], 40)}  {statuses}  {verdict}"


@dataclass
class Parity(Shown):
    """The result of comparing a simulated proxy with Envoy.

    Attributes
    ----------
    name
        Name of the simulated proxy.
    pairs
        Compared requests and connections, in order.
    compared
        Number of compared fields, including metrics.
    differences
        Fields that differ.
    not_compared
        Fields that differ but can't be compared, with the reasons.
    notes
        Sentences about the whole comparison: headers that differ in every run, crashes of Envoy, and unknown workers.
    """

    name: str
    pairs: list[Pair]
    compared: int
    differences: list[Difference]
    not_compared: list[NotCompared] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def agreement(self) -> float:
        """Share of equal fields among the compared fields, in percent."""
        return 100.0 * (self.compared - len(self.differences)) / self.compared if self.compared else 100.0

    @property
    def same(self) -> bool:
        """Whether all compared fields are equal."""
        return not self.differences

    @property
    def crashes(self) -> list[Pair]:
        """Pairs on which Envoy crashed."""
        return [pair for pair in self.pairs if pair.crashed]

    def __str__(self) -> str:
        """Return the table of requests, followed by all differences."""
        head = f"{self.name}: {self.agreement:.1f} % of {self.compared} fields agree with Envoy"
        columns = f"{'':3}  {'request':40}  {'sim.':>7}  {'Envoy':>7}"
        parts = [head, columns, *(str(pair) for pair in self.pairs)]
        parts += [f"\n{d}" for d in self.differences]
        parts += ["\nNot compared:", *(f"  {n}" for n in self.not_compared)] if self.not_compared else []
        return "\n".join([*parts, *(f"\n{visible(note, keep=NEWLINES)}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"<Parity of {self.name}: {len(self.pairs)} requests, {self.agreement:.1f} % agree>"


def outcome_of(exchange: Any) -> str:
    """Return the outcome of an exchange for the table: a status, a number of bytes, `crash`, or `-` for no response."""
    if exchange.crash is not None:
        return "crash"
    if is_connection(exchange):
        return f"{len(exchange.received):,} B"
    response = exchange.response
    return str(response.status) if response is not None and response.status else "-"


def _windows(ours: Any, theirs: Any) -> tuple[str, str]:
    """Return two different values as text. Long values are shortened to the part around the first difference."""
    texts = [repr(dict(value) if isinstance(value, Mapping) else value) for value in (ours, theirs)]
    if max(map(len, texts)) <= _SHOWN:
        return texts[0], texts[1]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(0, same - _BEFORE)
    return _window(texts[0], start), _window(texts[1], start)


def _window(text: str, start: int) -> str:
    end = start + _SHOWN
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")
