"""Compare two outcomes of a scenario, field by field."""

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
    """Return the fields that differ from `expected`, the real Envoy's outcome."""
    if expected.parts and expected.parts[-1].client == ["Envoy crashed"]:
        return _crash_differences(expected, actual)
    ours = dict(actual.fields())
    additional = [n for n, _ in actual.fields() if n not in dict(expected.fields())]
    result = [
        Difference(name, lines, ours.get(name, [])) for name, lines in expected.fields() if lines != ours.get(name, [])
    ]
    return result + [Difference(name, [], ours[name]) for name in additional if ours[name]]


def _crash_differences(expected: Outcome, actual: Outcome) -> list[Difference]:
    """Compare only the step of a crash, because the amount of log that Envoy writes before a crash varies."""
    ended = [part.title for part in actual.parts if part.client == ["Envoy crashed"]]
    steps = [[p.title for p in o.parts] for o in (expected, actual)]
    if ended and steps[0] == steps[1]:
        return []
    name = f"{len(expected.parts) - 1} {expected.parts[-1].title} / client"
    return [Difference(name, ["Envoy crashed"], actual.parts[-1].client if actual.parts else [])]


def fields_compared(expected: Outcome) -> int:
    """Return the number of fields that aren't empty, which a comparison counts."""
    return sum(1 for _, lines in expected.fields() if lines) or 1
