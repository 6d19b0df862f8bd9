"""Hunts for scenarios on which the two proxies do not agree, and prints the smallest that it finds."""

import sys

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from . import normal, real, simulated
from .compare import differences
from .generated import generated
from .scenario import Outcome, Scenario, Step, Wait

#: Runs in Envoy of a scenario that differs: on a busy machine a callout's answer may come after the next chunk of a body.
_TRIES = 4

#: Seconds in which callouts are answered that outlive the request that made them.
_AFTER = 0.12


def disagreement(scenario: Scenario) -> list:
    """Differences that show every time; none if Envoy crashes on it."""
    scenario = scenario.but(steps=[s for step in scenario.steps for s in _waited_for(step)])
    ours = _whole(simulated.run(scenario))
    for _ in range(_TRIES):
        theirs = _whole(real.run(scenario))
        if any("Envoy crashed" in part.client for part in theirs.parts):
            return []
        found = differences(theirs, ours)
        if not found:
            return []
    return found


def _waited_for(step: Step) -> list[Step]:
    return [step] if isinstance(step, Wait) else [step, Wait(_AFTER)]


def _whole(outcome: Outcome) -> Outcome:
    """As far as it is no matter of the moment.

    What comes to light while the client waits belongs to the step before. Requests that never became whole are left out:
    whether the upstream sees their beginning depends on the moment.
    """
    for at in reversed(range(1, len(outcome.parts))):
        if outcome.parts[at].title.startswith("wait"):
            outcome.parts[at - 1].log += outcome.parts.pop(at).log
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
