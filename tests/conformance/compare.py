"""Comparison of two outcomes of one scenario, field by field."""

from dataclasses import dataclass
from difflib import unified_diff

from .scenario import Outcome


@dataclass(frozen=True)
class Difference:
    """One field that differs."""

    field: str
    expected: list[str]
    actual: list[str]

    def __str__(self) -> str:
        """Return a diff: `-` is Envoy, `+` the simulated proxy."""
        lines = list(unified_diff(self.expected, self.actual, "envoy", "simulated", lineterm="", n=1))[2:]
        return "\n".join([self.field, *(f"    {line}" for line in lines)])


def differences(expected: Outcome, actual: Outcome) -> list[Difference]:
    """Return the fields that differ; `expected` is the real Envoy's outcome."""
    ours = dict(actual.fields())
    additional = [n for n, _ in actual.fields() if n not in dict(expected.fields())]
    result = [
        Difference(name, lines, ours.get(name, [])) for name, lines in expected.fields() if lines != ours.get(name, [])
    ]
    return result + [Difference(name, [], ours[name]) for name in additional if ours[name]]


def fields_compared(expected: Outcome) -> int:
    """Return the number of fields that a comparison counts: those that are not empty."""
    return sum(1 for _, lines in expected.fields() if lines) or 1
