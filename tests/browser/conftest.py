"""JupyterLab on loopback, opened in Debian's Chromium by Playwright."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
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
    # Every cell in the page, so that its text can be read, and no news banner.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in Path(item.path).parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            # One Lab for all of them, also under xdist.
            item.add_marker(pytest.mark.xdist_group("browser"))


class Lab:
    """A running server; `url` is its address with the token, `folder` holds copies of the notebooks."""

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
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root",
            f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0", "--LabApp.expose_app_in_browser=True",
            "--LabApp.collaborative=False",
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
        raise AssertionError("JupyterLab did not start")

    def address(self, notebook: str) -> str:
        return f"{self.server['url']}lab/tree/{notebook}?token={self.server['token']}&reset"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    made = Lab(folder)
    yield made
    made.stop()


@pytest.fixture(scope="session")
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
        # Cells that are run before the kernel has answered once are dropped without a word.
        page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                await panel.context.ready;
                await panel.sessionContext.ready;
                await panel.sessionContext.session.kernel.info;
            }"""
        )
        page.wait_for_function(
            "() => document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status === 'idle'", timeout=60_000
        )

    def command(self, name: str, args: dict | None = None) -> None:
        # Not awaited: the promise of a run is kept only when the run is over, and Playwright would wait for ever.
        self.page.evaluate("([n, a]) => { void window.jupyterapp.commands.execute(n, a); }", [name, args or {}])

    def theme(self, dark: bool) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")
        self.page.wait_for_timeout(400)  # style sheets of the theme arrive after the attribute

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

    def cell(self, number: int):
        """The code cell of that number, from 1."""
        return self.page.locator(".jp-CodeCell").nth(number - 1)

    def output(self, number: int) -> str:
        return self.cell(number).locator(".jp-Cell-outputWrapper").inner_text()

    def shoot(self, name: str, number: int | None = None) -> None:
        """A picture of the page, or of one cell."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        target = self.page if number is None else self.cell(number)
        if number is not None:
            target.scroll_into_view_if_needed()
        target.screenshot(path=str(SHOTS / f"{name}.png"))


@pytest.fixture
def open_notebook(lab, browser):
    """Open a copy of a notebook; the tab is closed when the test is over."""
    contexts = []

    def opener(name: str, width: int = 1200, height: int = 1000) -> Notebook:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        return Notebook(context.new_page(), lab, name)

    yield opener
    for context in contexts:
        context.close()
