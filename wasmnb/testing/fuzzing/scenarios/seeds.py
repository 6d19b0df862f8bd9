"""The first scenarios of every search, which try each kind of step and each string in the filter once."""

from __future__ import annotations

from .scenario import (
    BodyChunk,
    Close,
    Connect,
    Data,
    Enqueue,
    GrpcServiceResponse,
    HttpServiceResponse,
    Leave,
    Open,
    Pass,
    Reconfigure,
    Scenario,
    Script,
    Send,
    Step,
    TcpServiceResponse,
)  # fmt: skip
from .vocabulary import Vocabulary

__all__ = ["memory_seeds", "seeds"]

_HTTP: tuple[tuple[Step, ...], ...] = (
    (Send(),),
    (Send("POST", body=b"hello"),),
    (Send("POST", chunks=(b"he", b"", b"llo")),),
    (Send("POST", headers=((b"content-type", b"application/json"),), body=b'{"a": 1}'),),
    (Send("POST", body=b"x", trailers=((b"x-end", b"1"),)),),
    (Send("HEAD"),),
    (Send(http2=True), Send("POST", body=b"\xff\xfe", http2=True)),
    (Script(services=(HttpServiceResponse(500),)), Send()),
    (Script(services=(HttpServiceResponse(0, reset=True),)), Send()),
    (Script((HttpServiceResponse(0, reset=True), HttpServiceResponse(503))), Send(), Send()),
    (Open(0), Leave(0), Pass(2.0)),
    (
        Script(services=(HttpServiceResponse(latency=0.1),)),
        Open(0),
        Open(1),
        BodyChunk(0, b"a", end=True),
        BodyChunk(1, b"b", end=True),
    ),
)

_TCP: tuple[tuple[Step, ...], ...] = (
    (Connect(0), Close(0)),
    (Connect(0), Data(0, b"hello\n"), Close(0)),
    (Connect(0), Data(0, b"he"), Data(0, b"llo\r\n", end=True)),
    (Connect(0), Data(0, b"\xff\xfe\0\0"), Leave(0)),
    (Connect(0), Connect(1), Data(0, b"a"), Data(1, b"b"), Close(0), Pass(2.0)),
    (Script((TcpServiceResponse(b"bye", close=True),)), Connect(0), Data(0, b"a")),
    (Script((TcpServiceResponse(b"\xff\xfe", latency=10.0),)), Connect(0), Data(0, b"a"), Close(0)),
)

_GRPC: tuple[Script, ...] = (
    Script(services=(GrpcServiceResponse((b"\x08\x01",), 0),)),
    Script(services=(GrpcServiceResponse((b"a", b"b")),)),
    Script(services=(GrpcServiceResponse(status=14),)),
    Script(services=(GrpcServiceResponse(reset=True),)),
    Script(services=(GrpcServiceResponse((b"late",), 0, latency=10.0),)),
)

#: Configurations to try with filters that read their configuration.
_CONFIGURATIONS = (b"", b"{}", b"[]", b"null", b"not json", b"\xff")


def seeds(
    vocabulary: Vocabulary, capabilities: frozenset[str] = frozenset(), *, network: bool = False
) -> list[Scenario]:
    """Return the first scenarios for a filter with these strings and capabilities."""
    client: tuple[Step, ...] = (Connect(0), Data(0, b"x")) if network else (Send(),)
    scenarios = [Scenario(steps) for steps in (_TCP if network else _HTTP)]
    if "grpc" in capabilities:
        scenarios += [Scenario((script, *client)) for script in _GRPC]
    if "time" in capabilities and not network:
        scenarios.append(
            Scenario((Script(services=(HttpServiceResponse(latency=5.0),)), Open(0, end=True), Leave(0), Pass(10.0)))
        )
    if "config" in capabilities:
        scenarios += [Scenario((Reconfigure(config), *client)) for config in _CONFIGURATIONS]
    scenarios += [Scenario((Enqueue(name, item), *client)) for name in vocabulary.queues for item in (b"", b"item")]
    return scenarios + (_tcp_strings(vocabulary) if network else _http_strings(vocabulary))


def _http_strings(vocabulary: Vocabulary) -> list[Scenario]:
    names = [name.encode() for name in vocabulary.names[: min(vocabulary.own, 60)]]
    values = [value.encode() for value in vocabulary.values[:20]]
    paths = [Scenario((Send(path=path),)) for path in vocabulary.paths[:40]]
    return paths + [Scenario(tuple(Send(headers=((name, value),)) for value in values)) for name in names]


def _tcp_strings(vocabulary: Vocabulary) -> list[Scenario]:
    texts = [word.encode("utf-8", "surrogatepass") for word in vocabulary.values[:60]]
    return [Scenario((Connect(0), Data(0, text + end), Close(0))) for text in texts for end in (b"", b"\r\n")]


def memory_seeds(
    vocabulary: Vocabulary, capabilities: frozenset[str] = frozenset(), *, network: bool = False
) -> list[Scenario]:
    """Return the scenarios to repeat when memory is measured. Scenarios that contain the filter's own strings come first."""
    first = seeds(vocabulary, capabilities, network=network)
    if network:
        return first[: len(_TCP)] + first[len(_TCP) :][:10]
    own = [Scenario(scenario.steps[:1]) for scenario in _http_strings(vocabulary) if scenario.steps[0].headers]  # type: ignore[union-attr]
    return own[:12] + first[: len(first) - len(_http_strings(vocabulary))] + _http_strings(vocabulary)[:4]
