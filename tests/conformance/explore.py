"""Search for scenarios on which the two proxies disagree; the smallest one is printed.

`python -m tests.conformance.explore 500 7` tries 500 scenarios with seed 7.
"""

import sys

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from . import normal, real, simulated
from .compare import differences
from .generated import generated
from .scenario import Outcome, Scenario, Step, Wait

#: Runs in Envoy of a scenario that differs: on a busy machine a callout's response may come after the next chunk of a body.
_TRIES = 4

#: Seconds for the responses of callouts that outlive their request.
_AFTER = 0.12


def disagreement(scenario: Scenario) -> list:
    """Return the differences that occur in every run; none if Envoy crashes."""
    scenario = scenario.but(steps=[s for step in scenario.steps for s in _with_wait(step)])
    ours = _deterministic(simulated.run(scenario))
    for _ in range(_TRIES):
        theirs = _deterministic(real.run(scenario))
        if any("Envoy crashed" in part.client for part in theirs.parts):
            return []
        remaining = differences(theirs, ours)
        if not remaining:
            return []
    return remaining


def _with_wait(step: Step) -> list[Step]:
    return [step] if isinstance(step, Wait) else [step, Wait(_AFTER)]


def _deterministic(outcome: Outcome) -> Outcome:
    """Return the outcome without the parts that depend on timing.

    Log lines during a wait are moved to the step before it. Incomplete requests are left out, because timing decides whether
    the upstream sees their beginning.
    """
    for at in reversed(range(1, len(outcome.parts))):
        if outcome.parts[at].title.startswith("wait"):
            outcome.parts[at - 1].log += outcome.parts.pop(at).log
    blocks = [b for b in normal.blocks(outcome.upstream) if "  cut off" not in b]
    outcome.upstream = [line for block in blocks for line in block]
    return outcome


def describe(scenario: Scenario, differing: list) -> str:
    """Return a scenario and its differences as text."""
    lines = [f"plugin {p.name}:\n    " + p.script.replace("\n", "\n    ") for p in scenario.plugins]
    return "\n".join([*map(str, scenario.steps), *lines, *map(str, differing)])


def explore(examples: int, seed: int, *, shrink: bool = True) -> int:
    """Try a number of scenarios, and print the smallest disagreement. Return the exit code."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @seeded(seed)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=phases, suppress_health_check=list(HealthCheck)
    )
    @given(generated())
    def agree(scenario: Scenario) -> None:
        differing = disagreement(scenario)
        if differing:
            raise AssertionError(describe(scenario, differing))

    try:
        agree()
    except AssertionError as error:
        print(error)
        return 1
    print(f"{examples} scenarios agree (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(explore(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
