"""The short forms of the attack: hostile modules, kills, and runs in which nothing may grow without end."""

import tempfile
from pathlib import Path

import pytest

from tests.attack import kills, modules, soak


def test_hostile_modules_kill_nothing_and_are_refused_properly():
    found = modules.attack(250, first=1_000_000)
    assert found["deaths"] == []
    assert found["faults"] == []
    assert found["modules"] == 250
    assert min(found["outcomes"][name] for name in ("ran", "trapped", "ModuleError")) > 5


@pytest.mark.flaky(reruns=2)  # a kill can fall between two writes; the next start mends it
@pytest.mark.slow
def test_next_start_removes_what_kills_have_left():
    with tempfile.TemporaryDirectory() as folder:
        found = kills.attack(8, Path(folder), ("store", "add", "compile_apart", "build"))
    assert found.pop("left before") > 0
    assert found == {"kills": 8, "orphans": 0, "left after": 0, "damaged entries": 0, "strange files": []}


@pytest.mark.slow
@pytest.mark.parametrize("work", ["proxies", "dropped"])
def test_proxies_leave_no_file_and_no_thread(work):
    found = soak.soak(work, 5)
    assert found["exit"] == 0
    assert found["files per 1,000"] <= 1
    assert found["threads per 1,000"] <= 1
