"""`make screenshots`: a screenshot of every view of the panel, light and dark, in build/screenshots.

Those that the README shows are also in build/screenshots/readme, in fewer colours; docs/images has copies of them.
"""

import json

import pytest
from PIL import Image

from tests.browser.notebook_page import ROOT, SHOTS, notebook_file
from tests.browser.scene import CELLS, REPORT, TRAFFIC

VIEWS = ("exchanges", "timeline", "latency", "state", "log", "module", "traffic", "start")
OTHERS = ("panel", "contexts", "send", "controls", "record")
README = ("exchange", "exchanges", "timeline", "latency", "state")


@pytest.fixture
def scene(lab_tab):
    """A notebook whose third cell shows a panel with traffic, which the tests share."""
    name = notebook_file(lab_tab.lab.folder, "scene.ipynb", *CELLS)
    if lab_tab.name == name:
        return lab_tab.notebook
    notebook = lab_tab.open(name, width=1560, height=1500)
    notebook.run_all()
    notebook.panel = notebook.page.locator(".wasmnb-panel")
    notebook.panel.locator(".tabs").wait_for(timeout=20_000)
    notebook.run_code(TRAFFIC)
    notebook.panel.locator(".head", has_text="62 exchanges").wait_for(timeout=20_000)
    notebook.run_code(REPORT)
    return notebook


def fold(scene, name, *, opened):
    button = scene.panel.get_by_role("button", name=name, exact=True)
    if (button.get_attribute("aria-expanded") == "true") != opened:
        button.click()


def shoot(scene, name, tone, selector=None):
    scene.page.wait_for_timeout(500)  # the kernel's replies are drawn
    target = scene.panel if selector is None else scene.panel.locator(selector).first
    path = SHOTS / f"{name}-{tone}.png"
    SHOTS.mkdir(parents=True, exist_ok=True)
    target.scroll_into_view_if_needed()
    target.screenshot(path=str(path))
    with Image.open(path) as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20, f"{path} is blank"


def picture_views(scene, tone):
    panel = scene.panel
    for name in VIEWS:
        panel.get_by_role("tab", name=name.capitalize()).click()
        prepare(scene, name)
        shoot(scene, name, tone)


def prepare(scene, name):
    """Wait for the content of the view, and select something in it."""
    panel, pane = scene.panel, scene.panel.locator(".pane")
    if name == "exchanges":
        panel.locator(".row.exchange", has_text="/orders/61").first.click()
        pane.locator("td", has_text="x-account").first.scroll_into_view_if_needed()
    elif name == "timeline":
        pane.locator(".call[aria-label^=on_request_headers]").last.dispatch_event("click")
        pane.locator(".hostcall").first.wait_for(timeout=10_000)
    else:
        texts = {"latency": "on_request_headers", "state": "wasmcustom.asked", "log": "let ann pass", "module": "Envoy can load this module",
                  "traffic": "62 recorded requests", "start": "canary VM"}
        pane.get_by_text(texts[name]).filter(visible=True).first.wait_for(timeout=20_000)


def picture_forms(scene, tone):
    panel = scene.panel
    panel.get_by_role("tab", name="Exchanges").click()
    panel.locator(".record").scroll_into_view_if_needed()
    shoot(scene, "record", tone)
    fold(scene, "more", opened=True)
    panel.locator("[name=method]").fill("POST")
    panel.locator("[name=path]").fill("/orders/7?express=1")
    panel.locator("[name=headers]").fill("x-user: ann\ncontent-type: application/json")
    panel.locator("[name=text]").fill('{"item": 7, "amount": 3}')
    shoot(scene, "send", tone)
    fold(scene, "more", opened=False)
    fold(scene, "controls", opened=True)
    shoot(scene, "controls", tone)
    fold(scene, "controls", opened=False)
    shoot(scene, "panel", tone)
    shoot(scene, "contexts", tone, ".side")


def test_every_view_is_captured(scene):
    for tone in ("light", "dark"):
        scene.theme(dark=tone == "dark")
        picture_views(scene, tone)
        picture_forms(scene, tone)
    assert {f"{name}-{tone}.png" for name in VIEWS + OTHERS for tone in ("light", "dark")} <= {p.name for p in SHOTS.iterdir()}
    assert not scene.page.errors


def first_cells(name, number):
    """The first code cells of a notebook; the others take long."""
    cells = json.loads((ROOT / "notebooks" / name).read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"][:number]


def test_readme_screenshots_are_captured(open_cells, scene):
    for tone in ("light", "dark"):
        scene.theme(dark=tone == "dark")
        for name in README[1:]:
            scene.panel.get_by_role("tab", name=name.capitalize()).click()
            prepare(scene, name)
            shoot(scene, name, tone)
    notebook = open_cells(*first_cells("course/01-first-filter.ipynb", 4), height=1400)  # in place of the scene
    for tone in ("light", "dark"):
        notebook.theme(dark=tone == "dark")
        notebook.shoot(f"exchange-{tone}", 4)
    small = SHOTS / "readme"
    small.mkdir(exist_ok=True)
    for path in (SHOTS / f"{name}-{tone}.png" for name in README for tone in ("light", "dark")):
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(small / path.name, optimize=True)
        assert (small / path.name).stat().st_size < 100_000, f"{path.name} is too large for a README"
