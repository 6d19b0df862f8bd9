"""The files of docs/testing.md are a project whose tests pass."""

import re
from pathlib import Path

import pytest

from wasmnb.compiler.cache.places import cache_folder

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL))
CACHE = cache_folder()


@pytest.fixture
def project(pytester, monkeypatch):
    """Function that runs pytest in the page's project."""
    monkeypatch.setenv("WASMNB_CACHE", str(CACHE))
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)

    def run(*options):
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers", *options
        ).parseoutcomes()

    return run


def test_python_blocks_are_files():
    assert PAGE.count("```python") == len(FILES)
    assert len(FILES) == 8


@pytest.mark.slow
def test_tests_of_the_page_pass(project):
    outcomes = project("--wasm-update", "-m", "not envoy")
    assert set(outcomes) <= {"passed", "deselected"}
    assert outcomes["passed"] >= 16
    assert project("test_trace.py") == {"passed": 3}


def test_snapshot_equals_the_text_of_the_page(project, pytester):
    project("--wasm-update", "test_trace.py")
    written = (pytester.path / "__snapshots__" / "test_trace" / "test_trace_of_a_known_user.txt").read_text()
    shown = next(text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if text.startswith("worker-1"))
    assert shown in written


@pytest.mark.envoy
def test_envoy_tests_of_the_page_pass(project):
    outcomes = project("-m", "envoy")
    assert set(outcomes) <= {"passed", "skipped", "deselected"}


def test_page_names_the_functions_of_the_kit():
    import wasmnb.testing as kit

    internal = {"Finding", "FuzzReport", "Scenario", "replay", "DeclarativeResult", "FixtureError", "ScriptedUpstream"}
    rarely_used = {"exchange", "snapshot", "assert_snapshot", "callouts", "wait_for_all"}
    assert {name for name in kit.__all__ if name not in PAGE} <= internal | rarely_used
