"""docs/testing.md is a project: its files are written, and its tests run."""

import re
from pathlib import Path

import pytest

from wasmnb.compiler.runtime.cache import cache_folder

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL))
CACHE = cache_folder()


@pytest.fixture
def project(pytester, monkeypatch):
    """The page's project; runs pytest in it."""
    monkeypatch.setenv("WASMNB_CACHE", str(CACHE))
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)

    def run(*options):
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers", *options
        ).parseoutcomes()

    return run


def test_every_block_of_python_is_a_file():
    assert PAGE.count("```python") == len(FILES)
    assert len(FILES) == 8


def test_the_tests_of_the_page_pass(project):
    outcomes = project("--wasm-update", "-m", "not envoy")
    assert set(outcomes) <= {"passed", "deselected"}
    assert outcomes["passed"] >= 16
    assert project("test_trace.py") == {"passed": 3}


def test_the_snapshot_is_what_the_page_shows(project, pytester):
    project("--wasm-update", "test_trace.py")
    written = (pytester.path / "__snapshots__" / "test_trace" / "test_what_it_does.txt").read_text()
    shown = next(text for text in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) if text.startswith("worker-1"))
    assert shown in written


@pytest.mark.envoy
def test_the_tests_of_the_page_that_need_envoy_pass(project):
    outcomes = project("-m", "envoy")
    assert set(outcomes) <= {"passed", "skipped", "deselected"}


def test_the_page_names_what_the_kit_has():
    import wasmnb.testing as kit

    internal = {"Finding", "FuzzReport", "Scenario", "replay", "DeclarativeResult", "FixtureError", "ScriptedUpstream"}
    less = {"exchange", "snapshot", "assert_snapshot", "callouts", "wait_for_all"}
    assert {name for name in kit.__all__ if name not in PAGE} <= internal | less
