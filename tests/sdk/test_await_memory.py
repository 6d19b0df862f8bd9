"""Awaited callouts do not leave objects in the VM."""

import pytest

from tests.benchmarks.await_memory import EACH, simulated

pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)
def test_memory_does_not_grow_over_100_000_awaited_callouts():
    before, after = simulated(100_000)
    assert after.memory == before.memory
    assert after.calls == before.calls == 0
    assert after.objects - before.objects < EACH, "less than one object in a thousand callouts"
