"""Scenarios that every search begins with: one of each kind, and every word of the filter's own once."""

from __future__ import annotations

from .scenario import (
    Answer,
    Body,
    Close,
    Connect,
    Data,
    Enqueue,
    GrpcAnswer,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Scenario,
    Script,
    Send,
    Step,
    TcpAnswer,
)  # fmt: skip
from .vocabulary import Vocabulary

__all__ = ["repeatable", "seeds"]

_HTTP: tuple[tuple[Step, ...], ...] = (
    (Send(),),
    (Send("POST", body=b"hello"),),
    (Send("POST", chunks=(b"he", b"", b"llo")),),
    (Send("POST", headers=((b"content-type", b"application/json"),), body=b'{"a": 1}'),),
    (Send("POST", body=b"x", trailers=((b"x-end", b"1"),)),),
    (Send("HEAD"),),
    (Send(http2=True), Send("POST", body=b"\xff\xfe", http2=True)),
    (Script(services=(Answer(500),)), Send()),
    (Script(services=(Answer(0, reset=True),)), Send()),
    (Script((Answer(0, reset=True), Answer(503))), Send(), Send()),
    (Open(0), Leave(0), Pass(2.0)),
    (Script(services=(Answer(latency=0.1),)), Open(0), Open(1), Body(0, b"a", end=True), Body(1, b"b", end=True)),
)

_TCP: tuple[tuple[Step, ...], ...] = (
    (Connect(0), Close(0)),
    (Connect(0), Data(0, b"hello\n"), Close(0)),
    (Connect(0), Data(0, b"he"), Data(0, b"llo\r\n", end=True)),
    (Connect(0), Data(0, b"\xff\xfe\0\0"), Leave(0)),
    (Connect(0), Connect(1), Data(0, b"a"), Data(1, b"b"), Close(0), Pass(2.0)),
    (Script((TcpAnswer(b"bye", close=True),)), Connect(0), Data(0, b"a")),
    (Script((TcpAnswer(b"\xff\xfe", latency=10.0),)), Connect(0), Data(0, b"a"), Close(0)),
)

_GRPC: tuple[Script, ...] = (
    Script(services=(GrpcAnswer((b"\x08\x01",), 0),)),
    Script(services=(GrpcAnswer((b"a", b"b")),)),
    Script(services=(GrpcAnswer(status=14),)),
    Script(services=(GrpcAnswer(reset=True),)),
    Script(services=(GrpcAnswer((b"late",), 0, latency=10.0),)),
)

#: Configurations that a filter which reads any should stand.
_CONFIGURATIONS = (b"", b"{}", b"[]", b"null", b"not json", b"\xff")


def seeds(words: Vocabulary, abilities: frozenset[str] = frozenset(), *, network: bool = False) -> list[Scenario]:
    """The scenarios, for a filter that can do these things."""
    client: tuple[Step, ...] = (Connect(0), Data(0, b"x")) if network else (Send(),)
    found = [Scenario(steps) for steps in (_TCP if network else _HTTP)]
    if "grpc" in abilities:
        found += [Scenario((script, *client)) for script in _GRPC]
    if "time" in abilities and not network:
        found.append(Scenario((Script(services=(Answer(latency=5.0),)), Open(0, end=True), Leave(0), Pass(10.0))))
    if "config" in abilities:
        found += [Scenario((Reconfigure(config), *client)) for config in _CONFIGURATIONS]
    found += [Scenario((Enqueue(name, item), *client)) for name in words.queues for item in (b"", b"item")]
    return found + (_tcp_words(words) if network else _http_words(words))


def _http_words(words: Vocabulary) -> list[Scenario]:
    names = [name.encode() for name in words.names[: min(words.own, 60)]]
    values = [value.encode() for value in words.values[:20]]
    paths = [Scenario((Send(path=path),)) for path in words.paths[:40]]
    return paths + [Scenario(tuple(Send(headers=((name, value),)) for value in values)) for name in names]


def _tcp_words(words: Vocabulary) -> list[Scenario]:
    texts = [word.encode("utf-8", "surrogatepass") for word in words.values[:60]]
    return [Scenario((Connect(0), Data(0, text + end), Close(0))) for text in texts for end in (b"", b"\r\n")]


def repeatable(words: Vocabulary, abilities: frozenset[str] = frozenset(), *, network: bool = False) -> list[Scenario]:
    """The few of them that are worth a thousand repetitions, when memory is looked at: those with the filter's own words first."""
    every = seeds(words, abilities, network=network)
    if network:
        return every[: len(_TCP)] + every[len(_TCP) :][:10]
    own = [Scenario(scenario.steps[:1]) for scenario in _http_words(words) if scenario.steps[0].headers]  # type: ignore[union-attr]
    return own[:12] + every[: len(every) - len(_http_words(words))] + _http_words(words)[:4]
