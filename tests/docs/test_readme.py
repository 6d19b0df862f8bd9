"""The examples of README run unchanged, and all links have targets."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from wasmnb import Filter, Proxy

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def block(beginning):
    """Return the Python block with this beginning."""
    return next(b for b in re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL) if b.startswith(beginning))


def test_first_filter_has_the_shown_effect():
    first, source = block("%%wasmfilter hello").split("\n", 1)
    config = shlex.split(first)[-1]
    with Proxy(Filter.from_source(source, "hello"), workers=2, config=json.loads(config)) as hello:
        exchange = hello.get("/pay?amount=3", {"x-user": "ann", "cookie": "session=secret"})
        assert exchange.upstream_request.headers["x-greeting"] == "Good morning, ann"
        assert "cookie" not in exchange.upstream_request.headers
        assert exchange.response.headers["x-filter"] == "hello"
        assert hello.get("/", {"x-user": "mallory"}).response.status == 403


@pytest.mark.slow
def test_api_example_runs_unchanged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names = {}
    exec(compile(block("from hashlib import"), "README.md", "exec"), names)
    assert names["exchange"].response.status == 200
    assert names["exchange"].upstream_request.headers["x-client"] == "ann"
    assert (tmp_path / "auth.wasm").read_bytes().startswith(b"\0asm")


def anchors(page):
    """Return the anchors that GitHub creates for a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_existing_targets(page):
    for link in re.findall(r"(?:\]\(|(?:src|srcset)=\")([^)\"]+)", page.read_text()):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.slow
def test_notebooks_folder_has_its_own_pytest_configuration():
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:timeout"]
    done = subprocess.run(command, cwd=ROOT / "notebooks", capture_output=True, text=True, timeout=120)
    assert "configfile: .pytest.ini" in done.stdout
    assert "ERROR" not in done.stdout + done.stderr
