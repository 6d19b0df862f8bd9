"""Makes a failing scenario as small as it can get in the time there is, keeping it failing in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

from .scenario import Answer, Body, Leave, Open, Pass, Scenario, Script, Send, Step, Trailers

__all__ = ["shrink"]


def shrink(scenario: Scenario, fails: Callable[[Scenario], bool], seconds: float) -> Scenario:
    """The smallest scenario that was found.

    Parameters
    ----------
    fails
        Whether a scenario still shows the fault.
    seconds
        Real seconds that this may take.
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
                scenario = simpler  # and look at the same place again
    return scenario


def _fewer_steps(scenario: Scenario, fails: Callable[[Scenario], bool], until: float) -> Scenario:
    """Leave out runs of steps, long ones first."""
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
    """Scenarios that are simpler by one thing in the step at a place."""
    before, step, after = scenario.steps[:at], scenario.steps[at], scenario.steps[at + 1 :]
    if len(scenario.steps) > 1:
        yield Scenario(before + after)
    if isinstance(step, Open):
        yield _in_one(scenario, at, step)
    yield from (Scenario((*before, simpler, *after)) for simpler in _simpler_steps(step))


def _in_one(scenario: Scenario, at: int, opened: Open) -> Scenario:
    """A stream that is sent piece by piece as one request, where it is opened."""
    own = [s for s in scenario.steps if isinstance(s, Body | Trailers | Leave) and s.stream == opened.stream]
    body = b"".join(s.data for s in own if isinstance(s, Body))
    whole = Send(opened.method, opened.path, opened.headers, body, http2=opened.http2)
    return Scenario(tuple(s for s in (*scenario.steps[:at], whole, *scenario.steps[at + 1 :]) if s not in own))


def _simpler_scripts(script: Script) -> Iterator[Script]:
    for which in ("answers", "services"):
        there: tuple[Answer, ...] = getattr(script, which)
        if there:
            yield replace(script, **{which: ()})
        for at, answer in enumerate(there):
            yield replace(script, **{which: there[:at] + there[at + 1 :]})
            for simpler in _simpler_answers(answer):
                yield replace(script, **{which: (*there[:at], simpler, *there[at + 1 :])})


def _simpler_answers(answer: Answer) -> Iterator[Answer]:
    plain = Answer()
    for name in ("status", "headers", "body", "trailers", "latency", "reset"):
        if getattr(answer, name) != getattr(plain, name):
            yield replace(answer, **{name: getattr(plain, name)})
    yield from (replace(answer, body=body) for body in _shorter(answer.body))


def _simpler_steps(step: Step) -> Iterator[Step]:
    match step:
        case Send():
            yield from _changes(
                step, path="/", http2=False, trailers=(), headers=(), method="GET", body=b"", chunks=None
            )
            if step.chunks is not None:
                yield replace(step, chunks=None, body=b"".join(step.chunks))
            yield from (replace(step, body=body) for body in _shorter(step.body))
            yield from _fewer_headers(step)
            yield from (replace(step, path=path) for path in _shorter_paths(step.path))
        case Open():
            yield from _changes(step, path="/", http2=False, method="GET", headers=(), end=True)
            yield from _fewer_headers(step)
            yield from (replace(step, path=path) for path in _shorter_paths(step.path))
        case Body():
            yield from _changes(step, data=b"")
            yield from (replace(step, data=data) for data in _shorter(step.data))
        case Trailers():
            yield from _changes(step, headers=())
        case Script():
            yield from _simpler_scripts(step)
        case Pass():
            yield from (Pass(seconds) for seconds in (0.1, 1.0, 5.0) if seconds < step.seconds)


def _changes(step: Any, **plain: Any) -> Iterator[Any]:
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
            f"{head}?{'&'.join(part for part in query.split('&') if part != left)}" for left in query.split("&")
        )
    parts = head.split("/")[1:]
    for at in range(len(parts)):
        yield "/" + "/".join(parts[:at] + parts[at + 1 :]) + mark + query


def _shorter(data: bytes) -> Iterator[bytes]:
    """Halves, and the data without one of its bytes if there are few."""
    if len(data) > 1:
        half = len(data) // 2
        yield data[:half]
        yield data[half:]
        yield data[: len(data) - len(data) // 4]
    if 0 < len(data) <= 40:
        yield from (data[:at] + data[at + 1 :] for at in range(len(data)))
