"""The first notebook in JupyterLab: outputs and screenshots of every cell."""

import pytest

NAME = "course/01-first-filter.ipynb"


@pytest.fixture
def first(lab_tab):
    """The first notebook after its run, which the tests share."""
    if lab_tab.name != NAME:
        notebook = lab_tab.open(NAME, height=1400)
        notebook.theme(dark=False)
        notebook.run_all()
    return lab_tab.notebook


def test_first_notebook_runs_in_jupyterlab(first):
    notebook, page = first, first.page
    page.wait_for_timeout(500)

    outputs = page.locator(".jp-OutputArea-output .wasmnb")
    assert outputs.count() >= 5
    text = page.locator(".jp-Notebook").inner_text()
    for sentence in (
        "5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers",
        "+ 2 added · - 1 removed by the filter",
        "Good morning, ann",
        "KeyError: 'x-user'",
        "SyntaxError: expected ':'",
        "Envoy can load this module.",
    ):
        assert sentence in text, sentence
    assert page.locator(".wasmnb img[alt^=Histograms]").count() == 1
    assert not page.errors

    for dark in (False, True):
        notebook.theme(dark)
        tone = "dark" if dark else "light"
        for number, name in (
            (2, "filter"),
            (4, "exchange"),
            (6, "latency"),
            (10, "trap"),
            (11, "syntax-error"),
            (13, "module"),
        ):
            notebook.shoot(f"01-{name}-{tone}", number)


def test_folded_part_opens_with_a_click_and_by_keyboard(first):
    calls = first.cell(4).locator("summary", has_text="callbacks and hostcalls")
    assert not first.cell(4).get_by_text("get_header_map_value").first.is_visible()
    calls.click()
    assert first.cell(4).get_by_text("get_header_map_value").first.is_visible()
    calls.press("Enter")
    assert not first.cell(4).get_by_text("get_header_map_value").first.is_visible()


def test_completion_offers_flags_and_running_filters(first):
    notebook, page = first, first.page
    notebook.command("notebook:insert-cell-below")
    page.wait_for_timeout(300)
    notebook.command("notebook:enter-edit-mode")
    page.wait_for_timeout(300)
    for typed, offered in (("%wasmcurl hel", "hello"), ("lo --head", "--header")):
        page.keyboard.type(typed, delay=20)
        page.keyboard.press("Tab")
        page.locator(".jp-Completer-item", has_text=offered).first.wait_for(timeout=10_000)
        page.keyboard.press("Escape")
        page.wait_for_timeout(200)
        notebook.command("notebook:enter-edit-mode")
