"""The comparison with wasmtime finds faults: chosen ones, and one in each handler (`make test-release`) or in some of them."""

import os

import pytest

from tests.release.planted_faults import CHOSEN, HANDLERS, IN_ATTRIBUTES, Finder

pytestmark = pytest.mark.slow

TRIED = [*CHOSEN, *(list(HANDLERS) if os.environ.get("WASMNB_ALL_SCENARIOS") else list(HANDLERS)[::20])]


@pytest.fixture(scope="module")
def finder():
    finder = Finder()
    yield finder
    finder.closed.set()


@pytest.mark.parametrize("fault", TRIED)
def test_planted_fault_is_found(finder, fault):
    assert finder.seed({**CHOSEN, **HANDLERS}[fault], translates=fault in IN_ATTRIBUTES) is not None
