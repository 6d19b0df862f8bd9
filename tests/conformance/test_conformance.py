"""Every scenario: the simulated proxy does what was recorded, and Envoy still does."""

import pytest

from tests.conformance import real, record, simulated
from tests.conformance.catalogue import AREAS, scenarios
from tests.conformance.compare import differences
from tests.conformance.modules import PYTHON

CASES = [pytest.param(s, id=f"{area}: {s.name}") for area in AREAS for s in scenarios(area) if not s.why_not]


@pytest.fixture(scope="module")
def recorded():
    return {area: record.read(area) for area in {p.values[0].area for p in CASES}}


@pytest.mark.parametrize("scenario", CASES)
def test_the_simulated_proxy_does_what_envoy_did(scenario, recorded):
    found = differences(recorded[scenario.area][scenario.name], simulated.run(scenario))
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize("scenario", [p for p in CASES if any(x.module.startswith(PYTHON) for x in p.values[0].plugins)])
def test_native_mode_does_what_envoy_did(scenario, recorded):
    found = differences(recorded[scenario.area][scenario.name], simulated.run(scenario, native=True))
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_envoy_still_does_what_was_recorded(area):
    """Real time and real sockets: what differs once is tried once more."""
    kept = record.read(area)
    for scenario in scenarios(area):
        found = differences(kept[scenario.name], real.run(scenario))
        if found:
            found = differences(kept[scenario.name], real.run(scenario))
        if "crashes" in scenario.why_not:  # how much of its log a crashing Envoy has written is chance
            found = [d for d in found if not d.field.endswith(" log")]
        assert not found, f"{scenario.name}\n" + "\n".join(map(str, found))


def test_every_scenario_is_recorded():
    for area in AREAS:
        assert [s.name for s in scenarios(area)] == list(record.read(area))
