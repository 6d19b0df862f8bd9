"""Other front ends: Notebook 7, and marimo, which doesn't have magics."""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.browser.notebook_page import SHOTS, Notebook, notebook_file

SOURCE = """\
from wasmnb.sdk import HttpContext

class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "you")
        self.request_headers["x-greeting"] = f"hello {user}"
        print("saw", user)
"""
CELLS = (
    "%load_ext wasmnb",
    f"%%wasmfilter hello --workers 2\n{SOURCE}",
    "%wasmcurl hello -H 'x-user: ann' /first",
    "%wasmtree hello",
    "%%wasmfilter broken\nclass X(HttpContext)\n    pass",
)


def send(panel, path):
    """Send a request from the panel, and wait until it is in the list and its headers are shown."""
    panel.locator("[name=path]").fill(path)
    panel.get_by_role("button", name="Send", exact=True).click()
    panel.locator(".list", has_text=path).wait_for(timeout=30_000)
    panel.locator(".pane", has_text="hello you").wait_for(timeout=30_000)


def test_notebook_7_shows_the_panel_and_every_output(notebook_seven, new_page):
    name = notebook_file(notebook_seven.folder, "front-ends.ipynb", *CELLS)
    notebook = Notebook.load(new_page(1300, 1100), notebook_seven, name)
    notebook.run_all()
    page = notebook.page
    panel = page.locator(".wasmnb-panel")
    panel.locator(".tabs").wait_for(timeout=20_000)
    send(panel, "/from-the-panel")
    for tab in panel.get_by_role("tab").all():
        tab.click()
        tab.and_(page.locator("[aria-selected=true]")).wait_for(timeout=15_000)
        panel.locator(".pane").get_by_text(re.compile(r"\S")).filter(visible=True).first.wait_for(timeout=15_000)
    assert "hello ann" in notebook.output(3)
    assert "5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers" in notebook.output(4)
    assert "SyntaxError" in notebook.output(5)
    assert "wasmnb/" not in notebook.output(5)
    notebook.shoot("notebook-7")
    assert not page.errors


# -- marimo -----------------------------------------------------------------------------------------------------------

MARIMO = f'''\
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo
    from wasmnb import Filter, Proxy
    return Filter, Proxy, marimo


@app.cell
def _(Filter, Proxy, marimo):
    hello = Proxy(Filter.from_source({SOURCE!r}, "hello"), workers=2)
    hello.get("/first", {{"x-user": "ann"}})
    marimo.ui.anywidget(hello.panel().widget)
    return (hello,)


@app.cell
def _(hello):
    hello.tree()
    return
'''


@pytest.fixture
def marimo(tmp_path):
    """Address of a marimo app with a panel."""
    pytest.importorskip("marimo")
    (tmp_path / "app.py").write_text(MARIMO)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--host", "127.0.0.1", "--port",
        str(port),
    ]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
    try:
        yield _answering(f"http://127.0.0.1:{port}/", process, tmp_path / "log")
    finally:
        process.terminate()
        process.wait(20)


def _answering(url, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5)
            return url
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_marimo_shows_the_panel_and_plain_objects(marimo, new_page):
    page = new_page(1300, 1100)
    page.goto(marimo)
    panel = page.locator(".wasmnb-panel")
    panel.locator(".tabs").wait_for(timeout=60_000)
    send(panel, "/from-the-panel")
    page.get_by_text("5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers").wait_for(timeout=10_000)
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SHOTS / "marimo.png"))
    assert not page.errors
