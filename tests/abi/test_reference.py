"""Every function of the ABI has a test, and docs/abi.md lists all of them."""

import pytest

from tests.abi import reference
from wasmnb.abi import CALLBACKS, HOSTCALLS
from wasmnb.abi.wasi import WASI_PREVIEW_1

EVERY = [*CALLBACKS, *HOSTCALLS, *WASI_PREVIEW_1]


@pytest.mark.parametrize("name", EVERY)
def test_every_function_has_a_test_or_a_reason(name):
    assert bool(reference.cover(name)) != (name in reference.EXCEPTIONS)


def test_exceptions_are_functions_that_exist():
    assert set(reference.EXCEPTIONS) <= set(EVERY)
    assert all(reference.EXCEPTIONS.values())


def test_function_without_a_test_is_not_covered():
    assert not reference.cover("proxy_on_" + "no_such_thing")


def test_document_has_every_function():
    # Its lists of tests grow with every test: `python -m tests.abi.reference` writes it.
    rows = [line.split("`")[1] for line in reference.DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted([*EVERY, *reference.EXCEPTIONS])


def test_document_has_the_table_of_phases():
    assert reference.phases() in reference.DOCUMENT.read_text()
