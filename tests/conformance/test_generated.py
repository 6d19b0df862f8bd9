"""Random scenarios have the same outcome. `python -m tests.conformance.explore 500 7` tries more of them."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conformance import simulated
from tests.conformance.explore import describe, disagreement, explore
from tests.conformance.generated import generated

pytestmark = pytest.mark.slow

RELAXED = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


# In the real Envoy resets race with headers, so that the outcome may vary. `make conformance` runs this test.
@pytest.mark.skipif("WASMNB_EXPLORE" not in os.environ, reason="random scenarios against Envoy: make conformance")
@pytest.mark.envoy
@pytest.mark.timeout(900)
@settings(max_examples=40, derandomize=True, **RELAXED)
@given(generated())
def test_both_proxies_have_the_same_outcome(scenario):
    differing = disagreement(scenario)
    assert not differing, "\n" + describe(scenario, differing)


@settings(max_examples=100, derandomize=True, **RELAXED)
@given(generated())
def test_simulated_proxy_has_the_same_outcome_twice(scenario):
    assert simulated.run(scenario) == simulated.run(scenario)


def _same_twice(scenario):
    return [] if simulated.run(scenario) == simulated.run(scenario) else ["another outcome"]


def _dies(scenario):
    os.kill(os.getpid(), 9)


def test_parts_on_an_executor_count_although_one_dies():
    from concurrent.futures import ProcessPoolExecutor
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as pool:
        assert explore(6, 1, pool, 2, _same_twice) == []
    with ProcessPoolExecutor(1, context) as pool:
        lost = explore(4, 1, pool, 2, _dies)
    assert [text.partition(" is lost")[0] for text in lost] == ["The part with seed 1", "The part with seed 2"]
