"""Runner of test suites of Google's Service Extensions. Each test has its own VM and stream."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from ...abi import Pair
from ...abi.text import encode_text
from ...errors import UsageError, WasmnbError
from ...host import Plugin
from .checks import check_log, check_phase
from .errors import FixtureError, SourceLocation
from .phases import PhaseResult, PhaseRun
from .readers.http1 import HeaderProblem, parse_headers
from .results import CaseResult
from .suite import Case, Expectation, Input, Invocation, Suite

__all__ = ["SuiteRunner"]

#: Time of the clocks if a suite doesn't set `time_secs`, in seconds since 1970. It isn't 0, which Go treats as "no time".
_EPOCH = 0.001

_NO_EXPECTATION = Expectation()
_NO_INPUT = Input()


class SuiteRunner:
    """Runner of the tests of a suite.

    Parameters
    ----------
    suite
        The suite.
    path
        Path of the suite's file. Other files are searched in its folder.
    module
        The filter, as for `run_declarative`, or None for the module named in the suite.
    config
        Plugin configuration, or None for the configuration in the suite.

    Raises
    ------
    UsageError
        `module` is None, and the suite doesn't specify a module.
    FixtureError
        A file named in the suite can't be read.
    """

    def __init__(self, suite: Suite, path: Path, module: Any, config: bytes | None) -> None:
        self.suite = suite
        self.folder = path.parent
        env = suite.environment
        self.filter = module if module is not None else self._named_module()
        from_file = config is None and env.config_path
        self.config = self.read(env.config_path, env.place.into("config_path", 0)) if from_file else config or b""

    def _named_module(self) -> Any:
        from ...compiler import Filter

        path = self.suite.environment.wasm_path
        if not path:
            raise UsageError("The test file doesn't specify a module. Set env.wasm_path in the file, or pass module=.")
        return Filter.from_file(self._find(path))

    def _find(self, name: str) -> Path:
        """Return the path of a file in the suite's folder or, if it isn't there, in the current folder."""
        sibling = self.folder / name
        return sibling if sibling.exists() else Path(name)

    def read(self, name: str, place: SourceLocation) -> bytes:
        """Read a file named in a field of the suite. Raises FixtureError with the field's location if it can't be read."""
        try:
            return self._find(name).read_bytes()
        except OSError as error:
            raise FixtureError(f"file {name} can't be read: {error.strerror}. Check its path.", place) from error

    def run(self) -> list[CaseResult]:
        """Run all tests in order, and return their results."""
        return [self.case(case, number) for number, case in enumerate(self.suite.test, 1)]

    def case(self, case: Case, number: int) -> CaseResult:
        """Run one test. `number`, counted from 1, is its position in the suite."""
        result = CaseResult(case.name or f"test {number}", case.place.line)
        started = perf_counter()
        env = self.suite.environment
        seconds = _EPOCH if not env.time_secs else float(env.time_secs)
        properties = {encode_text(p.path): p.value for p in case.properties}
        try:
            plugin = Plugin(self.filter, name="test", config=self.config)
            with PhaseRun(plugin, level=env.level, seconds=seconds, properties=properties) as run:
                _CaseRun(self, case, run, result).play()
                result.log = run.log
        except WasmnbError as error:
            result.reasons.append(str(error))
        result.seconds = perf_counter() - started
        return result


class _CaseRun:
    """One run of a test on its own stream."""

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
        """Run a phase and check its result. Returns False if the VM has failed."""
        if isinstance(invocations, list):
            return all(self.body(name, side, invocation) for invocation in invocations)
        if invocations is None:
            return True
        actual = self.run.headers(side, self.pairs(invocations.input or _NO_INPUT, request=not side))
        return self.judge(name, invocations.result, actual, headers_phase=True)

    def body(self, name: str, side: int, invocation: Invocation) -> bool:
        actual = self.run.body(side, _chunks(self.content(invocation.input or _NO_INPUT), self.case))
        return self.judge(name, invocation.result, actual, headers_phase=False)

    def judge(self, name: str, expected: Expectation | None, actual: PhaseResult, *, headers_phase: bool) -> bool:
        if self.failed(name):
            return False
        checks = check_phase(expected or _NO_EXPECTATION, actual, self.runner.read, headers_phase=headers_phase)
        self.result.reasons += [f"{name}: {reason}" for reason in checks]
        return True

    def side_effects(self, name: str, expected: Expectation | None, log: list[str]) -> bool:
        """Check the lines logged while the plugin or stream started or ended. Returns False if the VM has failed."""
        if self.failed(name):
            return False
        checks = check_log(expected or _NO_EXPECTATION, log, self.runner.read)
        self.result.reasons += [f"{name}: {reason}" for reason in checks]
        return True

    def failed(self, name: str) -> bool:
        if self.run.failure:
            self.result.reasons.append(f"{name}: the VM failed: {self.run.failure}")
        return bool(self.run.failure)

    def pairs(self, phase_input: Input, *, request: bool) -> list[Pair]:
        """Return the input headers of a phase."""
        content = self.content(phase_input)
        if not content:
            return [(encode_text(h.key), h.value) for h in phase_input.header]
        try:
            return parse_headers(content, request=request)
        except HeaderProblem as error:
            raise FixtureError(f"the headers can't be read: {error}", phase_input.place) from error

    def content(self, phase_input: Input) -> bytes:
        """Return the input body of a phase, which is written in the suite or in a file named there."""
        if not phase_input.file:
            return phase_input.content
        return self.runner.read(phase_input.file, phase_input.place.into("file", 0))


def _chunks(data: bytes, case: Case) -> list[bytes]:
    """Split a body into chunks of the test's `chunk_size`, or into its `num_chunks`. The last chunk contains the rest."""
    if case.num_chunks is not None:
        size, max_cuts = max(1, len(data) // case.num_chunks), case.num_chunks - 1
    elif case.chunk_size is not None:
        size, max_cuts = case.chunk_size, len(data)
    else:
        return [data]
    cuts = list(range(size, len(data), size))[:max_cuts]
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
