"""Chapters of the course in JupyterLab: saved outputs are readable, and solutions are hidden until they are opened."""

import pytest

from tests.browser.notebook_page import ROOT

CHAPTERS = sorted(path.name for path in (ROOT / "notebooks" / "course").glob("*.ipynb"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_opens_with_its_outputs_and_hidden_solutions(open_notebook, name):
    notebook = open_notebook(f"course/{name}", height=1400)
    page = notebook.page
    notebook.shoot(f"course-{name[:2]}")
    counts = page.evaluate(
        """() => {
            const models = window.jupyterapp.shell.currentWidget.content.widgets.filter(w => w.model.type === 'code');
            const hidden = models.filter(w => (w.model.getMetadata('tags') || []).includes('solution'));
            return [hidden.length, hidden.filter(w => w.inputHidden && w.outputHidden).length, models.filter(w => w.model.outputs.length).length];
        }"""
    )
    assert counts[:2] == [2, 2]
    assert counts[2] >= 5
    assert page.locator("text=Question").count() >= 1
    assert not page.errors


def test_chapter_runs_from_top_to_bottom_in_jupyterlab(open_notebook):
    notebook = open_notebook("course/03-contexts-and-lifetimes.ipynb", height=1400)
    notebook.run_all()
    texts = notebook.page.evaluate(
        """() => window.jupyterapp.shell.currentWidget.content.widgets.filter(w => w.model.type === 'code')
            .map(w => JSON.stringify(w.model.outputs.toJSON())).join()"""
    )
    assert "exercise 1 is solved" in texts
    assert "exercise 2 is solved" in texts
    assert not notebook.page.errors
