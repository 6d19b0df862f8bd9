"""Chapters of the course have the same parts. Their saved form is small and independent of the machine that wrote it."""

import json
import re
from pathlib import Path

import pytest

from tests.notebooks.saved_form import NOTEBOOKS, notebooks, same, save_form, stable, write

COURSE = sorted((NOTEBOOKS / "course").glob("*.ipynb"))


@pytest.fixture(scope="module", params=COURSE, ids=lambda path: path.stem)
def chapter(request):
    import nbformat

    return nbformat.read(request.param, as_version=4)


def text_of(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_chapters_are_numbered_from_one():
    assert [path.name[:2] for path in COURSE] == [f"{number:02}" for number in range(1, len(COURSE) + 1)]


def test_chapter_has_every_part_of_a_lesson(chapter):
    text = text_of(chapter)
    assert chapter.cells[0].source.startswith("# ")
    assert re.search(r"\*\*Question:\*\* [^\n]+(\n[^\n]+)*\?\n\n", text)
    assert re.search(r"^Time: \d+ minutes\.", text, re.MULTILINE)
    assert "redict" in text
    assert re.search(r"mistake|wrong on purpose", text)
    assert [head for head in re.findall(r"^## (.*)$", text, re.MULTILINE) if head.startswith(("Exercise", "Summary"))] == [
        "Exercise 1", "Exercise 2", "Summary",
    ]  # fmt: skip


def test_every_exercise_has_a_check_and_a_hidden_solution_that_runs_it(chapter):
    code = [cell for cell in chapter.cells if cell.cell_type == "code"]
    hidden = [cell for cell in code if "solution" in cell.metadata.get("tags", ())]
    for number, cell in enumerate(hidden, 1):
        assert "hide-cell" in cell.metadata.tags  # the site and Jupyter Book
        assert cell.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}  # JupyterLab
        assert f"print(check_{number}(" in cell.source
        assert any(f"def check_{number}(" in other.source for other in code)
        assert f"exercise {number} is solved" in "".join(output.get("text", "") for output in cell.outputs)
    assert len(hidden) == 2


def test_links_of_chapters_have_targets():
    import nbformat

    for path in notebooks():
        for link in re.findall(r"\]\(([^)\s]+)\)", text_of(nbformat.read(path, as_version=4))):
            if not link.startswith("http"):
                assert (path.parent / link.partition("#")[0]).exists(), (path.name, link)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_saved_notebook_is_small_and_has_nothing_of_the_machine(path):
    text = path.read_text()
    assert len(text) < 400_000
    assert "widget-view" not in text
    for place in (str(Path.home()), str(NOTEBOOKS.parent), "/tmp/", "site-packages"):
        assert place not in text, place
    assert all(cell["outputs"] or not cell["source"] or cell["execution_count"] for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")


def output(text):
    import nbformat

    return nbformat.v4.new_output("stream", name="stdout", text=text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p50  16.2 µs ▏", "p50  8.05 ms ███▏"),
        ("memory 17.3 MB", "memory 18.1 MB"),
        ("Median time in the filter: 1 ms -> 2 ms (+3%; p = 0.8).", "Median time in the filter: 2 ms -> 1 ms (-5%; p = 0.4)."),
        ("0.104492 info", "0.204512 info"),
        ("Thu, 01 Jan 2026 00:00:02 GMT", "Thu, 01 Jan 2026 00:00:03 GMT"),
        ("get_current_time_nanoseconds() → 1767225600329611264", "get_current_time_nanoseconds() → 1767225600243917312"),
        ('<img src="data:image/png;base64,AAAA">', '<img src="data:image/png;base64,BBBB">'),
        ("────  ──", "─────────  ───"),
        ("\x1b[31mred\x1b[39m", "red"),
        ("on_response_headers  100  5.69 ms  56.9 µs  8,014\non_delete  100  6 ms  6 µs  451", "on_delete  100  7 ms  7 µs  451\non_response_headers  100  5 ms  5 µs  8,014"),
        ("x-envoy-upstream-service-time  —  104", "x-envoy-upstream-service-time  —  99"),
        ("worker-1 · 186 µs in total", "worker-1 · 9.1 ms in total · 4.2 ms of it before worker-1 was free"),
    ],
)
def test_figures_of_a_run_are_not_compared(old, new):
    assert same([output(old)], [output(new)])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status 200", "status 503"),
        ("2 added", "3 added"),
        ("worker-1", "worker-2"),
        ("['1', '2']", "['1', '1']"),
        ("memory 17.3 MB", "memory 29.5 MB"),
        ("9 bytes", "19 bytes"),
    ],
)
def test_facts_are_compared(old, new):
    assert not same([output(old)], [output(new)])


def test_sizes_can_be_left_out():
    assert same([output("memory 17.3 MB")], [output("memory 29.5 MB")], sizes=False)


START = """
0.105564  info   worker-1  VM4        0            top level
0.105843  info   worker-2  VM5        0            top level
0.114016  info   worker-2  VM5        1            vm start
0.116044  info   worker-1  VM4        1            vm start
"""


def test_lines_of_threads_that_start_together_are_compared_by_thread():
    first, second, third, fourth = START.strip().splitlines()
    assert stable("\n".join((first, second, third, fourth))) == stable("\n".join((second, third, first, fourth)))
    assert stable("\n".join((first, fourth))) != stable("\n".join((fourth, first)))
    rows = [f"<tr><td>0.1055{n}</td><td>info</td><td>worker-{n}</td><td>VM{n + 3}</td><td>0</td><td></td><td>top</td></tr>" for n in (1, 2)]
    assert stable("".join(rows), "text/html") == stable("".join(reversed(rows)), "text/html")


def test_order_of_lines_of_exchanges_is_compared():
    lines = [f"0.10556{n}  info  worker-{n}  VM{n + 3}  12  #{n}  greeted" for n in (1, 2)]
    assert stable("\n".join(lines)) != stable("\n".join(reversed(lines)))


def test_file_stays_as_it_was_saved_if_only_figures_differ(tmp_path):
    import nbformat

    cells = [nbformat.v4.new_code_cell("%wasmload x", outputs=[output(text)]) for text in ("median 3 µs", "ready after 4 ms")]
    saved = nbformat.v4.new_notebook(cells=cells)
    saved = save_form(saved, saved)
    write(saved, tmp_path / "saved.ipynb")
    before = (tmp_path / "saved.ipynb").read_bytes()
    executed = nbformat.from_dict(saved)
    executed.cells[0].outputs, executed.cells[1].outputs = [output("median 5 µs")], [output("ready after 6 ms")]
    write(save_form(executed, saved), tmp_path / "saved.ipynb")
    assert (tmp_path / "saved.ipynb").read_bytes() == before
    executed.cells[0].outputs = [output("mean 5 µs")]
    fresh = save_form(executed, saved)
    assert [cell.outputs[0].text for cell in fresh.cells] == ["mean 5 µs", "ready after 6 ms"]
    assert not same([output("a")], [])
