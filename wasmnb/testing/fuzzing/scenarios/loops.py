"""Repetition of scenarios for memory measurements. Each repetition can contain a different number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .scenario import BodyChunk, Connect, Data, Enqueue, Open, Pairs, Pass, Reconfigure, Scenario, Send, Settle, Step

__all__ = ["COUNTER", "insert_number", "repeatable_groups", "repetitions_for", "with_counter"]

#: Placeholder for the number of the repetition, in paths, header values and bodies.
COUNTER = "0NUMBER0"

_MARK = COUNTER.encode()

#: Types of steps in which the filter runs.
_ACTIVE_STEPS = (Send, Open, Connect, Enqueue)

#: Maximum number of steps in a group. Longer scenarios aren't repeated.
_MAX_STEPS = 8


def repeatable_groups(scenario: Scenario) -> list[Scenario]:
    """Return the parts of a scenario that can be repeated: each single request, or otherwise the whole scenario."""
    steps = tuple(s for s in scenario.steps if not isinstance(s, Pass | Reconfigure | Settle))
    if all(isinstance(s, Send) for s in steps):
        return [Scenario((s,)) for s in steps[:3]]
    return [Scenario(steps)] if len(steps) <= _MAX_STEPS and any(isinstance(s, _ACTIVE_STEPS) for s in steps) else []


def repetitions_for(unit: Scenario, requests: int) -> int:
    """Return the number of repetitions of a scenario after which `requests` requests have been sent."""
    return -(-requests // max(1, sum(isinstance(s, _ACTIVE_STEPS) for s in unit.steps)))


def with_counter(scenario: Scenario) -> Scenario:
    """Insert the placeholder into the paths, header values, bodies and messages of a scenario."""
    return Scenario(tuple(map(_with_counter, scenario.steps)))


def _with_counter(step: Step) -> Step:
    match step:
        case Send():
            body = step.body + _MARK if step.body and step.body[:1] not in b"{[" else step.body
            return replace(
                step, path=_path_with_counter(step.path), headers=_headers_with_counter(step.headers), body=body
            )
        case Open():
            return replace(step, path=_path_with_counter(step.path), headers=_headers_with_counter(step.headers))
        case Data():
            line = step.data.rstrip(b"\r\n")
            return replace(step, data=line + _MARK + step.data[len(line) :]) if line else step
        case Enqueue():
            return replace(step, item=step.item + _MARK)
    return step


def _path_with_counter(target: str) -> str:
    path, mark, query = target.partition("?")
    return f"{path.rstrip('/')}/{COUNTER}{mark}{query}"


def _headers_with_counter(pairs: Pairs) -> Pairs:
    return tuple((n, v + _MARK) for n, v in pairs if n not in (b"content-length", b"content-type"))


def insert_number(scenario: Scenario, number: int) -> Scenario:
    """Replace the placeholder in a scenario by a number."""
    text, data = str(number), str(number).encode()

    def substitute(value: bytes) -> bytes:
        return value.replace(_MARK, data)

    return Scenario(tuple(_insert_number(step, substitute, text) for step in scenario.steps))


def _insert_number(step: Step, substitute: Callable[[bytes], bytes], text: str) -> Step:
    match step:
        case Send() | Open():
            headers = tuple((n, substitute(v)) for n, v in step.headers)
            step = replace(step, path=step.path.replace(COUNTER, text), headers=headers)
            return replace(step, body=substitute(step.body)) if isinstance(step, Send) else step
        case Data() | BodyChunk():
            return replace(step, data=substitute(step.data))
        case Enqueue():
            return replace(step, item=substitute(step.item))
    return step
