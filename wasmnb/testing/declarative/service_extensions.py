"""Runs Google Service Extensions' suites, unchanged, on a module. Every test gets a VM and a stream of its own."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from ...abi import Pair
from ...errors import UsageError, WasmnbError
from ...host import Plugin
from .checks import check_log, check_phase
from .errors import FixtureError, SourceLocation
from .phases import PhaseRun
from .results import CaseResult
from .suite import Case, Expectation, Input, Invocation, Suite
from .syntax.http1 import HeaderProblem, parse_headers

__all__ = ["SuiteRunner"]

#: Where the clock stands if the file says nothing: just after the epoch, since Go takes 0 for "no time".
_EPOCH = 0.001

_NO_EXPECTATION = Expectation()
_NO_INPUT = Input()


class SuiteRunner:
    """Runs the cases of a suite.

    Parameters
    ----------
    suite, path
        What was read, and from where; files that it names are looked up beside it.
    module
        A filter; None for the one that the suite names.
    config
        Plugin configuration; None for what the suite names.
    """

    def __init__(self, suite: Suite, path: Path, module: Any, config: bytes | None) -> None:
        self.suite = suite
        self.folder = path.parent
        env = suite.environment
        self.filter = module if module is not None else self._named_module()
        named = config is None and env.config_path
        self.config = self.read(env.config_path, env.place.into("config_path", 0)) if named else config or b""

    def _named_module(self) -> Any:
        from ...compiler import Filter

        path = self.suite.environment.wasm_path
        if not path:
            raise UsageError("The test file names no module (env.wasm_path); give one.")
        return Filter.from_file(self._find(path))

    def _find(self, name: str) -> Path:
        """A file that the suite names: beside it, or where we are."""
        beside = self.folder / name
        return beside if beside.exists() else Path(name)

    def read(self, name: str, place: SourceLocation) -> bytes:
        """Content of a file that the suite names, in this field."""
        try:
            return self._find(name).read_bytes()
        except OSError as error:
            raise FixtureError(f"it names {name}, which cannot be read: {error.strerror}.", place) from error

    def run(self) -> list[CaseResult]:
        """All cases, in order."""
        return [self.case(case, number) for number, case in enumerate(self.suite.test, 1)]

    def case(self, case: Case, number: int) -> CaseResult:
        """One case."""
        result = CaseResult(case.name or f"test {number}", case.place.line)
        started = perf_counter()
        env = self.suite.environment
        seconds = _EPOCH if not env.time_secs else float(env.time_secs)
        given = {p.path.encode(): p.value for p in case.properties}
        try:
            plugin = Plugin(self.filter, name="test", config=self.config)
            with PhaseRun(plugin, level=env.level, seconds=seconds, properties=given) as run:
                _CaseRun(self, case, run, result).play()
                result.log = run.log
        except WasmnbError as error:
            result.reasons.append(str(error))
        result.seconds = perf_counter() - started
        return result


class _CaseRun:
    """One case on its stream."""

    def __init__(self, runner: SuiteRunner, case: Case, run: PhaseRun, result: CaseResult) -> None:
        self.runner = runner
        self.case = case
        self.run = run
        self.result = result

    def play(self) -> None:
        case, run = self.case, self.run
        if not self.side_effects("plugin_init", case.plugin_init, run.started):
            return
        if not self.side_effects("stream_init", case.stream_init, run.create()):
            return
        phases = (
            ("request_headers", 0, case.request_headers), ("request_body", 0, case.request_body),
            ("response_headers", 1, case.response_headers), ("response_body", 1, case.response_body),
        )  # fmt: skip
        for name, side, invocations in phases:
            if not self.phase(name, side, invocations):
                return
        self.side_effects("stream_destroy", case.stream_destroy, run.destroy())

    def phase(self, name: str, side: int, invocations: Invocation | list[Invocation] | None) -> bool:
        """One phase; False if the VM has failed."""
        if isinstance(invocations, list):
            return all(self.body(name, side, invocation) for invocation in invocations)
        if invocations is None:
            return True
        got = self.run.headers(side, self.pairs(invocations.input or _NO_INPUT, request=not side))
        return self.judge(name, invocations.result, got, headers_phase=True)

    def body(self, name: str, side: int, invocation: Invocation) -> bool:
        got = self.run.body(side, _chunks(self.content(invocation.input or _NO_INPUT), self.case))
        return self.judge(name, invocation.result, got, headers_phase=False)

    def judge(self, name: str, expected: Expectation | None, got: Any, *, headers_phase: bool) -> bool:
        if self.failed(name):
            return False
        checks = check_phase(expected or _NO_EXPECTATION, got, self.runner.read, headers_phase=headers_phase)
        self.result.reasons += [f"{name}: {reason}" for reason in checks]
        return True

    def side_effects(self, name: str, expected: Expectation | None, log: list[str]) -> bool:
        """What was logged at the ends of a life; False if the VM has failed."""
        if self.failed(name):
            return False
        checks = check_log(expected or _NO_EXPECTATION, log, self.runner.read)
        self.result.reasons += [f"{name}: {reason}" for reason in checks]
        return True

    def failed(self, name: str) -> bool:
        if self.run.failure:
            self.result.reasons.append(f"{name}: the VM failed: {self.run.failure}")
        return bool(self.run.failure)

    def pairs(self, given: Input, *, request: bool) -> list[Pair]:
        """A phase's input headers."""
        content = self.content(given)
        if not content:
            return [(h.key.encode(), h.value) for h in given.header]
        try:
            return parse_headers(content, request=request)
        except HeaderProblem as error:
            raise FixtureError(f"the headers cannot be read: {error}", given.place) from error

    def content(self, given: Input) -> bytes:
        """A phase's input as it stands there, or in the file that it names."""
        return self.runner.read(given.file, given.place.into("file", 0)) if given.file else given.content


def _chunks(data: bytes, case: Case) -> list[bytes]:
    """A body cut as the case says: pieces of a size, or so many pieces, the last of which takes the rest."""
    if case.num_chunks is not None:
        size, most = max(1, len(data) // case.num_chunks), case.num_chunks - 1
    elif case.chunk_size is not None:
        size, most = case.chunk_size, len(data)
    else:
        return [data]
    cuts = list(range(size, len(data), size))[:most]
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
