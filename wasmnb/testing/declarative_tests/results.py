"""Results of declarative tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["CaseResult", "DeclarativeResult"]


@dataclass
class CaseResult:
    """Result of one declarative test.

    Attributes
    ----------
    name
        Name of the test.
    line
        Line of the test in its file.
    reasons
        Descriptions of all failed expectations. Empty if the test passed.
    log
        Lines logged by the filter.
    seconds
        Duration of the test in real seconds.
    exchange
        The exchange of a fixture's request. None for tests of a suite, which don't send whole requests.
    file
        Name of the test file if a folder was run, otherwise empty.
    """

    name: str
    line: int = 0
    reasons: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0
    exchange: Any = None
    file: str = ""

    @property
    def passed(self) -> bool:
        """Whether all expectations were met."""
        return not self.reasons

    def as_dict(self) -> dict[str, Any]:
        """Return the result in plain types, for JSON."""
        names = ("name", "file", "line", "passed", "reasons", "log", "seconds")
        return {name: getattr(self, name) for name in names}


@dataclass
class DeclarativeResult:
    """Results of all tests in a file or a folder.

    Attributes
    ----------
    path
        Path of the file or folder.
    kind
        Format of the tests: `service-extensions`, `fastedge-test`, or `several` for a folder.
    cases
        Results of the tests, in the order of the file.
    """

    path: str
    kind: str
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all tests passed. False if no test was run."""
        return bool(self.cases) and not self.failed

    @property
    def failed(self) -> list[CaseResult]:
        """Results of the tests that failed."""
        return [case for case in self.cases if not case.passed]

    def as_dict(self) -> dict[str, Any]:
        """Return the result in plain types, for JSON."""
        cases = [case.as_dict() for case in self.cases]
        return {"path": self.path, "kind": self.kind, "passed": self.passed, "cases": cases}

    def __str__(self) -> str:
        """Return text with a line for each test, the reasons for failures, and a summary."""
        lines: list[str] = []
        file = ""
        for case in self.cases:
            if case.file != file:
                file = case.file
                lines.append(f"{file}:")
            lines.append(f"{'ok  ' if case.passed else 'FAIL'} {case.name}")
            lines += [f"     {line}" for reason in case.reasons for line in reason.splitlines()]
        return "\n".join([*lines, self._summary])

    def __repr__(self) -> str:
        return f"<DeclarativeResult {self._summary}>"

    @property
    def _summary(self) -> str:
        passed = len(self.cases) - len(self.failed)
        return f"{self.path}: {f'{passed} of {len(self.cases)} passed' if self.cases else 'no test was run'}"
