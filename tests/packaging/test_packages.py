"""The wheel and the sdist: they work without the repository."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from wasmnb.compiler import build_runtime

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(*command, cwd=None, **environment):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The source distribution, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    script = "from hatchling.builders.sdist import SdistBuilder; print(*SdistBuilder('.').build(directory=%r))" % str(folder)
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin" / "python", "-m", "pip", "install", "--quiet", "hatchling>=1.27")
    run(environment / "bin" / "python", "-c", script, cwd=ROOT)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as tar:
        tar.extractall(folder / "source", filter="data")
    return next((folder / "source").iterdir())


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, sdist)
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
    # The secret asks for a runtime that isn't in the cache. The archive of Python's library comes from the standard one.
    standard = build_runtime().folder
    if standard is not None:
        shutil.copytree(standard, tmp_path / "cache" / "runtimes" / standard.name)
    settings = {"WASMNB_CACHE": str(tmp_path / "cache"), "WASMNB_HASH_SECRET": "wheel"}
    out = run(installed / "bin" / "wasmnb", "run", "hello.py", "--json", cwd=tmp_path, **settings)
    assert ["x-hello", "yes"] in json.loads(out)["exchanges"][0]["response"]["headers"]


def test_wheel_renders_the_panel(installed, tmp_path):
    script = "from wasmnb import Proxy; print(len(Proxy(workers=1).panel().widget._esm))"
    assert run(installed / "bin" / "python", "-c", script, cwd=tmp_path).split()[0].isdigit()


def test_wheel_has_the_joined_panel_instead_of_its_modules(wheel):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("wasmnb/view/panel/") and name.endswith(".js")]
    assert names == ["wasmnb/view/panel/panel.js"]


def test_editable_installation_joins_the_panels_modules(sdist, tmp_path):
    shutil.copytree(sdist, tmp_path / "clone")
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--editable", tmp_path / "clone")
    joined = (tmp_path / "clone" / "wasmnb" / "view" / "panel" / "panel.js").read_text("utf-8")
    assert joined == (ROOT / "wasmnb" / "view" / "panel" / "panel.js").read_text("utf-8")


def test_tutorial_copies_the_notebooks(installed, tmp_path):
    out = run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)
    copied = sorted(str(path.relative_to(tmp_path / "course")) for path in (tmp_path / "course").rglob("*.ipynb"))
    assert copied == sorted(str(path.relative_to(ROOT / "notebooks")) for path in (ROOT / "notebooks").rglob("*.ipynb"))
    assert (tmp_path / "course" / "course" / "foreign" / "key.wasm").stat().st_size > 1000
    assert f"course/{copied[0]}" in out
    run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)  # unchanged notebooks are copied again


def test_tutorial_keeps_changed_notebooks(installed, tmp_path):
    run(installed / "bin" / "wasmnb", "tutorial", "course", cwd=tmp_path)
    changed = next((tmp_path / "course").glob("*.ipynb"))
    changed.write_text("{}")
    done = subprocess.run([installed / "bin" / "wasmnb", "tutorial", "course"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"differ from the tutorial: {changed.name}." in done.stderr and "--force" in done.stderr
    assert changed.read_text() == "{}"
    run(installed / "bin" / "wasmnb", "tutorial", "course", "--force", cwd=tmp_path)
    assert changed.read_text() != "{}"


def test_sdist_has_neither_caches_nor_modules_except_foreign_ones(sdist):
    names = [str(path.relative_to(sdist)) for path in sdist.rglob("*")]
    assert not [name for name in names if name.startswith((".cache", ".venv")) or (name.endswith(".wasm") and "/foreign/" not in name)]
