"""Findings of the fuzzer and their report."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UsageError
from ...view import document_of, to_html, visible
from ...view.render.escape import NEWLINES
from ...view.render.units import plural
from .scenarios.scenario import Scenario

__all__ = ["KINDS", "Fault", "Finding", "FuzzReport"]

#: Kind of fault -> headline.
KINDS = {
    "trap": "the filter traps",
    "hang": "a callback does not return",
    "stuck": "a stream is never resumed",
    "growth": "memory grows without end",
    "misuse": "Envoy would crash",
}


class _Pasteable:
    """Base of objects that a notebook draws as HTML; as text, their tests can be copied unchanged."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": to_html(document_of(self)), "text/plain": str(self)}


class Fault(NamedTuple):
    """What findings of the same fault have in common: its kind, and the last line of the message without digits."""

    kind: str
    message: str


@dataclass
class Finding(_Pasteable):
    """A fault with the smallest scenario that reproduces it.

    Attributes
    ----------
    kind
        `trap`, `hang`, `stuck`, `growth` or `misuse` (use of the ABI that would crash Envoy).
    message
        Description of the fault, with the traceback if it has one.
    scenario
        The smallest failing scenario.
    test
        A complete pytest test that fails until the fault is fixed.
    seconds
        Real seconds from the start of the search to the fault.
    tried
        Number of scenarios from the start of the search to the fault.
    repeats
        For `growth`: repetitions of the scenario in a round of the test.
    """

    kind: str
    message: str
    scenario: Scenario
    test: str
    seconds: float
    tried: int
    repeats: int = 1

    @property
    def fault(self) -> Fault:
        """The fault. It is equal for findings of the same fault."""
        return Fault(self.kind, re.sub(r"\d+", "", self.message.splitlines()[-1] if self.message else ""))

    def __str__(self) -> str:
        """Return kind and message, then the test."""
        rule = "-" * 100
        effort = f"found after {self.seconds:.1f} s and {plural(self.tried, 'scenario')}; as a test:"
        return f"{self.kind}: {visible(self.message, NEWLINES)}\n{effort}\n{rule}\n{self.test}{rule}"

    def __repr__(self) -> str:
        return f"<Finding {self.kind}: {self.message.splitlines()[-1][:100]}>"


@dataclass
class FuzzReport(_Pasteable):
    """The result of a search. Notebooks draw it; `print` writes it as text. It is true if it has findings.

    Attributes
    ----------
    name
        Name of the filter.
    findings
        One finding for each different fault.
    tried
        Number of scenarios that were run.
    seconds
        Real seconds of the search.
    features
        Number of different callbacks, hostcalls, results and log lines that occurred, a measure of coverage.
    interrupted
        Whether the user stopped the search.
    activity
        Current activity, for a display of the progress. Empty after the search.
    messages
        Sentences about searches on an executor that were lost.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    features: int = 0
    interrupted: bool = False
    activity: str = ""
    messages: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Number of scenarios, for the progress on an executor."""
        return self.tried

    def add(self, other: FuzzReport) -> None:
        """Add the report of another search: its effort, and the findings that this one doesn't have. Merging is associative."""
        known = {finding.fault for finding in self.findings}
        self.findings += [finding for finding in other.findings if finding.fault not in known]
        self.tried += other.tried
        self.seconds = max(self.seconds, other.seconds)
        self.features = max(self.features, other.features)
        self.interrupted |= other.interrupted
        self.messages += other.messages

    def __bool__(self) -> bool:
        """Whether there are findings."""
        return bool(self.findings)

    @property
    def progress(self) -> str:
        """Current activity and counts, in one line."""
        findings = f", {len(self.findings)} found" if self.findings else ""
        return f"{self.activity}: {plural(self.tried, 'scenario')}{findings}"

    @property
    def summary(self) -> str:
        """Findings and effort, in one line."""
        faults = ", ".join(f"{f.kind} ({KINDS[f.kind]})" for f in self.findings) or "nothing wrong"
        stopped = "; interrupted" if self.interrupted else ""
        effort = f"{plural(self.tried, 'scenario')}, {self.seconds:.1f} s, {plural(self.features, 'feature')}"
        return f"{self.name}: {faults} ({effort}{stopped})" if self else f"{self.name}: {faults} in {effort}{stopped}"

    def __str__(self) -> str:
        """Return every finding with its test, and the summary."""
        return "\n\n".join([*map(str, self.findings), *self.messages, self.summary])

    def __repr__(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> list[Path]:
        """Write each finding's test to a file.

        Parameters
        ----------
        path
            File of the first test, a `.py`. Further tests go to the same folder with a number in their names.

        Returns
        -------
        list[Path]
            The files that were written.

        Raises
        ------
        UsageError
            `path` isn't a `.py` file, can't be written, or exists and wasn't written by a search.
        """
        first = Path(path)
        if first.suffix != ".py":
            raise UsageError(f"{first} is not a .py file. Pass the name of a .py file for the test.")
        files = [first if not n else first.with_stem(f"{first.stem}_{n + 1}") for n in range(len(self.findings))]
        for file, finding in zip(files, self.findings, strict=True):
            if file.exists() and '\n    """Found by fuzzing: ' not in file.read_text(
                encoding="utf-8", errors="replace"
            ):
                raise UsageError(f"{file} exists and wasn't written by a search. Pass another name.")
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(finding.test, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{file} can't be written: {error.strerror or error}. Pass another path.") from None
        return files

    def as_dict(self) -> dict[str, Any]:
        """Return the report in plain types, for JSON."""
        findings = [
            {"kind": f.kind, "message": f.message, "test": f.test, "seconds": round(f.seconds, 3), "tried": f.tried}
            for f in self.findings
        ]
        return {
            "name": self.name, "findings": findings, "tried": self.tried, "seconds": round(self.seconds, 3),
            "features": self.features, "interrupted": self.interrupted, "messages": self.messages,
        }  # fmt: skip
