"""Every tutorial runs from top to bottom, and its file has no outputs."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda p: p.stem)
def executed(request, tmp_path_factory):
    """The notebook with its outputs, run in a temporary folder."""
    folder = tmp_path_factory.mktemp(request.param.stem)
    shutil.copy(request.param, folder)
    notebook = nbformat.read(folder / request.param.name, as_version=4)
    # The time limit of a cell includes the build of a runtime.
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_have_no_outputs(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        assert not cell.outputs
        assert cell.execution_count is None


@pytest.mark.slow
def test_every_cell_runs_and_only_marked_ones_fail(executed):
    for cell in code_cells(executed):
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", ())), cell.source


@pytest.mark.slow
def test_every_rich_output_has_text_beside_its_html(executed):
    for cell in code_cells(executed):
        for output in cell.outputs:
            if "text/html" in output.get("data", {}):
                assert output.data["text/plain"]
                assert "<script" not in output.data["text/html"]


def outputs(notebook, start):
    cell = next(c for c in code_cells(notebook) if c.source.startswith(start))
    return "\n".join(
        o.get("text") or o.get("data", {}).get("text/plain", "") or "\n".join(o.get("traceback", ()))
        for o in cell.outputs
    )


@pytest.mark.slow
def test_first_notebook_has_the_outputs_of_its_text(executed):
    if not executed.cells[0].source.startswith("# A first filter"):
        pytest.skip("another notebook")
    tree = outputs(executed, "%wasmtree hello")
    assert "5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers" in tree
    assert "4 plugin contexts: 1 canary (gone), 1 main, 2 workers" in tree
    exchange = outputs(executed, "%wasmcurl hello")
    assert "+ 2 added · - 1 removed by the filter" in exchange
    assert "Good morning, ann" in exchange
    assert "on_request_headers" in outputs(executed, "%wasmload hello")
    assert "worker 2: visit 4" in outputs(executed, "for number")
    assert "KeyError: 'x-user'" in outputs(executed, 'hello.get("/")')
    assert "SyntaxError" in outputs(executed, "%%wasmfilter hello\n")
    assert "Envoy can load this module" in outputs(executed, "hello.plugins[0].filter.info")


@pytest.mark.slow
def test_notebook_of_cells_and_modules_has_the_outputs_of_its_text(executed):
    if not executed.cells[0].source.startswith("# Cells, modules and tests"):
        pytest.skip("another notebook")
    assert outputs(executed, "gate.get(") == "'bob'"
    assert "4 lines: TOKENS, user_of" in outputs(executed, "%wasmpart gate")
    assert ", ann" in outputs(executed, "hello.get(")
    assert outputs(executed, "limited = ") == "[200, 200, 429, 429]"
    assert "Noting uses notes, which holds an open file" in outputs(executed, "notes = open")
    assert "7 passed" in outputs(executed, "%%ipytest")
