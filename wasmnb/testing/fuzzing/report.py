"""Findings of the fuzzer, and the report of a search."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UsageError
from ...parsing.tracebacks import summary_of
from ...view import to_html, visible
from ...view.render.document import Document
from ...view.render.escape import NEWLINES
from ...view.render.units import plural
from .documents import finding_document, report_document
from .scenarios.scenario import Scenario

__all__ = ["KINDS", "Fault", "Finding", "FuzzReport"]

#: Kind of fault -> headline in a report.
KINDS = {
    "trap": "the filter traps",
    "hang": "a callback does not return",
    "stuck": "a stream is never resumed",
    "growth": "memory grows without end",
    "misuse": "Envoy would crash",
}


class _Pasteable:
    """Base class of objects that a notebook shows as HTML, and otherwise as text from which tests can be copied."""

    def document(self) -> Document:
        """Return the document to display."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": to_html(self.document()), "text/plain": str(self)}


class Fault(NamedTuple):
    """Identity of a fault, which is its kind and the exception in its message, or the last line, without digits."""

    kind: str
    message: str


@dataclass
class Finding(_Pasteable):
    """A fault found in a filter, with the smallest scenario that reproduces it.

    Attributes
    ----------
    kind
        Kind of the fault: `trap`, `hang`, `stuck`, `growth` or `misuse` (use of the ABI that would crash Envoy).
    message
        Description of the fault, with the traceback if there is one.
    scenario
        The smallest scenario that reproduces the fault.
    test
        A complete pytest test that fails until the fault is fixed.
    seconds
        Real seconds from the start of the search to the fault.
    tried
        Number of scenarios from the start of the search to the fault.
    repeats
        Number of repetitions of the scenario in each round of the test. Used only for `growth`.
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
        """Identity of the fault. Findings of the same fault have equal identities."""
        return Fault(self.kind, re.sub(r"\d+", "", summary_of(self.message)))

    def document(self) -> Document:
        """Return the document to display."""
        return finding_document(self)

    def __str__(self) -> str:
        """Return text with the kind and the message of the fault, and with the test."""
        rule = "-" * 100
        effort = f"found after {self.seconds:.1f} s and {plural(self.tried, 'scenario')}; as a test:"
        return f"{self.kind}: {visible(self.message, NEWLINES)}\n{effort}\n{rule}\n{self.test}{rule}"

    def __repr__(self) -> str:
        return f"<Finding {self.kind}: {summary_of(self.message)[:100]}>"


@dataclass
class FuzzReport(_Pasteable):
    """The result of a search. Notebooks show it as HTML, and `print` as text. Its truth value is whether it has findings.

    Attributes
    ----------
    name
        Name of the filter.
    findings
        One finding for each different fault.
    tried
        Number of scenarios that were run.
    seconds
        Duration of the search in real seconds.
    features
        Number of different callbacks, hostcalls, results and log lines that occurred, as a measure of coverage.
    interrupted
        Whether the user stopped the search.
    activity
        Current step of the search, for a progress display. Empty after the search.
    messages
        Messages about searches on an executor that were lost or ran twice.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    features: int = 0
    interrupted: bool = False
    activity: str = ""
    messages: list[str] = field(default_factory=list)

    def document(self) -> Document:
        """Return the document to display."""
        return report_document(self)

    @property
    def read(self) -> int:
        """Number of scenarios that were run, used for the progress of an executor."""
        return self.tried

    def add(self, other: FuzzReport) -> None:
        """Merge the report `other` of another search into this one. Findings of the same fault are merged into one."""
        known = {finding.fault for finding in self.findings}
        self.findings += [finding for finding in other.findings if finding.fault not in known]
        self.tried += other.tried
        self.seconds = max(self.seconds, other.seconds)
        self.features = max(self.features, other.features)
        self.interrupted |= other.interrupted
        self.messages += other.messages

    def __bool__(self) -> bool:
        """Return whether there are findings."""
        return bool(self.findings)

    @property
    def progress(self) -> str:
        """Return the current activity and the numbers of scenarios and findings, as one line."""
        findings = f", {len(self.findings)} found" if self.findings else ""
        return f"{self.activity}: {plural(self.tried, 'scenario')}{findings}"

    @property
    def summary(self) -> str:
        """Return the findings, the number of scenarios and the duration, as one line."""
        faults = ", ".join(f"{f.kind} ({KINDS[f.kind]})" for f in self.findings) or "nothing wrong"
        stopped = "; interrupted" if self.interrupted else ""
        effort = f"{plural(self.tried, 'scenario')}, {self.seconds:.1f} s, {plural(self.features, 'feature')}"
        return f"{self.name}: {faults} ({effort}{stopped})" if self else f"{self.name}: {faults} in {effort}{stopped}"

    def __str__(self) -> str:
        """Return text with every finding, its test, and the summary."""
        return "\n\n".join([*map(str, self.findings), *self.messages, self.summary])

    def __repr__(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> list[Path]:
        """Write each finding's test to a file.

        Parameters
        ----------
        path
            `.py` file for the first test. Other tests are written to the same folder, with a number in their file names.

        Returns
        -------
        list[Path]
            Paths of the written files.

        Raises
        ------
        UsageError
            `path` isn't a `.py` file, can't be written, or is an existing file that wasn't written by the fuzzer.
        """
        first = Path(path)
        if first.suffix != ".py":
            raise UsageError(f"{first} is not the name of a .py file. Pass a name that ends with .py.")
        files = [first if not n else first.with_stem(f"{first.stem}_{n + 1}") for n in range(len(self.findings))]
        for file, finding in zip(files, self.findings, strict=True):
            if file.exists() and '\n    """Found by fuzzing: ' not in file.read_text(
                encoding="utf-8", errors="replace"
            ):
                raise UsageError(f"{file} already exists and wasn't written by the fuzzer. Pass another name.")
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
