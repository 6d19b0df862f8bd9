"""Every scenario: the simulated proxy and the real Envoy have the recorded outcome."""

import os

import pytest

from tests.conformance import real, record, simulated
from tests.conformance.catalogue import AREAS, scenarios
from tests.conformance.compare import differences
from tests.conformance.modules import PYTHON

#: `make test-fast` runs one in five scenarios of each area, evenly spread. The whole run has all of them.
FAST = 5


def _cases(area):
    simulated_ones = [s for s in scenarios(area) if not s.why_not]
    for number, scenario in enumerate(simulated_ones):
        yield pytest.param(scenario, id=f"{area}: {scenario.name}", marks=pytest.mark.slow if number % FAST else ())


CASES = [case for area in AREAS for case in _cases(area)]


@pytest.fixture(scope="module")
def recorded():
    return {area: record.read(area) for area in {p.values[0].area for p in CASES}}


#: A module that imports `asyncio`: its runtime is built first. Natively its scenarios need little time.
OWN_RUNTIME = "python:waits"


def _with_marks(case):
    """Mark scenarios with a runtime of their own as slow."""
    own = any(plug.module == OWN_RUNTIME for plug in case.values[0].plugins)
    return pytest.param(*case.values, id=case.id, marks=pytest.mark.slow if own else case.marks)


@pytest.mark.parametrize("scenario", [_with_marks(case) for case in CASES])
def test_simulated_proxy_has_the_recorded_outcome(scenario, recorded):
    differing = differences(recorded[scenario.area][scenario.name], simulated.run(scenario))
    assert not differing, "\n" + "\n".join(map(str, differing))


@pytest.mark.parametrize("scenario", [p for p in CASES if any(x.module.startswith(PYTHON) for x in (*p.values[0].plugins, *p.values[0].stats_sinks))])
def test_native_mode_has_the_recorded_outcome(scenario, recorded):
    differing = differences(recorded[scenario.area][scenario.name], simulated.run(scenario, native=True))
    assert not differing, "\n" + "\n".join(map(str, differing))


def _part(area):
    """At most 10 scenarios, evenly spread, to keep the whole test run short. `make conformance` runs all of them."""
    if os.environ.get("WASMNB_ALL_SCENARIOS"):
        return area
    return area[:: -(-len(area) // 10)]


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
@pytest.mark.timeout(1500)  # an area has up to a hundred scenarios, and each starts an Envoy
def test_envoy_has_the_recorded_outcome(area):
    """Time and sockets are real, so a scenario that differs runs a second time."""
    outcomes = record.read(area)
    for scenario in _part(scenarios(area)):
        differing = differences(outcomes[scenario.name], real.run(scenario))
        if differing:
            differing = differences(outcomes[scenario.name], real.run(scenario))
        if "crashes" in scenario.why_not:  # a crashing Envoy loses the end of its log
            differing = [d for d in differing if not d.field.endswith(" log")]
        assert not differing, f"{scenario.name}\n" + "\n".join(map(str, differing))


def test_every_scenario_is_recorded():
    for area in AREAS:
        assert [s.name for s in scenarios(area)] == list(record.read(area))
