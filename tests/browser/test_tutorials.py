"""The tutorial on the panel, run in JupyterLab and saved without scripts."""

import shutil

import pytest

from tests.browser.notebook_page import ROOT, SHOTS

TUTORIAL = "02-the-panel.ipynb"
#: View -> text that the tutorial displays in it.
VIEWS = {
    "Exchanges": "/orders",
    "Timeline": "worker-2",
    "Latency": "on_http_call_response",
    "State": "known",
    "Log": "the service knows ann",
    "Module": "Envoy can load this module",
    "Traffic": "compare",
    "Start": "canary",
}


def test_tutorial_opens_every_view(open_notebook):
    notebook = open_notebook(TUTORIAL, width=1400, height=1100)
    notebook.run_all()
    page = notebook.page
    panel = page.locator(".wasmnb-panel")
    panel.locator(".tabs").wait_for(timeout=20_000)
    assert panel.count() == 1
    assert page.locator("[data-mime-type='application/vnd.jupyter.error'], .jp-OutputArea-output.jp-RenderedText[data-mime-type$=stderr]").count() == 0
    assert {tab.inner_text() for tab in panel.get_by_role("tab").all()} == set(VIEWS)
    for name, text in VIEWS.items():
        panel.get_by_role("tab", name=name).click()
        panel.locator(".pane").get_by_text(text).filter(visible=True).first.wait_for(timeout=15_000)
    for form, field in (("more", "headers"), ("controls", "seconds")):
        panel.get_by_role("button", name=form, exact=True).click()
        assert panel.locator(f"[name={field}]").is_visible()
    assert "worker-2" in panel.locator(".side").inner_text()
    assert not page.errors


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The tutorial as `jupyter nbconvert --execute --to html` writes it."""
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    folder = tmp_path_factory.mktemp("saved")
    shutil.copy(ROOT / "notebooks" / TUTORIAL, folder)
    notebook = nbformat.read(folder / TUTORIAL, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    notebook.metadata.pop("widgets", None)  # widgets need scripts
    body, _ = HTMLExporter().from_notebook_node(notebook)
    path = folder / "saved.html"
    path.write_text(body)
    return path


def test_saved_notebook_is_readable_without_scripts(saved, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1100, "height": 1400})
    page = context.new_page()
    page.goto(saved.as_uri())
    text = page.inner_text("main")
    for fact in (
        "5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers",  # the panel's own cell
        "on_request_headers",  # the load's table
        "seen",  # a variable that differs between workers
        "400 requests through gate",
    ):
        assert fact in text, fact
    assert page.locator("img[alt^=Histograms]").count() == 1
    assert page.locator("img[alt^=Histograms]").evaluate("image => image.naturalWidth") > 300
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(SHOTS / "saved-notebook.png"), full_page=True)
    context.close()
