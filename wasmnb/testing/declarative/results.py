"""What a declarative test file resulted in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["CaseResult", "DeclarativeResult"]


@dataclass
class CaseResult:
    """One test.

    Attributes
    ----------
    name, line
        As the file has it.
    reasons
        Why it failed, one for each expectation that was not met; empty if it passed.
    log
        What the filter logged.
    seconds
        How long it took.
    exchange
        The exchange, for fixtures that send a whole request.
    file
        Its file, if it is one of a folder's.
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
        """Nothing was amiss."""
        return not self.reasons

    def as_dict(self) -> dict[str, Any]:
        """In plain types."""
        names = ("name", "file", "line", "passed", "reasons", "log", "seconds")
        return {name: getattr(self, name) for name in names}


@dataclass
class DeclarativeResult:
    """A file, or several.

    Attributes
    ----------
    path, kind
        The file, and whose format it is in.
    cases
        In the order of the file.
    """

    path: str
    kind: str
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """All cases passed, and there are some: what runs no test says nothing about the filter."""
        return bool(self.cases) and not self.failed

    @property
    def failed(self) -> list[CaseResult]:
        """Cases that did not."""
        return [case for case in self.cases if not case.passed]

    def as_dict(self) -> dict[str, Any]:
        """In plain types."""
        cases = [case.as_dict() for case in self.cases]
        return {"path": self.path, "kind": self.kind, "passed": self.passed, "cases": cases}

    def __str__(self) -> str:
        """A line for each case, with reasons below those that failed, and a summary."""
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
        good = len(self.cases) - len(self.failed)
        return f"{self.path}: {f'{good} of {len(self.cases)} passed' if self.cases else 'no test was run'}"
