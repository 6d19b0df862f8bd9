"""What a fuzzer found, and each finding as a pytest test that can be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .runner import Fault, Settings
from .scenario import OF_STREAM, Answer, Body, Leave, Open, Pairs, Pass, Scenario, Script, Send, Settle, Step, Trailers

__all__ = ["COUNTER", "Finding", "FuzzReport", "write_test"]

#: Stands in paths, header values and bodies where each repetition has another number.
COUNTER = "0NUMBER0"

_TEST_NAMES = {
    "trap": "test_the_filter_does_not_trap",
    "hang": "test_no_callback_hangs",
    "stuck": "test_no_stream_stays_paused",
    "growth": "test_memory_does_not_grow",
    "misuse": "test_envoy_would_not_crash",
}


@dataclass
class Finding:
    """A fault with the smallest scenario that shows it.

    Attributes
    ----------
    kind
        `trap`, `hang`, `stuck`, `growth` or `misuse` (of the ABI, such that Envoy would crash).
    message
        What happened, with the traceback if there is one.
    scenario
        The smallest one that was found.
    repeats
        How often the scenario is repeated in a round of a test for growth.
    test
        A pytest test, complete, that fails as long as the fault is there.
    seconds, tried
        When it was found: real seconds and scenarios since the start.
    """

    kind: str
    message: str
    scenario: Scenario
    test: str
    seconds: float
    tried: int
    repeats: int = 1

    def __str__(self) -> str:
        """Kind and message, then the test."""
        rule = "-" * 100
        return f"{self.kind}: {self.message}\nfound after {self.seconds:.1f} s and {self.tried} scenarios\n{rule}\n{self.test}{rule}"


@dataclass
class FuzzReport:
    """The outcome of a search.

    Attributes
    ----------
    findings
        One for each fault that differs from the others.
    tried, seconds
        Scenarios that were run, and real time.
    features
        Different things that were seen to happen: the more, the deeper the search went.
    interrupted
        The search was stopped by hand.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    features: int = 0
    interrupted: bool = False

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.findings)

    def __str__(self) -> str:
        """Every finding with its test, and a summary."""
        what = ", ".join(f.kind for f in self.findings) or "nothing wrong"
        stopped = ", interrupted" if self.interrupted else ""
        summary = f"{self.name}: {what} in {self.tried} scenarios and {self.seconds:.1f} s ({self.features} features{stopped})"
        return "\n".join([*map(str, self.findings), summary])

    def __repr__(self) -> str:
        return f"<FuzzReport {self.name}: {len(self.findings)} findings in {self.tried} scenarios>"


# -- a scenario as a test -------------------------------------------------------------------------------------------


def write_test(fault: Fault, scenario: Scenario, settings: Settings, called: Iterable[str], repeats: int) -> str:
    """A pytest test that fails as long as the fault is there.

    Parameters
    ----------
    called
        Clusters that the filter asked for, or was given; in the test they all answer alike.
    repeats
        Repetitions in a round, for growth.
    """
    writer = _Writer(fault, scenario, settings, sorted(called), repeats)
    body = list(writer.body())
    summary = fault.message.splitlines()[-1].replace("\\", "\\\\").replace('"', "'")[:100]
    head = [
        *writer.imports(), "", f"FILTER = {_source_of(settings.filter)}", "", "",
        f"def {_TEST_NAMES[fault.kind]}(wasm_proxy):",
        f'    """Found by fuzzing: {summary}"""',
    ]  # fmt: skip
    return "\n".join([*head, *(f"    {line}".rstrip() for line in body)]) + "\n"


class _Writer:
    def __init__(self, fault: Fault, scenario: Scenario, settings: Settings, called: list[str], repeats: int) -> None:
        self.fault = fault
        self.scenario = scenario
        self.settings = settings
        self.called = called
        self.repeats = repeats
        self.growth = fault.kind == "growth"
        self.names = {"assert_memory_steady" if self.growth else "assert_sound"}
        self.counted = COUNTER in repr(scenario)
        self.scripts = [s for s in scenario.steps if isinstance(s, Script)]

    def imports(self) -> list[str]:
        first = ["from itertools import count", ""] if self.counted else []
        return [*first, f"from wasmnb.testing import {', '.join(sorted(self.names))}"]

    def body(self) -> Iterator[str]:
        yield from self._upstreams()
        yield f"proxy = wasm_proxy({', '.join(self._arguments())})"
        steps = list(self._steps())
        if not self.growth:
            yield from steps
            yield "assert_sound(proxy)"
            return
        if self.counted:
            yield "numbers = count()"
        yield ""
        yield "def again():"
        yield from (f"    {line}" for line in (["number = next(numbers)"] if self.counted else []) + steps)
        yield ""
        yield f"assert_memory_steady(proxy, again, times={self.repeats})"

    def _upstreams(self) -> Iterator[str]:
        if any(s.answers for s in self.scripts):
            yield f"origin = {self._scripted(self._first('answers'))}"
        if self.called:
            yield f"service = {self._scripted(self._first('services'))}"

    def _first(self, which: str) -> tuple[Answer, ...]:
        """What the very first step scripts; later scripts are steps of the test."""
        first = self.scenario.steps[0] if self.scenario.steps else None
        return getattr(first, which) if isinstance(first, Script) else ()

    def _scripted(self, answers: tuple[Answer, ...]) -> str:
        self.names |= {"response", "upstream"}
        return f"upstream({', '.join(map(_answer, answers or (Answer(),)))})"

    def _arguments(self) -> Iterator[str]:
        settings = self.settings
        yield "FILTER"
        for name in ("config", "vm_config"):
            if getattr(settings, name) is not None:
                yield f"{name}={getattr(settings, name)!r}"
        if settings.workers != 1:
            yield f"workers={settings.workers}"
        if any(s.answers for s in self.scripts):
            yield "upstream=origin"
        if self.called:
            yield f"clusters={{{', '.join(f'{_quoted(name)}: service' for name in self.called)}}}"
        if self.fault.kind == "hang":
            yield f"deadline={settings.deadline}"
        if self.fault.kind == "stuck":
            yield "idle_timeout=0"

    def _steps(self) -> Iterator[str]:
        ended: set[int] = set()
        opened: dict[int, str] = {}
        for at, step in enumerate(self.scenario.steps):
            if at or not isinstance(step, Script):
                yield from self._step(step, opened, ended)
        yield from _end(opened, ended)

    def _step(self, step: Step, opened: dict[int, str], ended: set[int]) -> Iterator[str]:
        if isinstance(step, OF_STREAM) and not isinstance(step, Open):
            if step.stream not in opened or (step.stream in ended and not isinstance(step, Leave)):
                return
            if not isinstance(step, Body) or step.end:
                ended.add(step.stream)
        match step:
            case Send():
                yield f"proxy.request({', '.join(self._request(step))})"
            case Open() if step.stream not in opened:
                opened[step.stream] = name = "stream" if not opened else f"stream{len(opened) + 1}"
                if step.end:
                    ended.add(step.stream)
                yield f"{name} = proxy.open({', '.join(self._opening(step))})"
            case Body():
                yield f"{opened[step.stream]}.send_body({_literal(step.data)}{', end=True' if step.end else ''})"
            case Trailers():
                yield f"{opened[step.stream]}.send_trailers({_pairs(step.headers)})"
            case Leave():
                yield f"{opened[step.stream]}.reset()"
            case Pass():
                yield f"proxy.advance({step.seconds})"
            case Settle():
                yield from _end(opened, ended)
                self.names.add("wait_for_all")
                yield "wait_for_all(proxy)"
            case Script():
                yield from self._rescript(step)

    def _rescript(self, step: Script) -> Iterator[str]:
        for name, answers, there in (("origin", step.answers, True), ("service", step.services, bool(self.called))):
            used = there and (name != "origin" or any(s.answers for s in self.scripts))
            if used:
                yield f"{name}.script({', '.join(map(_answer, answers or (Answer(),)))})"

    def _request(self, step: Send) -> Iterator[str]:
        yield f"{_quoted(step.method)}"
        yield _text(step.path)
        if step.headers:
            yield f"headers={_pairs(step.headers)}"
        if step.chunks is not None:
            yield f"chunks=[{', '.join(map(_literal, step.chunks))}]"
        elif step.body:
            yield f"body={_literal(step.body)}"
        if step.trailers:
            yield f"trailers={_pairs(step.trailers)}"
        if step.http2:
            yield "http2=True"
        if sum(not isinstance(s, Script) for s in self.scenario.steps) > 1:
            yield "wait=0"

    def _opening(self, step: Open) -> Iterator[str]:
        yield f"{_quoted(step.method)}"
        yield _text(step.path)
        if step.headers:
            yield f"headers={_pairs(step.headers)}"
        if step.end:
            yield "end=True"
        if step.http2:
            yield "http2=True"


def _end(opened: dict[int, str], ended: set[int]) -> Iterator[str]:
    for stream, name in opened.items():
        if stream not in ended:
            ended.add(stream)
            yield f"if not {name}.exchange.done:"
            yield f'    {name}.send_body(b"", end=True)'


def _answer(answer: Answer) -> str:
    parts = [str(answer.status)]
    if answer.body:
        parts.append(_literal(answer.body))
    if answer.headers:
        parts.append(f"headers={_pairs(answer.headers)}")
    if answer.trailers:
        parts.append(f"trailers={_pairs(answer.trailers)}")
    if answer.latency:
        parts.append(f"latency={answer.latency}")
    if answer.reset:
        parts.append("reset=True")
    return f"response({', '.join(parts)})"


def _pairs(pairs: Pairs) -> str:
    return f"[{', '.join(f'({_short(n)}, {_short(v)})' for n, v in pairs)}]"


def _short(data: bytes) -> str:
    """Text where it is ASCII."""
    return _text(data.decode()) if data.isascii() else _literal(data)


def _text(text: str) -> str:
    return _counted(_quoted(text))


def _quoted(value: Any) -> str:
    """A literal in double quotes, if it has none inside."""
    literal = repr(value)
    start = 2 if isinstance(value, bytes) else 1
    if literal[start - 1] == '"' or '"' in literal:
        return literal
    return literal[: start - 1] + '"' + literal[start:-1].replace("\\'", "'") + '"'


def _literal(data: bytes) -> str:
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{_quoted(data[:1])} * {len(data)}"
    if COUNTER.encode() not in data:
        return _quoted(data)
    return f'{_quoted(data)}.replace(b"{COUNTER}", b"%d" % number)'


def _counted(literal: str) -> str:
    if COUNTER not in literal:
        return literal
    return "f" + literal.replace("{", "{{").replace("}", "}}").replace(COUNTER, "{number}")


def _source_of(filters: Any) -> str:
    chosen = filters[0] if isinstance(filters, list | tuple) and filters else filters
    chosen = getattr(chosen, "filter", chosen)
    filename = str(getattr(chosen, "filename", ""))
    source = getattr(chosen, "source", None)
    if source is None or Path(filename).is_file():
        return repr(filename)
    text = source.strip("\n")
    if "'''" in text or text.endswith(("\\", "'")):
        lines = "\n".join(f"    {line!r}" for line in source.splitlines(keepends=True))
        return f"(\n{lines}\n)"
    return f"{'r' if chr(92) in text else ''}'''\n{text}\n'''"
