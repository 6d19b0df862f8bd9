"""Cost of the live panel in JupyterLab and Chromium: opening it, clicks in it, and runs with and without it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS, Lab
from tests.browser.notebook_page import Notebook, notebook_file

from .reporting import median, report

EXCHANGES, REQUESTS, CLICKS, OPENINGS = 10_000, 5_000, 20, 5

_FILTER = """\
%%wasmfilter demo --workers 4
from wasmnb.sdk import HttpContext

class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers.get("x-user", "nobody")
        self.request_headers["x-greeting"] = f"hi {user}"
        self.shared_data["last"] = user
        print("saw", user)
"""

#: The same module without a panel, and a run that includes the drawing at the end of a cell.
_SETUP = """\
import json, time
from wasmnb import Proxy
plain = Proxy(demo.plugins[0].filter, workers=4)
results = {"without": [], "with": []}

def run(proxy, requests):
    start, worked = time.perf_counter(), time.process_time()
    for number in range(requests):
        proxy.get(f"/item/{number}", {"x-user": "ann"})
    if "panel" in proxy.attachments:
        proxy.panel().settle()
    return time.perf_counter() - start, time.process_time() - worked
"""

_RUN = """\
for name, proxy in [("without", plain), ("with", demo)][::{step}]:
    results[name].append(run(proxy, {requests}))
open("results.json", "w").write(json.dumps(results))
"""

#: Milliseconds from an action to the resulting picture, measured in the page.
_TIMED = """async ([action, done]) => {
    const panel = [...document.querySelectorAll('.wasmnb-panel')].pop();
    const frame = () => new Promise(requestAnimationFrame);
    const check = new Function('panel', `return ${done}`);
    const start = performance.now();
    new Function('panel', action)(panel);
    while (!check(panel)) {
        if (performance.now() - start > 20_000) throw new Error(`timeout: ${done}`);
        await frame();
    }
    return performance.now() - start;
}"""


def main(rounds: int = 9) -> None:
    if CHROMIUM is None:
        raise SystemExit("Chromium is missing. Install it with apt-get install chromium.")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        lab = Lab(Path(name))
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_context(viewport={"width": 1400, "height": 1100}).new_page()
            measure(lab, page, rounds)
            browser.close()
        finally:
            lab.stop()


def measure(lab: Lab, page: object, rounds: int) -> None:
    cells = ["%load_ext wasmnb", _FILTER, _SETUP, "demo.panel()"]
    page.errors = []
    notebook = Notebook.load(page, lab, notebook_file(lab.folder, "panel.ipynb", *cells))
    notebook.run_all()
    page.locator(".wasmnb-panel .tabs").first.wait_for(timeout=30_000)
    notebook.run_code(f"run(demo, {REQUESTS // 5}); run(plain, {REQUESTS // 5})")  # warm-up
    for number in range(rounds):
        notebook.run_code(_RUN.format(step=(1, -1)[number % 2], requests=REQUESTS))
    times = json.loads((lab.folder / "results.json").read_text())
    notebook.run_code(f"run(demo, {EXCHANGES})")
    openings = [opening(page) for _ in range(OPENINGS)]
    clicked = clicks(page)
    write(times, openings, clicked, rounds)


def write(
    times: dict[str, list[list[float]]], openings: list[float], clicked: dict[str, list[float]], rounds: int
) -> None:
    rows = [_runs(f"{REQUESTS:,} requests", times, 0), _runs("the same, CPU time of the kernel", times, 1)]
    rows += [
        {"action": f"opening the panel with {EXCHANGES:,} recorded exchanges", "median": f"{median(openings):.0f} ms",
         "worst": f"{max(openings):.0f} ms"},
    ]  # fmt: skip
    rows += [{"action": w, "median": f"{median(t):.0f} ms", "worst": f"{max(t):.0f} ms"} for w, t in clicked.items()]
    report(
        "panel", "The live panel in JupyterLab and Chromium", rows,
        [
            f"Runs: {rounds} alternating pairs in one kernel, with the page open; times include the drawing at the end of a run.",
            f"Opening: from running the cell to the rows on the page, {OPENINGS} times. Clicks: from the click to the picture"
            f" drawn from the kernel's response, {CLICKS} of each.",
        ],
    )  # fmt: skip


def _runs(what: str, times: dict[str, list[list[float]]], column: int) -> dict[str, str]:
    """Return the row that compares runs with the open panel to runs without it."""
    with_, without = ([run[column] for run in times[name]] for name in ("with", "without"))
    more = 100 * (median([a / b for a, b in zip(with_, without, strict=True)]) - 1)
    middle = f"{median(with_):.2f} s; without a panel {median(without):.2f} s"
    return {"action": what, "median": middle, "worst": f"{more:+.1f} % in the median pair"}


def timed(page: object, action: str, done: str) -> float:
    page.wait_for_timeout(300)  # let the previous action end
    return page.evaluate(_TIMED, [action, done])


def opening(page: object) -> float:
    """Return the milliseconds from running `demo.panel()` to the rows of the list."""
    page.evaluate(
        """() => {
            const notebook = window.jupyterapp.shell.currentWidget.content;
            notebook.activeCellIndex = 3;
            notebook.widgets[3].model.clearExecution();
        }"""
    )
    page.wait_for_function("() => document.querySelectorAll('.wasmnb-panel').length === 1")
    run = "window.jupyterapp.commands.execute('notebook:run-cell')"
    rows = "[...document.querySelectorAll('.wasmnb-panel')][1]?.querySelectorAll('.row.exchange').length > 5"
    return timed(page, run, rows)


def clicks(page: object) -> dict[str, list[float]]:
    """Return the milliseconds of each kind of click, in the panel that was opened last."""
    times: dict[str, list[float]] = {}
    rows = "[...panel.querySelectorAll('.row.exchange:not(.top)')]"
    for number in range(CLICKS):
        row = f"{rows}[{1 + number % 4}]"
        page.evaluate(f"""() => {{
            const list = [...document.querySelectorAll('.wasmnb-panel')].pop().querySelector('.list');
            list.scrollTop = {400 * number}; }}""")
        page.wait_for_timeout(50)
        click = f"const row = {row}; window.selector = row.children[0].innerText; row.click();"
        shown = "panel.querySelector('.title h4')?.innerText.startsWith('#' + window.selector + ' ')"
        times.setdefault("a click on an exchange", []).append(timed(page, click, shown))
    tabs = {
        "Timeline": ".picture .call",
        "Latency": ".picture .bar",
        "State": "section td",
        "Log": "table.log td",
        "Exchanges": ".list .row",
    }
    for _ in range(max(CLICKS // 5, 1)):
        for tab, selector in tabs.items():
            click = f"[...panel.querySelectorAll('[role=tab]')].find(t => t.innerText === '{tab}').click()"
            busy = "!panel.querySelector('.pane .empty')"
            times.setdefault("a click on a tab", []).append(
                timed(page, click, f"{busy} && panel.querySelector('.pane {selector}')")
            )
    for number in range(CLICKS):
        node = f"[...panel.querySelectorAll('.node')].find(n => n.querySelector('.label').innerText === 'worker-{1 + number % 4}').click()"
        times.setdefault("a click on a context", []).append(
            timed(
                page,
                node,
                f"[...panel.querySelectorAll('.list .row:not(.top)')].every(r => r.innerText.includes('worker-{1 + number % 4}'))",
            )
        )
    return times


if __name__ == "__main__":
    main()
