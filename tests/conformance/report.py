"""Report of the agreement between the simulated proxy and the real Envoy, by area, with all differences."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import real, record, simulated
from .catalogue import AREAS, scenarios
from .compare import Difference, differences, fields_compared
from .scenario import Outcome, Scenario

TABLE = Path(__file__).parent / "AGREEMENT.md"


@dataclass
class Score:
    """Agreement in one area."""

    area: str
    scenarios: int = 0
    agree: int = 0
    fields: int = 0
    fields_agree: int = 0
    excused: list[str] = field(default_factory=list)
    failed: list[tuple[Scenario, list[Difference] | str]] = field(default_factory=list)


def judge(scenario: Scenario, expected: Outcome) -> list[Difference] | str:
    """Return the differences, or a text if the simulated proxy can't run the scenario."""
    try:
        actual = simulated.run(scenario)
    except simulated.NotSimulated as missing:
        return f"not simulated: {missing}"
    except Exception as error:  # an error of the host is a result here
        return f"{type(error).__name__}: {error}"
    return differences(expected, actual)


def score(area: str, name: str = "", *, live: bool = False) -> Score:
    """Compare an area's scenarios with their records, or with the real Envoy."""
    recorded = record.read(area)
    result = Score(area)
    for scenario in scenarios(area):
        if name not in scenario.name:
            continue
        expected = real.run(scenario) if live else recorded.get(scenario.name, Outcome())
        if scenario.why_not:
            result.excused.append(f"{scenario.name}: {scenario.why_not}")
            continue
        count = fields_compared(expected)
        verdict = judge(scenario, expected)
        missed = count if isinstance(verdict, str) else len(verdict)
        result.scenarios += 1
        result.agree += not verdict
        result.fields += count
        result.fields_agree += max(0, count - missed)
        if verdict:
            result.failed.append((scenario, verdict))
    return result


def report(areas: Sequence[str], name: str = "", *, live: bool = False) -> int:
    """Print the differences and the table, and write the table. Return the exit code."""
    scores = [score(area, name, live=live) for area in areas]
    for s in scores:
        for scenario, verdict in s.failed:
            print(f"{s.area}: {scenario.name}")
            text = verdict if isinstance(verdict, str) else "\n".join(map(str, verdict))
            print("  " + text.replace("\n", "\n  "))
    text = table(scores)
    print(text)
    if not name and tuple(areas) == AREAS:
        TABLE.write_text(text + "\n")
    return min(1, sum(len(s.failed) for s in scores))


def table(scores: Sequence[Score]) -> str:
    """Return a Markdown table."""
    lines = ["| area | scenarios | agree | fields | agree |", "| --- | ---: | ---: | ---: | ---: |"]
    total = Score("**all**")
    for s in scores:
        lines.append(_row(s))
        for name in ("scenarios", "agree", "fields", "fields_agree"):
            setattr(total, name, getattr(total, name) + getattr(s, name))
    lines.append(_row(total))
    excused = [f"* {s.area}: {text}" for s in scores for text in s.excused]
    return "\n".join([*lines, *(["", "Not compared:", "", *excused] if excused else [])])


def _row(s: Score) -> str:
    return f"| {s.area} | {s.scenarios} | {_percent(s.agree, s.scenarios)} | {s.fields} | {_percent(s.fields_agree, s.fields)} |"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
