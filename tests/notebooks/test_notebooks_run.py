"""Every notebook runs from top to bottom, and its saved outputs are those of the run."""

import pytest

from tests.notebooks.saved_form import NOTEBOOKS, differences, notebooks, run, same, save_form

pytestmark = pytest.mark.slow

#: Notebook -> start of a cell -> parts of its outputs that the notebook's text refers to.
FACTS = {
    "01-first-filter": {
        "%wasmtree hello": ["5 VMs: 1 base, 1 canary (gone), 1 main, 2 workers", "4 plugin contexts: 1 canary (gone), 1 main, 2 workers"],
        "%wasmcurl hello": ["+ 2 added · - 1 removed by the filter", "Good morning, ann"],
        "%wasmload hello": ["on_request_headers"],
        "for number": ["worker 2: visit 4"],
        'hello.get("/")': ["KeyError: 'x-user'"],
        "%%wasmfilter hello\n": ["SyntaxError"],
        "hello.plugins[0].filter.info": ["Envoy can load this module"],
    },
    "03-cells-and-modules": {
        "gate.get(": ["'bob'"],
        "%wasmpart gate": ["4 lines: TOKENS, user_of"],
        "hello.get(": [", ann"],
        "limited = ": ["[200, 200, 429, 429]"],
        "notes = open": ["Noting uses notes, which holds an open file"],
        "%%ipytest": ["7 passed"],
    },
}


@pytest.fixture(scope="module", params=notebooks(), ids=lambda path: path.stem)
def executed(request):
    """Path of a notebook, and the notebook with the outputs of a run."""
    return request.param, run(request.param)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_cell_runs_and_only_marked_ones_fail(executed):
    _, notebook = executed
    for cell in code_cells(notebook):
        failed = any(o.output_type == "error" or o.get("text", "").startswith("UsageError:") for o in cell.outputs)
        assert failed == ("raises-exception" in cell.metadata.get("tags", ())), cell.source


def test_saved_outputs_are_those_of_the_run(executed):
    """Sizes aren't compared here: every change of the SDK can change them. `make notebooks` writes the current ones."""
    import nbformat

    path, notebook = executed
    saved = nbformat.read(path, as_version=4)
    fresh = save_form(notebook, saved)
    for new, old in zip(code_cells(fresh), code_cells(saved), strict=True):
        if not same(new.outputs, old.outputs, sizes=False):
            where = f"{path.relative_to(NOTEBOOKS)}, {new.source[:80]}"
            pytest.fail("\n".join([f"stale (`make notebooks` writes it): {where}", *differences(new.outputs, old.outputs)]))


def test_every_rich_output_has_text_and_html(executed):
    _, notebook = executed
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "text/html" in output.get("data", {}):
                assert output.data["text/plain"]
                assert "<script" not in output.data["text/html"]


def test_outputs_have_the_facts_of_the_text(executed):
    path, notebook = executed
    for start, facts in FACTS.get(path.stem, {}).items():
        text = outputs(notebook, start)
        assert all(fact in text for fact in facts), (start, text)


def outputs(notebook, start):
    cell = next(c for c in code_cells(notebook) if c.source.startswith(start))
    return "\n".join(
        o.get("text") or o.get("data", {}).get("text/plain", "") or "\n".join(o.get("traceback", ()))
        for o in cell.outputs
    )
