"""The short form of the attack with interrupts: nothing dies, no VM stays behind."""

import pytest

from tests.attack.interrupts import OPERATIONS, UNCERTAIN, interrupt

COUNT = 60


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_interrupts_at_random_moments_kill_nothing_and_leave_no_vm(name):
    found = interrupt(name, COUNT, seed=1)
    assert found["exit"] == 0, found["stderr"]
    assert found["errors"] == []
    assert found["interrupted"] == COUNT
    assert found["left"]["instances"] <= 0
    assert found["left"]["vms"] <= UNCERTAIN
    assert found["left"]["files"] == 0
    assert found["left"]["threads"] <= 1
