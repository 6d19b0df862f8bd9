"""Shrinking of a failing scenario to a smaller one that fails in the same way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

from ..scenarios.scenario import (  # fmt: skip
    BodyChunk,
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
    ServiceResponse,
    Step,
    TcpServiceResponse,
    Trailers,
)

__all__ = ["shrink"]


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool], seconds: float) -> Scenario:
    """Shrink a failing scenario.

    Parameters
    ----------
    scenario
        The failing scenario.
    fails
        Function that returns whether a scenario still has the fault.
    seconds
        Time limit in real seconds.

    Returns
    -------
    Scenario
        The smallest failing scenario found within the time limit.
    """
    until = monotonic() + seconds

    def better(smaller: Scenario) -> bool:
        return smaller.size < scenario.size and monotonic() < until and fails(smaller)

    scenario = _fewer_steps(scenario, fails, until)
    size = 0
    while size != scenario.size and monotonic() < until:
        size, at = scenario.size, 0
        while at < len(scenario.steps):
            simpler = next(filter(better, _simpler(scenario, at)), None)
            if simpler is None:
                at += 1
            else:
                scenario = simpler  # try the same position again
    return scenario


def _fewer_steps(scenario: Scenario, fails: Callable[[Scenario], bool], until: float) -> Scenario:
    """Remove sequences of steps that aren't needed for the fault. Long sequences are tried first."""
    length = max(1, len(scenario.steps) // 2)
    while length and monotonic() < until:
        at = 0
        while at < len(scenario.steps) and monotonic() < until:
            fewer = Scenario(scenario.steps[:at] + scenario.steps[at + length :])
            if fewer.steps and fails(fewer):
                scenario = fewer
            else:
                at += length
        length //= 2
    return scenario


def _simpler(scenario: Scenario, at: int) -> Iterator[Scenario]:
    """Yield copies of a scenario in which the step at the index `at` is simplified in one way."""
    before, step, after = scenario.steps[:at], scenario.steps[at], scenario.steps[at + 1 :]
    if len(scenario.steps) > 1:
        yield Scenario(before + after)
    if isinstance(step, Open):
        yield _as_request(scenario, at, step)
    yield from (Scenario((*before, simpler, *after)) for simpler in _simpler_steps(step))


def _as_request(scenario: Scenario, at: int, opened: Open) -> Scenario:
    """Replace all steps of a stream by one complete request, at the position of its step `opened`."""
    own = [s for s in scenario.steps if isinstance(s, BodyChunk | Trailers | Leave) and s.stream == opened.stream]
    body = b"".join(s.data for s in own if isinstance(s, BodyChunk))
    whole = Send(opened.method, opened.path, opened.headers, body, http2=opened.http2, worker=opened.worker)
    return Scenario(tuple(s for s in (*scenario.steps[:at], whole, *scenario.steps[at + 1 :]) if s not in own))


def _simpler_scripts(script: Script) -> Iterator[Script]:
    if not script.hosts:
        yield replace(script, hosts=True)
    for which in ("responses", "services"):
        responses: tuple[ServiceResponse, ...] = getattr(script, which)
        if responses:
            yield from _with_defaults(script, **{which: ()})
        for at, response in enumerate(responses):
            yield from _with_defaults(script, **{which: responses[:at] + responses[at + 1 :]})
            for simpler in _simpler_responses(response):
                yield from _with_defaults(script, **{which: (*responses[:at], simpler, *responses[at + 1 :])})


def _simpler_responses(response: ServiceResponse) -> Iterator[ServiceResponse]:
    match response:
        case HttpServiceResponse():
            names = ("status", "headers", "body", "trailers", "latency", "reset", "refused")
            yield from _with_defaults(response, **{name: getattr(HttpServiceResponse(), name) for name in names})
            yield from (replace(response, body=body) for body in _shorter(response.body))
        case GrpcServiceResponse():
            yield from _with_defaults(response, messages=(), message="", latency=0.0, reset=False, status=None)
            for at, message in enumerate(response.messages):
                before, after = response.messages[:at], response.messages[at + 1 :]
                yield replace(response, messages=before + after)
                yield from (replace(response, messages=(*before, part, *after)) for part in _shorter(message))
        case TcpServiceResponse():
            yield from _with_defaults(response, data=b"", close=False, latency=0.0)
            yield from (replace(response, data=data) for data in _shorter(response.data))


def _simpler_steps(step: Step) -> Iterator[Step]:
    match step:
        case Send():
            yield from _with_defaults(
                step, path="/", http2=False, trailers=(), headers=(), method="GET", body=b"", chunks=None, worker=1
            )
            if step.chunks is not None:
                yield replace(step, chunks=None, body=b"".join(step.chunks))
            yield from (replace(step, body=body) for body in _shorter(step.body))
            yield from _fewer_headers(step)
            yield from (replace(step, path=path) for path in _shorter_paths(step.path))
        case Open():
            yield from _with_defaults(step, path="/", http2=False, method="GET", headers=(), end=True, worker=1)
            yield from _fewer_headers(step)
            yield from (replace(step, path=path) for path in _shorter_paths(step.path))
        case BodyChunk():
            yield from _with_defaults(step, data=b"")
            yield from (replace(step, data=data) for data in _shorter(step.data))
        case Trailers():
            yield from _with_defaults(step, headers=())
        case Connect():
            yield from _with_defaults(step, worker=1)
        case Data():
            yield from _with_defaults(step, end=False)
            yield from (replace(step, data=data) for data in _shorter(step.data))
        case Reconfigure():
            yield from (replace(step, config=config) for config in _simpler_json(step.config))
        case Enqueue():
            yield from (replace(step, item=item) for item in (b"", *_shorter(step.item)))
        case Script():
            yield from _simpler_scripts(step)
        case Pass():
            yield from (Pass(seconds) for seconds in (0.1, 1.0, 5.0) if seconds < step.seconds)


def _with_defaults(step: Any, **plain: Any) -> Iterator[Any]:
    for name, value in plain.items():
        if getattr(step, name) != value:
            yield replace(step, **{name: value})


def _fewer_headers(step: Send | Open) -> Iterator[Step]:
    for at, (name, value) in enumerate(step.headers):
        yield replace(step, headers=step.headers[:at] + step.headers[at + 1 :])
        for shorter in _shorter(value):
            yield replace(step, headers=(*step.headers[:at], (name, shorter), *step.headers[at + 1 :]))


def _shorter_paths(path: str) -> Iterator[str]:
    head, mark, query = path.partition("?")
    if mark:
        yield head
        yield from (
            f"{head}?{'&'.join(part for part in query.split('&') if part != removed)}" for removed in query.split("&")
        )
    parts = head.split("/")[1:]
    for at in range(len(parts)):
        yield "/" + "/".join(parts[:at] + parts[at + 1 :]) + mark + query


def _simpler_json(data: bytes) -> Iterator[bytes]:
    """Yield simpler versions of JSON data, in which a member is removed or simplified. Other data is shortened."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        yield from _shorter(data)
        return
    if not isinstance(value, dict):
        return
    for name, member in value.items():
        rest = {key: other for key, other in value.items() if key != name}
        yield json.dumps(rest).encode()
        simples: tuple[Any, ...] = (0, "", [])
        for simple in simples:
            if len(json.dumps(simple)) < len(json.dumps(member)):
                yield json.dumps({**value, name: simple}).encode()


def _shorter(data: bytes) -> Iterator[bytes]:
    """Yield both halves of the data and, if the data is short, copies from which one byte is removed."""
    if len(data) > 1:
        half = len(data) // 2
        yield data[:half]
        yield data[half:]
        yield data[: len(data) - len(data) // 4]
    if 0 < len(data) <= 40:
        yield from (data[:at] + data[at + 1 :] for at in range(len(data)))
