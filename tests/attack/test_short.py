"""Short attacks: hostile modules, kills, and runs without growth."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.attack import builds, kills, long_runs, modules
from wasmnb import Filter


@pytest.mark.slow
def test_hostile_modules_are_refused_without_a_crash():
    counts = modules.attack(250, first=1_000_000)
    assert counts["deaths"] == []
    assert counts["faults"] == []
    assert counts["modules"] == 250
    assert min(counts["outcomes"][name] for name in ("ran", "trapped", "ModuleError")) > 5


@pytest.mark.slow
def test_runtime_and_module_have_the_same_bytes_in_another_environment(tmp_path):
    (tmp_path / "auth.py").write_text(builds.SOURCE)
    (tmp_path / "helper.py").write_text(builds.HELPER)
    Filter.from_file(tmp_path / "auth.py").save(tmp_path / "auth.wasm", debug=True)
    environment = {**os.environ, **builds.ENVIRONMENTS[1]}
    command = [sys.executable, "-m", "wasmnb.cli", "build", "--check", "auth.wasm", "--fresh", "-q"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.slow
def test_next_start_removes_remains_of_killed_processes():
    with tempfile.TemporaryDirectory() as folder:
        counts = kills.attack(8, Path(folder), ("store", "add", "compile_apart", "build"))
    assert counts.pop("left before") > 0
    assert counts == {"kills": 8, "orphans": 0, "left after": 0, "damaged entries": 0, "strange files": []}


@pytest.mark.slow
@pytest.mark.parametrize("work", ["proxies", "dropped"])
def test_proxies_leak_neither_files_nor_threads(work):
    figures = long_runs.run_for(work, 3)
    assert figures["exit"] == 0
    assert figures["files per 1,000"] <= 1
    assert figures["threads per 1,000"] <= 1
