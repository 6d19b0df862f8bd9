"""Notebooks that a program executes: their outputs are static forms, which HTML shows without a kernel or network."""

import pytest

FILTER = """\
%%wasmfilter hello --native --workers 1
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-hello"] = "world"
"""
OWN = """\
from wasmnb import Proxy
own = Proxy(hello.plugins[0].filter, workers=1, name="own")
own
"""


@pytest.mark.slow
def test_executed_notebook_exported_to_html_has_static_forms():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    cells = ["%load_ext wasmnb", FILTER, "hello.get('/path')", OWN]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3", timeout=120).execute()  # with the state of widgets, as by default
    for cell in (notebook.cells[1], notebook.cells[3]):
        assert [set(output.data) for output in cell.outputs] == [{"text/html", "text/plain"}]
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert "application/vnd.jupyter.widget-view+json" not in html
    assert "canary VM" in html
    assert "x-hello" in html
