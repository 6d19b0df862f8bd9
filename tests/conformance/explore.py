"""Search for scenarios on which the two proxies disagree, and print the smallest one.

`python -m tests.conformance.explore 500 7` tries 500 scenarios with seed 7; a third number divides them between processes.
"""

import multiprocessing
import sys
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext

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
    """Return the differences that occur in every run. Empty if Envoy crashes."""
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


def search(examples: int, seed: int, disagree=disagreement) -> str:
    """Try a number of scenarios, and return the smallest disagreement as text. Empty if there is none."""

    @seeded(seed)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(generated())
    def agree(scenario: Scenario) -> None:
        differing = disagree(scenario)
        if differing:
            raise AssertionError(describe(scenario, differing))

    try:
        agree()
    except AssertionError as error:
        return str(error)
    return ""


def explore(examples: int, seed: int, executor: Executor | None = None, parts: int = 1, disagree=disagreement) -> list[str]:
    """Try a number of scenarios. With an executor, they are divided into parts, each with its own seed.

    If the process of a part dies, the result contains its seed and the disagreements of the other parts.
    """
    if executor is None:
        return [text for text in [search(examples, seed, disagree)] if text]
    seeds = [seed + part for part in range(parts)]
    futures = [executor.submit(search, -(-examples // parts), each, disagree) for each in seeds]
    texts = []
    for each, future in zip(seeds, futures):
        try:
            texts.append(future.result())
        except Exception as error:  # one part doesn't cost the others
            texts.append(f"The part with seed {each} is lost: {type(error).__name__}: {error}")
    return [text for text in texts if text]


def main(arguments: list[str]) -> int:
    examples, seed, processes = (int(text) for text in [*arguments, *("500", "0", "1")[len(arguments) :]])
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) if processes > 1 else nullcontext()
    with pool as executor:
        disagreements = explore(examples, seed, executor, processes)
    print("\n\n".join(disagreements) or f"{examples} scenarios agree (seed {seed})")
    return int(bool(disagreements))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
