"""Binder's environment, built from binder/ alone: every notebook runs in it. It takes minutes: `make binder` runs it.

repo2docker does the same in a container: the Python of runtime.txt, requirements.txt from the repository's folder, then postBuild.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = "python" + (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")


def python():
    """Return an interpreter of the version in runtime.txt, or None."""
    candidates = [shutil.which(PYTHON), *map(str, Path("~/.pyenv/versions").expanduser().glob(f"{PYTHON[6:]}.*/bin/{PYTHON}"))]
    for path in filter(None, candidates):
        if subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


def test_post_build_runs_every_notebook_and_trusts_it():
    text = (ROOT / "binder" / "postBuild").read_text()
    for folder in ("notebooks", "notebooks/course"):
        assert len(re.findall(rf"{folder}/\*\.ipynb", text)) == 2
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("WASMNB_BINDER"), reason="takes minutes: make binder")
@pytest.mark.skipif(python() is None, reason=f"needs {PYTHON}")
def test_every_notebook_runs_in_an_environment_built_only_from_binder(tmp_path):
    repository = tmp_path / "repository"
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for file in files:
        (repository / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, repository / file)
    subprocess.run([python(), "-m", "venv", tmp_path / "environment"], check=True)
    binaries = tmp_path / "environment" / "bin"
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "HOME": str(tmp_path), "VIRTUAL_ENV": str(binaries.parent)}
    for name in ("WASMNB_CACHE", "PYTHONPATH"):
        environment.pop(name, None)
    install = [binaries / "python", "-m", "pip", "install", "--quiet", "-r", "binder/requirements.txt"]
    subprocess.run(install, cwd=repository, env=environment, check=True)
    done = subprocess.run(["binder/postBuild"], cwd=repository, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    notebooks = [file for file in files if file.endswith(".ipynb")]
    assert len(re.findall(r"^\S+\.ipynb ran in", done.stdout, re.MULTILINE)) == len(notebooks)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"environment, repository and caches: {size / 1e9:.2f} GB")
    print(done.stdout)
