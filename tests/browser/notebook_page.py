"""Notebooks in a tab of the browser, and the tab that shows one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "build" / "screenshots"


class Notebook:
    """A notebook in a tab."""

    def __init__(self, page) -> None:
        """Wait until the notebook in front can run cells."""
        self.page = page
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

    @classmethod
    def load(cls, page, lab, name: str) -> Notebook:
        """Load the front end with a notebook."""
        page.goto(lab.address(name))
        return cls(page)

    def command(self, name: str, args: dict | None = None) -> None:
        # Not awaited: the promise is resolved at the end of the run, and Playwright would wait for it.
        self.page.evaluate("([n, a]) => { void window.jupyterapp.commands.execute(n, a); }", [name, args or {}])

    def theme(self, dark: bool) -> None:
        self.command("apputils:change-theme", {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"})
        self.page.wait_for_function(f"() => document.body.dataset.jpThemeLight === '{str(not dark).lower()}'")
        self.page.wait_for_timeout(400)  # style sheets of the theme load after the attribute changes

    def run_all(self, seconds: float = 120) -> None:
        """Run every cell, and wait until each code cell has a number and the kernel is idle."""
        code = "window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model).filter(m => m.type === 'code' && m.sharedModel.getSource().trim())"
        if self.page.evaluate(f"() => {code}.some(m => m.executionCount !== null)"):  # saved outputs have numbers
            self.command("notebook:clear-all-cell-outputs")
            self.page.wait_for_function(f"() => {code}.every(m => m.executionCount === null)")
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(
            f"() => {{ const cells = {code}; return cells.length && cells.every(m => m.executionCount !== null); }}",
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
        """Return the code cell with this number, counted from 1."""
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


def notebook_file(folder: Path, name: str, *cells: str) -> str:
    """Write a notebook of code cells and return its name. Cells after a failing one also run."""
    metadata = {"tags": ["raises-exception"]}
    code_cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": metadata, "source": s, "execution_count": None, "outputs": []}
        for i, s in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    (folder / name).write_text(json.dumps({"cells": code_cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}))
    return name


#: Brings the kernel back to the state after its start, except for imported modules.
_RESET = """
import sys
shell = get_ipython()
if "wasmnb" in sys.modules:
    from wasmnb import Proxy
    for value in list(shell.user_ns.values()):
        if isinstance(value, Proxy):
            value.close()
    shell.extension_manager.unload_extension("wasmnb")
if "ipywidgets" in sys.modules:
    sys.modules["ipywidgets"].Widget.close_all()
shell.reset()
"""

#: Close all notebooks, and run code in a kernel that is kept. Returns False if there is no such kernel, or if it stays busy.
_CLOSE = """async ([id, code]) => {
    const app = window.jupyterapp, kernels = app.serviceManager.kernels;
    for (const widget of [...app.shell.widgets('main')]) widget.dispose();
    const model = id && await kernels.findById(id);
    if (!model) return false;
    const kernel = kernels.connectTo({ model });
    const late = new Promise(resolve => setTimeout(resolve, 10000));
    const reply = await Promise.race([kernel.requestExecute({ code, store_history: false }).done, late]);
    kernel.dispose();
    if (reply?.content.status === 'ok') return true;
    await kernels.shutdown(id);
    return false;
}"""

_OPEN = """async ([path, id]) => {
    await window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook', kernel: id && { id } });
}"""


class LabTab:
    """A tab with JupyterLab that shows one notebook after the other, in one kernel.

    Loading JupyterLab and starting a kernel with this package takes longer than most tests. For each notebook, the kernel is
    in the same state as after its start, without variables, proxies, widgets and the extension.
    """

    def __init__(self, browser, lab) -> None:
        self.lab = lab
        self.context = browser.new_context()
        self.page = self.kernel = self.name = self.notebook = None

    def open(self, name: str, width: int = 1200, height: int = 1000) -> Notebook:
        """Open a notebook in place of the one that is open."""
        self.name = None
        kernel = self.page and (self.kernel if self.page.evaluate(_CLOSE, [self.kernel, _RESET]) else None)
        if self.page is None:
            self._new_page()
            self.page.set_viewport_size({"width": width, "height": height})
            self.notebook = Notebook.load(self.page, self.lab, name)
        else:
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.evaluate(_OPEN, [name, kernel])
            self.notebook = Notebook(self.page)
        self.kernel = self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
        self.name = name
        return self.notebook

    def open_cells(self, *cells: str, **size: int) -> Notebook:
        """Open a notebook made of these cells, and run it."""
        notebook = self.open(notebook_file(self.lab.folder, f"{uuid4().hex}.ipynb", *cells), **size)
        notebook.run_all()
        return notebook

    def abandon(self) -> None:
        """Load JupyterLab again for the next notebook, with another kernel."""
        if self.page is not None:
            self.page.close()
        self.page = self.kernel = self.name = self.notebook = None

    def _new_page(self) -> None:
        self.page = self.context.new_page()
        self.page.errors = []
        self.page.on("pageerror", lambda error, errors=self.page.errors: errors.append(str(error)))
