"""What a fuzzer found: the report, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ...view import document_of, to_html, visible
from ...view.render.escape import NEWLINES
from ...view.render.units import plural
from .scenarios.scenario import Scenario

__all__ = ["KINDS", "Finding", "FuzzReport"]

#: What can be wrong, in the words of a headline.
KINDS = {
    "trap": "the filter traps",
    "hang": "a callback does not return",
    "stuck": "a stream is never resumed",
    "growth": "memory grows without end",
    "misuse": "Envoy would crash",
}


class _Pasteable:
    """Shows itself drawn in a notebook, and elsewhere as the text whose tests can be pasted as they are."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/html": to_html(document_of(self)), "text/plain": str(self)}


@dataclass
class Finding(_Pasteable):
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
        found = f"found after {self.seconds:.1f} s and {plural(self.tried, 'scenario')}; as a test:"
        return f"{self.kind}: {visible(self.message, NEWLINES)}\n{found}\n{rule}\n{self.test}{rule}"

    def __repr__(self) -> str:
        return f"<Finding {self.kind}: {self.message.splitlines()[-1][:100]}>"


@dataclass
class FuzzReport(_Pasteable):
    """The outcome of a search. In a notebook it shows itself; `print` gives the same as text.

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
    activity
        What the search does at the moment, for a display of its progress.
    """

    name: str
    findings: list[Finding] = field(default_factory=list)
    tried: int = 0
    seconds: float = 0.0
    features: int = 0
    interrupted: bool = False
    activity: str = ""

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.findings)

    @property
    def progress(self) -> str:
        """What goes on, in a few words."""
        found = f", {len(self.findings)} found" if self.findings else ""
        return f"{self.activity}: {plural(self.tried, 'scenario')}{found}"

    @property
    def summary(self) -> str:
        """One line: what was found, and how long was searched."""
        what = ", ".join(f"{f.kind} ({KINDS[f.kind]})" for f in self.findings) or "nothing wrong"
        stopped = "; interrupted" if self.interrupted else ""
        effort = f"{plural(self.tried, 'scenario')}, {self.seconds:.1f} s, {plural(self.features, 'feature')}"
        return f"{self.name}: {what} ({effort}{stopped})" if self else f"{self.name}: {what} in {effort}{stopped}"

    def __str__(self) -> str:
        """Every finding with its test, and a summary."""
        return "\n\n".join([*map(str, self.findings), self.summary])

    def __repr__(self) -> str:
        return str(self)

    def save(self, path: str | Path) -> list[Path]:
        """Write each finding's test to a file: the first to `path`, others beside it with a number; gives the files.

        Raises
        ------
        UsageError
            The file would replace the filter's own source, or cannot be written.
        """
        first = Path(path)
        if first.suffix != ".py":
            raise UsageError(f"Tests are written to a .py file, not to {first}.")
        files = [first if not n else first.with_stem(f"{first.stem}_{n + 1}") for n in range(len(self.findings))]
        for file, finding in zip(files, self.findings, strict=True):
            if file.exists() and '\n    """Found by fuzzing: ' not in file.read_text(
                encoding="utf-8", errors="replace"
            ):
                raise UsageError(f"{file} exists, and is no test that a search has written; give another name.")
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(finding.test, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{file} cannot be written: {error.strerror or error}.") from None
        return files

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = [
            {"kind": f.kind, "message": f.message, "test": f.test, "seconds": round(f.seconds, 3), "tried": f.tried}
            for f in self.findings
        ]
        return {
            "name": self.name, "findings": told, "tried": self.tried, "seconds": round(self.seconds, 3),
            "features": self.features, "interrupted": self.interrupted,
        }  # fmt: skip
