"""`make demo`: a notebook that runs without a browser, and its output on a terminal."""

import subprocess
import sys

import pytest

from wasmnb.notebook import demo


@pytest.fixture(autouse=True)
def no_runtime(monkeypatch):
    monkeypatch.setattr(demo, "prepare_runtime", lambda: None)


def write(path, *cells):
    import nbformat

    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), path)
    return path


@pytest.mark.slow
def test_consecutive_outputs_of_one_stream_are_joined():
    import nbformat

    outputs = [
        *(nbformat.v4.new_output("stream", name="stdout", text=text) for text in (".", ".", " 2 passed\n")),
        nbformat.v4.new_output("stream", name="stderr", text="careful\n"),
        nbformat.v4.new_output("execute_result", data={"text/plain": "4"}),
        nbformat.v4.new_output("error", ename="KeyError", evalue="'x'"),
    ]
    assert list(demo.texts(outputs)) == [".. 2 passed\n", "careful\n", "4", "KeyError: 'x'"]


@pytest.mark.slow
def test_cells_are_shown_by_their_first_line(capsys):
    import nbformat

    cells = [nbformat.v4.new_markdown_cell("# words"), nbformat.v4.new_code_cell("a = 1\na", outputs=[nbformat.v4.new_output("execute_result", data={"text/plain": "1"})])]
    demo.show(nbformat.v4.new_notebook(cells=cells))
    assert capsys.readouterr().out == "\n── a = 1 …\n1\n"


@pytest.mark.slow
def test_demo_runs_shows_and_exports_a_notebook(tmp_path, capsys):
    notebook, page = write(tmp_path / "a.ipynb", "print('one')", "1 + 1"), tmp_path / "deep" / "a.html"
    assert demo.main([str(notebook), "--output", str(page)]) == 0
    out = capsys.readouterr().out
    assert "── print('one')\none\n" in out
    assert f"open {page} to see it" in out
    assert "one" in page.read_text()


@pytest.mark.slow
def test_failing_cell_stops_the_demo_with_exit_code_1(tmp_path, capsys):
    notebook = write(tmp_path / "a.ipynb", "1 / 0", "print('later')")
    assert demo.main([str(notebook), "--output", str(tmp_path / "a.html")]) == 1
    shown = capsys.readouterr()
    assert "ZeroDivisionError" in shown.err
    assert "later\n" not in shown.out


@pytest.mark.slow
def test_interrupt_while_a_cell_runs_prints_one_word(tmp_path):
    """The cell itself sends the signal, so that it arrives while the cell runs."""
    notebook = write(tmp_path / "a.ipynb", "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)")
    program = "import sys; from wasmnb.notebook import demo; demo.prepare_runtime = lambda: None; sys.exit(demo.main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", program, str(notebook)], capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.endswith("Interrupted.\n")
    assert "Traceback" not in done.stderr


def test_missing_notebook_is_reported(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        demo.main([str(tmp_path / "no.ipynb")])
    assert caught.value.code == 2
    assert "doesn't exist" in capsys.readouterr().err
