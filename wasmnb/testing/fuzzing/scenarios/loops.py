"""Scenarios that are done again and again, with numbers in them that are others each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .scenario import Body, Connect, Data, Enqueue, Open, Pairs, Pass, Reconfigure, Scenario, Send, Settle, Step

__all__ = ["COUNTER", "groups_of", "numbered", "times_of", "with_counter"]

#: Stands in paths, header values and bodies where each repetition has another number.
COUNTER = "0NUMBER0"

_MARK = COUNTER.encode()

#: Steps in which a client or another plugin does something.
_DOING = (Send, Open, Connect, Enqueue)

#: Steps that a group may have; a longer scenario is no unit of repetition.
_LONGEST = 8


def groups_of(scenario: Scenario) -> list[Scenario]:
    """What can be repeated of a scenario: each request for itself if there are only requests, else the whole of it."""
    steps = tuple(s for s in scenario.steps if not isinstance(s, Pass | Reconfigure | Settle))
    if all(isinstance(s, Send) for s in steps):
        return [Scenario((s,)) for s in steps[:3]]
    return [Scenario(steps)] if len(steps) <= _LONGEST and any(isinstance(s, _DOING) for s in steps) else []


def times_of(unit: Scenario, requests: int) -> int:
    """Repetitions that make so many requests."""
    return -(-requests // max(1, sum(isinstance(s, _DOING) for s in unit.steps)))


def with_counter(scenario: Scenario) -> Scenario:
    """The same with a number in path, header values, bodies and messages."""
    return Scenario(tuple(map(_with_counter, scenario.steps)))


def _with_counter(step: Step) -> Step:
    match step:
        case Send():
            body = step.body + _MARK if step.body and step.body[:1] not in b"{[" else step.body
            return replace(step, path=_path(step.path), headers=_counted(step.headers), body=body)
        case Open():
            return replace(step, path=_path(step.path), headers=_counted(step.headers))
        case Data():
            line = step.data.rstrip(b"\r\n")
            return replace(step, data=line + _MARK + step.data[len(line) :]) if line else step
        case Enqueue():
            return replace(step, item=step.item + _MARK)
    return step


def _path(target: str) -> str:
    path, mark, query = target.partition("?")
    return f"{path.rstrip('/')}/{COUNTER}{mark}{query}"


def _counted(pairs: Pairs) -> Pairs:
    return tuple((n, v + _MARK) for n, v in pairs if n not in (b"content-length", b"content-type"))


def numbered(scenario: Scenario, number: int) -> Scenario:
    """A repetition of it."""
    text, data = str(number), str(number).encode()

    def put(value: bytes) -> bytes:
        return value.replace(_MARK, data)

    return Scenario(tuple(_numbered(step, put, text) for step in scenario.steps))


def _numbered(step: Step, put: Callable[[bytes], bytes], text: str) -> Step:
    match step:
        case Send() | Open():
            headers = tuple((n, put(v)) for n, v in step.headers)
            step = replace(step, path=step.path.replace(COUNTER, text), headers=headers)
            return replace(step, body=put(step.body)) if isinstance(step, Send) else step
        case Data() | Body():
            return replace(step, data=put(step.data))
        case Enqueue():
            return replace(step, item=put(step.item))
    return step
