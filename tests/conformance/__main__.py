"""`python -m tests.conformance`: agreement of the simulated proxy with the real Envoy, by area.

    (nothing)     compare with what Envoy did when the scenarios were recorded: seconds
    --live        run the real Envoy beside: two minutes
--record      run the real Envoy and keep what it did (after a look at the difference)
--check       run the real Envoy and compare with what was kept
AREA ...      only these areas
--name TEXT   only scenarios whose name holds this
"""

import argparse
import sys
import time

from . import real, record
from .catalogue import AREAS, scenarios
from .compare import differences
from .scenario import Outcome, Scenario


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Agreement with the real Envoy.")
    parser.add_argument("areas", nargs="*", choices=[*AREAS, []], help="areas; all if none is given")
    parser.add_argument("--live", action="store_true", help="run the real Envoy beside the simulated proxy")
    parser.add_argument("--record", action="store_true", help="keep what the real Envoy does")
    parser.add_argument("--check", action="store_true", help="compare the real Envoy with what was kept")
    parser.add_argument("--name", default="", help="part of a scenario's name")
    options = parser.parse_args()
    chosen = options.areas or AREAS
    if options.record:
        return _record(chosen, options.name)
    if options.check:
        return _check(chosen, options.name)
    from .report import report

    return report(chosen, options.name, live=options.live)


def _record(areas: tuple[str, ...], name: str) -> int:
    began = time.monotonic()
    for area in areas:
        kept = record.read(area)
        outcomes: dict[str, Outcome] = {}
        for scenario in scenarios(area):
            old = kept.get(scenario.name)
            if name not in scenario.name and old is not None:
                outcomes[scenario.name] = old
                continue
            outcomes[scenario.name] = real.run(scenario)
            if old is not None:
                _show(scenario, old, outcomes[scenario.name])
        record.write(area, outcomes)
        print(f"{area}: {len(outcomes)} scenarios")
    print(f"{time.monotonic() - began:.0f} s")
    return 0


def _check(areas: tuple[str, ...], name: str) -> int:
    failed = total = 0
    for area in areas:
        kept = record.read(area)
        for scenario in scenarios(area):
            if name in scenario.name:
                total += 1
                failed += _show(scenario, kept.get(scenario.name, Outcome()), real.run(scenario))
    print(f"{total - failed} of {total} scenarios as recorded")
    return min(failed, 1)


def _show(scenario: Scenario, old: Outcome, new: Outcome) -> bool:
    found = differences(old, new)
    if found:
        print(f"{scenario.area}: {scenario.name}")
        print("\n".join(f"  {d}".replace("\n", "\n  ") for d in found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
