"""Hunts for scenarios on which the two proxies do not agree, and prints the smallest that it finds."""

import sys

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from . import normal, real, simulated
from .compare import differences
from .generated import generated
from .scenario import Outcome, Scenario


def disagreement(scenario: Scenario) -> list:
    """Differences that show twice; none if Envoy crashes on it."""
    ours = _whole(simulated.run(scenario))
    for _ in range(2):
        theirs = _whole(real.run(scenario))
        if any("Envoy crashed" in part.client for part in theirs.parts):
            return []
        found = differences(theirs, ours)
        if not found:
            return []
    return found


def _whole(outcome: Outcome) -> Outcome:
    """Without requests that never became whole: whether the upstream sees their beginning depends on the moment."""
    blocks = [b for b in normal.blocks(outcome.upstream) if "  cut off" not in b]
    outcome.upstream = [line for block in blocks for line in block]
    return outcome


def describe(scenario: Scenario, found: list) -> str:
    """A scenario and its differences, to be read."""
    lines = [f"plugin {p.name}:\n    " + p.script.replace("\n", "\n    ") for p in scenario.plugins]
    return "\n".join([*map(str, scenario.steps), *lines, *map(str, found)])


def explore(examples: int, seed: int, *, shrink: bool = True) -> int:
    """Try so many scenarios; print the first disagreement, made small."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    @given(generated())
    def agree(scenario: Scenario) -> None:
        found = disagreement(scenario)
        if found:
            raise AssertionError(describe(scenario, found))

    try:
        agree()
    except AssertionError as error:
        print(error)
        return 1
    print(f"{examples} scenarios agree (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(explore(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
