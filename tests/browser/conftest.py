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

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"
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
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            # One server for all of them, also with xdist.
            item.add_marker(pytest.mark.xdist_group("browser"))


class Lab:
    """A running server with copies of the notebooks in `folder`.

    Another front-end is the same server under another module, with its own class of application and kind of address.
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
                    found = json.loads(file.read_text())
                    urllib.request.urlopen(f"{found['url']}api?token={found['token']}", timeout=5)
                    return found
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
    """The same for Notebook 7."""

    module, app, place = "notebook", "JupyterNotebookApp", "notebooks"


@contextmanager
def serving(kind, folder):
    """Run a server with copies of the notebooks."""
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    made = kind(folder)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with serving(Lab, tmp_path_factory.mktemp("lab")) as made:
        yield made


@pytest.fixture(scope="session")
def notebook_seven(tmp_path_factory):
    with serving(NotebookSeven, tmp_path_factory.mktemp("seven")) as made:
        yield made


@pytest.fixture(scope="module")  # not longer, since other tests would see its event loop
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Notebook:
    """A notebook in a tab."""

    def __init__(self, page, lab: Lab, name: str) -> None:
        self.page = page
        page.goto(lab.address(name))
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        # Lab silently drops cells that run before the first reply of the kernel.
        page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
            }"""
        )
        page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=60_000
        )
        page.errors.clear()  # ignore errors of the front end's start

    def command(self, name: str, args: dict | None = None) -> None:
        # Not awaited: the promise is resolved at the end of the run, and Playwright would wait for it.
        self.page.evaluate("([n, a]) => { void window.jupyterapp.commands.execute(n, a); }", [name, args or {}])

    def theme(self, dark: bool) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")
        self.page.wait_for_timeout(400)  # style sheets of the theme load after the attribute changes

    def run_all(self, seconds: float = 120) -> None:
        """Run every cell, and wait until each code cell has a number and the kernel is idle."""
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            """() => {
                const prompts = [...document.querySelectorAll('.jp-CodeCell')]
                    .filter(c => c.querySelector('.cm-content').textContent.trim())
                    .map(c => c.querySelector('.jp-InputPrompt').textContent);
                return prompts.length && prompts.every(p => /\\[\\d+\\]/.test(p));
            }""",
            timeout=seconds * 1000,
        )

    def run_code(self, code: str) -> None:
        """Run code in the kernel from the page, as a cell would."""
        self.page.evaluate(
            """async code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const reply = await kernel.requestExecute({ code, store_history: false }).done;
                if (reply.content.status !== 'ok') throw new Error(reply.content.evalue);
            }""",
            code,
        )

    def cell(self, number: int):
        """The code cell of that number, from 1."""
        return self.page.locator(".jp-CodeCell").nth(number - 1)

    def output(self, number: int) -> str:
        return self.cell(number).locator(".jp-Cell-outputWrapper").inner_text()

    def shoot(self, name: str, number: int | None = None) -> None:
        """Take a screenshot of the page or of one cell."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        target = self.page if number is None else self.cell(number)
        if number is not None:
            target.scroll_into_view_if_needed()
        target.screenshot(path=str(SHOTS / f"{name}.png"))


@pytest.fixture
def new_page(browser):
    """Open tabs, which are closed after the test. `page.errors` has the errors of their scripts."""
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


@pytest.fixture
def open_notebook(lab, new_page):
    """Open a copy of a notebook in JupyterLab."""
    return lambda name, width=1200, height=1000: Notebook(new_page(width, height), lab, name)


def notebook_file(folder: Path, name: str, *cells: str) -> str:
    """Write a notebook of code cells and return its name. Cells after a failing one also run."""
    metadata = {"tags": ["raises-exception"]}
    made = [
        {"cell_type": "code", "id": f"c{i}", "metadata": metadata, "source": s, "execution_count": None, "outputs": []}
        for i, s in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / name).write_text(json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return name


@pytest.fixture
def open_cells(lab, open_notebook, request):
    """Open a notebook made of these cells, and run it."""

    def opener(*cells: str, **size: int) -> Notebook:
        # A new name each time, since Lab reuses the kernel of a name.
        name = f"{request.node.name}-{time.monotonic_ns()}.ipynb"
        notebook = open_notebook(notebook_file(lab.folder, name, *cells), **size)
        notebook.run_all()
        return notebook

    return opener
