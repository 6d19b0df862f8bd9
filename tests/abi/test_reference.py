"""Every function of the ABI has a test, and docs/abi.md lists them all."""

import pytest

from tests.abi import reference
from wasmnb.abi import CALLBACKS, HOSTCALLS
from wasmnb.abi.wasi import WASI_PREVIEW_1

EVERY = [*CALLBACKS, *HOSTCALLS, *WASI_PREVIEW_1]


@pytest.mark.parametrize("name", EVERY)
def test_every_function_has_a_test_or_a_reason(name):
    assert bool(reference.cover(name)) != (name in reference.EXCEPTIONS)


def test_reasons_are_given_for_functions_that_exist():
    assert set(reference.EXCEPTIONS) <= set(EVERY)
    assert all(reference.EXCEPTIONS.values())


def test_a_function_that_nobody_tests_is_not_covered():
    assert not reference.cover("proxy_on_" + "what_nobody_tests")


def test_the_document_has_every_function():
    # Its lists of tests grow with every test: `python -m tests.abi.reference` writes it anew.
    rows = [line.split("`")[1] for line in reference.DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted([*EVERY, *reference.EXCEPTIONS])
