"""Scenarios made at random agree, too. `python -m tests.conformance.explore 500 7` hunts for more."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance import simulated
from tests.conformance.explore import describe, disagreement
from tests.conformance.generated import generated

pytestmark = pytest.mark.slow

RELAXED = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


# Chance decides what random scenarios meet in real Envoy: resets race with headers there. `make conformance` runs it.
@pytest.mark.skipif("WASMNB_EXPLORE" not in os.environ, reason="random scenarios against Envoy: make conformance")
@pytest.mark.envoy
@pytest.mark.timeout(900)
@settings(max_examples=40, derandomize=True, **RELAXED)
@given(generated())
def test_both_proxies_do_the_same(scenario):
    found = disagreement(scenario)
    assert not found, "\n" + describe(scenario, found)


@settings(max_examples=100, derandomize=True, **RELAXED)
@given(generated())
def test_the_simulated_proxy_does_the_same_twice(scenario):
    assert simulated.run(scenario) == simulated.run(scenario)
