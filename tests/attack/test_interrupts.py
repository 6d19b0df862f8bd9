"""A short attack with interrupts: no process dies, and no VM is left over."""

import pytest

from tests.attack.interrupts import OPERATIONS, UNCERTAIN, interrupt

#: `make attack` interrupts each operation more often.
COUNT = 30


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_interrupts_at_random_moments_neither_crash_nor_leak_vms(name):
    counts = interrupt(name, COUNT, seed=1)
    assert counts["exit"] == 0, counts["stderr"]
    assert counts["errors"] == []
    assert counts["interrupted"] == COUNT
    assert counts["left"]["instances"] <= 0
    assert counts["left"]["vms"] <= UNCERTAIN
    assert counts["left"]["files"] == 0
    assert counts["left"]["threads"] <= 1
