"""`python -m tests.conformance`: agreement of the simulated proxy with the real Envoy, by area.

    (no option)   compare with the recorded outcomes of the real Envoy: seconds
    --live        compare with the real Envoy, which runs each scenario now: two minutes
    --record      run the real Envoy and record its outcomes, after printing the differences
    --check       compare the real Envoy with its recorded outcomes
    AREA ...      only these areas
    --name TEXT   only scenarios with this text in their name
"""

import argparse
import sys
import time

from . import real, record
from .catalogue import AREAS, scenarios
from .compare import differences
from .scenario import Outcome, Scenario


def main() -> int:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Agreement with the real Envoy.")
    parser.add_argument("areas", nargs="*", choices=[*AREAS, []], help="areas (default: all)")
    parser.add_argument("--live", action="store_true", help="compare with the real Envoy, which runs each scenario now")
    parser.add_argument("--record", action="store_true", help="run the real Envoy and record its outcomes")
    parser.add_argument("--check", action="store_true", help="compare the real Envoy with its recorded outcomes")
    parser.add_argument("--name", default="", help="part of a scenario's name")
    options = parser.parse_args()
    areas = options.areas or AREAS
    if options.record:
        return _record(areas, options.name)
    if options.check:
        return _check(areas, options.name)
    from .report import report

    return report(areas, options.name, live=options.live)


def _record(areas: tuple[str, ...], name: str) -> int:
    began = time.monotonic()
    for area in areas:
        recorded = record.read(area)
        outcomes: dict[str, Outcome] = {}
        for scenario in scenarios(area):
            old = recorded.get(scenario.name)
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
        recorded = record.read(area)
        for scenario in scenarios(area):
            if name in scenario.name:
                total += 1
                failed += _show(scenario, recorded.get(scenario.name, Outcome()), real.run(scenario))
    print(f"{total - failed} of {total} scenarios as recorded")
    return min(failed, 1)


def _show(scenario: Scenario, old: Outcome, new: Outcome) -> bool:
    """Print the differences, and return whether there are any."""
    changes = differences(old, new)
    if changes:
        print(f"{scenario.area}: {scenario.name}")
        print("\n".join(f"  {d}".replace("\n", "\n  ") for d in changes))
    return bool(changes)


if __name__ == "__main__":
    sys.exit(main())
