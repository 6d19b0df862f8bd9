"""Reruns of tests with real time are counted at the end of a run."""

import shutil
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow  # each test starts pytest

TESTS = """
    from pathlib import Path

    import pytest

    @pytest.mark.envoy
    def test_fails_once():
        marker = Path(__file__).with_suffix(".ran")
        if not marker.exists():
            marker.touch()
            raise AssertionError("first run")

    @pytest.mark.browser
    def test_passes():
        pass

    @pytest.mark.slow
    def test_always_fails():
        assert False

    def test_plain():
        assert True

    def test_plain_fails():
        assert False
"""


@pytest.fixture
def session(pytester):
    """Function that runs tests with the conftest of this project."""
    shutil.copy(Path(__file__).with_name("conftest.py"), pytester.path)
    pytester.makeini("[pytest]\nmarkers = envoy\n  browser\n  slow")
    pytester.makepyfile(TESTS)
    return lambda *options: pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:wasmnb", *options)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_summary_counts_and_names_reruns(session, processes):
    result = session("-n", processes)
    result.stdout.fnmatch_lines(["Reruns of Envoy, browser and slow tests: 2"])
    result.stdout.fnmatch_lines_random(["  *.py::test_fails_once", "    E *AssertionError: first run", "  *.py::test_always_fails"])
    result.assert_outcomes(passed=3, failed=2)


def test_summary_counts_zero_reruns(session):
    result = session("-k", "test_passes")
    result.stdout.fnmatch_lines(["Reruns of Envoy, browser and slow tests: 0"])


def test_summary_is_omitted_without_such_tests(session):
    result = session("-k", "test_plain and not fails")
    result.stdout.no_fnmatch_line("Reruns of*")
