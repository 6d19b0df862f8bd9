"""The wheel and the sdist: they work without the repository."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]


def run(*command, cwd=None, **environment):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel, and the dependencies of this environment."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    others = [path for path in map(Path, sys.path) if path.name == "site-packages"] or [sysconfig.get_path("purelib")]
    (site_packages / "zz_dependencies.pth").write_text("".join(f"{path}\n" for path in others))
    return folder


def test_wheel_is_imported_from_its_own_environment(installed, tmp_path):
    path = run(installed / "bin" / "python", "-c", "import wasmnb; print(wasmnb.__file__)", cwd=tmp_path)
    assert path.startswith(str(installed))


def test_wheel_compiles_and_runs_a_filter(installed, tmp_path):
    (tmp_path / "hello.py").write_text(
        "class Hello(HttpContext):\n"
        "    def on_http_response_headers(self, num_headers, end_of_stream):\n"
        '        self.response_headers["x-hello"] = "yes"\n'
    )
    out = run(installed / "bin" / "wasmnb", "run", "hello.py", "--json", cwd=tmp_path, WASMNB_CACHE=str(tmp_path / "cache"))
    assert ["x-hello", "yes"] in json.loads(out)["exchanges"][0]["response"]["headers"]


def test_wheel_renders_the_panel(installed, tmp_path):
    script = "from wasmnb import Proxy; print(len(Proxy(workers=1).panel().widget._esm))"
    assert run(installed / "bin" / "python", "-c", script, cwd=tmp_path).split()[0].isdigit()


def test_tutorial_copies_the_notebooks(installed, tmp_path):
    out = run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)
    copied = sorted(path.name for path in (tmp_path / "course").glob("*.ipynb"))
    assert copied == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert f"course/{copied[0]}" in out
    run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)  # unchanged notebooks are copied again


def test_tutorial_keeps_changed_notebooks(installed, tmp_path):
    run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)
    changed = next((tmp_path / "course").glob("*.ipynb"))
    changed.write_text("{}")
    done = subprocess.run([installed / "bin" / "wasmnb", "tutorial", "course"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"other versions of {changed.name}. Use --force" in done.stderr
    assert changed.read_text() == "{}"
    run(installed / "bin" / "wasmnb", "tutorial", "course", "--force", cwd=tmp_path)
    assert changed.read_text() != "{}"


def test_sdist_builds_the_wheel(tmp_path):
    script = "from hatchling.builders.sdist import SdistBuilder; print(*SdistBuilder('.').build(directory=%r))" % str(tmp_path)
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin" / "python", "-m", "pip", "install", "--quiet", "hatchling>=1.27")
    run(environment / "bin" / "python", "-c", script, cwd=ROOT)
    archive = next(tmp_path.glob("*.tar.gz"))
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        tar.extractall(tmp_path / "source", filter="data")
    assert not [name for name in names if "/.cache/" in name or "/.venv/" in name or name.endswith(".wasm")]
    folder = next((tmp_path / "source").iterdir())
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path / "wheel", folder)
    assert list((tmp_path / "wheel").glob("*.whl"))
