"""JupyterLab and Notebook 7 on loopback, in Chromium with Playwright."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.notebook_page import ROOT, LabTab

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SETTINGS = {
    # All cells are in the page, so that tests can read them, and there is no news banner.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def pytest_collection_modifyitems(items):
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


class Lab:
    """A running JupyterLab with copies of the notebooks in `folder`.

    Subclasses for other front ends set another module, application class and path of addresses.
    """

    module, app, place = "jupyterlab", "LabApp", "lab/tree"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings, runtime = folder / ".settings", folder / ".runtime"
        for name, value in SETTINGS.items():
            path = settings / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))
        environment = {
            **os.environ,
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(folder / ".config"),
        }
        command = [
            sys.executable, "-m", self.module, "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root",
            f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0", f"--{self.app}.expose_app_in_browser=True",
        ]  # fmt: skip
        self.log = (folder / ".lab.log").open("w")
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        self.server = self._wait(runtime)

    def _wait(self, runtime: Path) -> dict:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, (self.folder / ".lab.log").read_text()
            for file in runtime.glob("jpserver-*.json"):
                try:
                    server = json.loads(file.read_text())
                    urllib.request.urlopen(f"{server['url']}api?token={server['token']}", timeout=5)
                    return server
                except (OSError, ValueError):
                    pass
            time.sleep(0.2)
        raise AssertionError(f"{self.module} did not start")

    def address(self, notebook: str) -> str:
        return f"{self.server['url']}{self.place}/{notebook}?token={self.server['token']}&reset"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class NotebookSeven(Lab):
    """A running Notebook 7 with copies of the notebooks."""

    module, app, place = "notebook", "JupyterNotebookApp", "notebooks"


@contextmanager
def serving(kind, folder):
    """Run a server with copies of the notebooks."""
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns("build"), dirs_exist_ok=True)
    server = kind(folder)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with serving(Lab, tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook_seven(tmp_path_factory):
    with serving(NotebookSeven, tmp_path_factory.mktemp("seven")) as server:
        yield server


@pytest.fixture(scope="package")  # not longer, since other tests would see its event loop
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def new_page(browser):
    """Open tabs, which are closed after the test. `page.errors` contains the errors of their scripts."""
    contexts = []

    def opener(width: int = 1200, height: int = 1000):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}))
        page = contexts[-1].new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        return page

    yield opener
    for context in contexts:
        context.close()


@pytest.fixture(scope="package")
def lab_tab(browser, lab):
    tab = LabTab(browser, lab)
    yield tab
    tab.context.close()


def pytest_exception_interact(node):
    """Load JupyterLab again after a failure, which may have left a dialog or a busy kernel."""
    tab = getattr(node, "funcargs", {}).get("lab_tab")
    if tab is not None:
        tab.abandon()


@pytest.fixture
def open_notebook(lab_tab):
    """Open a copy of a notebook in JupyterLab, in place of the one that was open."""
    return lab_tab.open


@pytest.fixture
def open_cells(lab_tab):
    """Open a notebook made of these cells in place of the one that was open, and run it."""
    return lab_tab.open_cells
