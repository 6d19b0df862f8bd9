"""Two outcomes of one scenario side by side, field by field."""

from dataclasses import dataclass
from difflib import unified_diff

from .scenario import Outcome


@dataclass(frozen=True)
class Difference:
    """One field that is not the same."""

    field: str
    wanted: list[str]
    found: list[str]

    def __str__(self) -> str:
        """As a diff: `-` is Envoy, `+` the simulated proxy."""
        lines = list(unified_diff(self.wanted, self.found, "envoy", "simulated", lineterm="", n=1))[2:]
        return "\n".join([self.field, *(f"    {line}" for line in lines)])


def differences(wanted: Outcome, found: Outcome) -> list[Difference]:
    """What is not the same; `wanted` is the real Envoy's."""
    ours = dict(found.fields())
    missing = [n for n, _ in found.fields() if n not in dict(wanted.fields())]
    result = [
        Difference(name, lines, ours.get(name, [])) for name, lines in wanted.fields() if lines != ours.get(name, [])
    ]
    return result + [Difference(name, [], ours[name]) for name in missing if ours[name]]


def fields_compared(wanted: Outcome) -> int:
    """How many fields a comparison with this outcome looks at: those in which anything is to be seen."""
    return sum(1 for _, lines in wanted.fields() if lines) or 1
