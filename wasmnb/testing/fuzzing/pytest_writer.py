"""Writer of a finding as a pytest test, which calls the functions of `wasmnb.testing`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any

from ...parsing.tracebacks import summary_of
from ...view import visible
from ..generated_tests.filter_code import FilterSources
from ..generated_tests.literals import quoted
from .literals import literal, pairs, text
from .report import Finding
from .scenarios.loops import COUNTER
from .scenarios.scenario import (  # fmt: skip
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
    Script,
    Send,
    ServiceResponse,
    Settle,
    Step,
    TcpServiceResponse,
    Trailers,
)
from .search.runner import Settings

__all__ = ["write_test"]

_TEST_NAMES = {
    "trap": "test_filter_does_not_trap",
    "hang": "test_callbacks_return",
    "stuck": "test_streams_are_resumed",
    "growth": "test_memory_does_not_grow",
    "misuse": "test_envoy_would_not_crash",
}

#: Steps in which virtual time doesn't advance.
_INSTANT_STEPS = (Script, Reconfigure, Enqueue)


def write_test(finding: Finding, settings: Settings, called: Iterable[str]) -> str:
    """Write a pytest test that fails until the fault is fixed.

    Parameters
    ----------
    finding
        The finding with its scenario.
    settings
        Settings of the proxy that reproduces the fault.
    called
        Names of the clusters that the filter called, or that were passed to `fuzz`. In the test, all of them send the same
        responses.
    """
    chain = FilterSources(settings.plugins)
    writer = _TestWriter(finding, settings, sorted(called), chain)
    body = list(writer.body())
    summary = visible(summary_of(finding.message)[:100].strip()).replace("\\", "\\\\").replace('"', "'")
    head = [
        *writer.imports(), "", *chain.sources(), "", "",
        f"def {_TEST_NAMES[finding.kind]}({', '.join(chain.fixtures)}):",
        f'    """Found by fuzzing: {summary}"""',
    ]  # fmt: skip
    return "\n".join([*head, *(f"    {line}".rstrip() for line in body)]) + "\n"


class _TestWriter:
    def __init__(self, finding: Finding, settings: Settings, called: list[str], chain: FilterSources) -> None:
        self.finding = finding
        self.steps = finding.scenario.steps
        self.settings = settings
        self.called = called
        self.chain = chain
        self.growth = finding.kind == "growth"
        self.names = {"assert_memory_steady" if self.growth else "assert_sound"}
        self.counted = COUNTER in repr(finding.scenario)
        self.scripts = [s for s in self.steps if isinstance(s, Script)]
        self.opened: dict[int, str] = {}
        self.ended: set[int] = set()

    def imports(self) -> list[str]:
        first = ["from itertools import count", ""] if self.counted else []
        plugin = [] if self.chain.plain else ["from wasmnb import Plugin"]
        return [*first, *plugin, f"from wasmnb.testing import {', '.join(sorted(self.names))}"]

    def body(self) -> Iterator[str]:
        yield from self._upstreams()
        yield f"proxy = wasm_proxy({', '.join(self._arguments())})"
        if self.scripts and isinstance(self.steps[0], Script) and not self.growth:
            yield from self._hosts(self.steps[0])
        steps = list(self._steps())
        if not self.growth:
            yield from steps
            yield "assert_sound(proxy)"
            return
        if self.counted:
            yield "numbers = count()"
        yield ""
        yield "def repeat():"
        yield from (f"    {line}" for line in (["number = next(numbers)"] if self.counted else []) + steps)
        yield ""
        yield f"assert_memory_steady(proxy, repeat, times={self.finding.repeats})"

    # -- before the steps -----------------------------------------------------------------------------------------

    @property
    def _has_origin(self) -> bool:
        return self.settings.network or any(s.responses for s in self.scripts)

    def _upstreams(self) -> Iterator[str]:
        if self._has_origin:
            yield f"origin = {self._scripted('responses')}"
        if self.called:
            yield f"service = {self._scripted('services')}"

    def _scripted(self, which: str) -> str:
        """Return the code of an upstream with the script of the first step. Later scripts become steps of the test."""
        first = self.steps[0] if self.steps else None
        responses: tuple[ServiceResponse, ...] = getattr(first, which) if isinstance(first, Script) else ()
        self.names.add("upstream")
        return f"upstream({self._responses(responses, which)})"

    def _responses(self, responses: tuple[ServiceResponse, ...], which: str) -> str:
        plain = TcpServiceResponse(b"ok\n") if self.settings.network else HttpServiceResponse()
        default = self.settings.service if which == "services" else plain
        return ", ".join(self._response(response) for response in responses or (default,))

    def _response(self, response: ServiceResponse) -> str:
        match response:
            case HttpServiceResponse(refused=True):
                name, code = "refused", "refused"
            case HttpServiceResponse():
                name, code = "response", _http_response(response)
            case GrpcServiceResponse():
                name, code = "grpc_reply", _grpc_response(response)
            case TcpServiceResponse():
                name, code = "tcp_reply", _tcp_response(response)
        self.names.add(name)
        return code

    def _arguments(self) -> Iterator[str]:
        settings = self.settings
        yield from self.chain.arguments()
        if settings.workers != 1:
            yield f"workers={settings.workers}"
        if self._has_origin:
            yield "upstream=origin"
        if self.called:
            yield f"clusters={{{', '.join(f'{quoted(name)}: service' for name in self.called)}}}"
        if self.finding.kind == "hang":
            yield f"deadline={settings.deadline}"
        if self.finding.kind == "stuck":
            yield "idle_timeout=0"

    # -- the steps ------------------------------------------------------------------------------------------------

    def _steps(self) -> Iterator[str]:
        for at, step in enumerate(self.steps):
            if at or not isinstance(step, Script) or self.growth:
                yield from self._step(step)
        yield from self._end()

    def _step(self, step: Step) -> Iterator[str]:
        match step:
            case Send():
                yield f"proxy.request({', '.join(self._request(step))})"
            case Open() | Connect():
                yield from self._begin(step)
            case BodyChunk() | Trailers() | Data() | Close() | Leave():
                yield from self._on_stream(step)
            case Pass():
                yield f"proxy.advance({step.seconds})"
            case Reconfigure():
                self.names.add("reconfigure")
                yield f"reconfigure(proxy, {literal(step.config)})"
                yield "proxy.advance(2.0)"
            case Enqueue():
                self.names.add("enqueue")
                yield f"enqueue(proxy, {quoted(step.queue)}, {literal(step.item)})"
            case Settle():
                yield from self._end()
                self.names.add("wait_for_all")
                yield "wait_for_all(proxy)"
            case Script():
                yield from self._rescript(step)

    def _begin(self, step: Open | Connect) -> Iterator[str]:
        if step.stream in self.opened:
            return
        prefix = "connection" if isinstance(step, Connect) else "stream"
        self.opened[step.stream] = name = prefix if not self.opened else f"{prefix}{len(self.opened) + 1}"
        if isinstance(step, Connect):
            yield f"{name} = proxy.connect({', '.join(self._worker(step))})"
            return
        if step.end:
            self.ended.add(step.stream)
        yield f"{name} = proxy.open({', '.join(self._opening(step))})"

    def _on_stream(self, step: BodyChunk | Trailers | Data | Close | Leave) -> Iterator[str]:
        if step.stream not in self.opened or (step.stream in self.ended and not isinstance(step, Leave)):
            return
        if getattr(step, "end", True):
            self.ended.add(step.stream)
        name, end = self.opened[step.stream], ", end=True" if getattr(step, "end", False) else ""
        match step:
            case BodyChunk():
                yield f"{name}.send_body({literal(step.data)}{end})"
            case Trailers():
                yield f"{name}.send_trailers({pairs(step.headers)})"
            case Data():
                yield f"{name}.send({literal(step.data)}{end})"
            case Close():
                yield f"{name}.close()"
            case Leave():
                yield f"{name}.reset()"

    def _rescript(self, step: Script) -> Iterator[str]:
        if self._has_origin:
            yield f"origin.script({self._responses(step.responses, 'responses')})"
        if self.called:
            yield f"service.script({self._responses(step.services, 'services')})"
        yield from self._hosts(step)

    def _hosts(self, step: Script) -> Iterator[str]:
        """Yield code that sets the number of hosts of all services, if the scenario changes it."""
        if any(not s.hosts for s in self.scripts):
            yield from (f"proxy.clusters[{quoted(name)}].endpoints = {int(step.hosts)}" for name in self.called)

    def _end(self) -> Iterator[str]:
        for stream, name in self.opened.items():
            if stream not in self.ended:
                self.ended.add(stream)
                yield f"if not {name}.exchange.done:"
                yield f"    {name}.end()" if name.startswith("connection") else f'    {name}.send_body(b"", end=True)'

    def _worker(self, step: Send | Open | Connect) -> Iterator[str]:
        if self.settings.workers != 1:
            yield f"worker={1 + (step.worker - 1) % self.settings.workers}"

    def _request(self, step: Send) -> Iterator[str]:
        yield quoted(step.method)
        yield text(step.path)
        if step.headers:
            yield f"headers={pairs(step.headers)}"
        if step.chunks is not None:
            yield f"chunks=[{', '.join(map(literal, step.chunks))}]"
        elif step.body:
            yield f"body={literal(step.body)}"
        if step.trailers:
            yield f"trailers={pairs(step.trailers)}"
        if step.http2:
            yield "http2=True"
        yield from self._worker(step)
        if sum(not isinstance(s, _INSTANT_STEPS) for s in self.steps) > 1:
            yield "wait=0"

    def _opening(self, step: Open) -> Iterator[str]:
        yield quoted(step.method)
        yield text(step.path)
        if step.headers:
            yield f"headers={pairs(step.headers)}"
        if step.end:
            yield "end=True"
        if step.http2:
            yield "http2=True"
        yield from self._worker(step)


def _http_response(response: HttpServiceResponse) -> str:
    first = [str(response.status), *([literal(response.body)] if response.body else [])]
    return _call("response", first, response, headers=pairs, trailers=pairs, latency=str, reset=str)


def _grpc_response(response: GrpcServiceResponse) -> str:
    return _call(
        "grpc_reply", map(literal, response.messages), response, status=str, message=quoted, latency=str, reset=str
    )


def _tcp_response(response: TcpServiceResponse) -> str:
    first = [literal(response.data)] if response.data else []
    return _call("tcp_reply", first, response, close=str, latency=str)


def _call(name: str, first: Iterable[str], response: ServiceResponse, **writers: Callable[[Any], str]) -> str:
    """Write a call with the positional arguments `first`, and a keyword argument for each field that isn't the default."""
    changed = {f.name: value for f in fields(response) if (value := getattr(response, f.name)) != f.default}
    return (
        f"{name}({', '.join([*first, *(f'{n}={write(changed[n])}' for n, write in writers.items() if n in changed)])})"
    )
