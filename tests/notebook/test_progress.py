"""Progress of a build on a terminal and in a notebook."""

import io

import pytest

from wasmnb.compiler.release.release_filter import STEPS
from wasmnb.notebook.progress import Progress, TerminalProgress, WidgetProgress, progress_for


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_cached_build_shows_no_progress():
    stream = Terminal()
    with TerminalProgress(stream):
        pass
    assert stream.getvalue() == ""


def test_terminal_gets_one_line_that_is_redrawn(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with TerminalProgress(stream) as progress:
        progress("linking", 0.5)
        progress("compiling", 2.0)
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert " 50%" in text
    assert "100%" in text
    assert text.endswith("later filters use it from the cache.\n")


def test_verdict_of_a_release_module_does_not_name_the_runtime():
    stream = io.StringIO()
    with TerminalProgress(stream) as progress:
        for text, begin, _ in STEPS.values():
            progress(text, begin)
    assert stream.getvalue().endswith("%  Packing the module\nRelease module built in 0.0 s.\n")


def test_file_gets_one_line_per_step():
    stream = io.StringIO()
    with TerminalProgress(stream) as progress:
        progress("linking", 0.5)
        progress("linking", 0.6)
        progress("compiling", 0.7)
    assert stream.getvalue().splitlines()[:-1] == [" 50%  linking", " 70%  compiling"]


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_line_is_shorter_than_the_terminal(columns, monkeypatch):
    """A longer line would wrap and could not be redrawn."""
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = Terminal()
    with TerminalProgress(stream) as progress:
        progress("Building the runtime: Python and its imports", 0.5)
        drawn = stream.getvalue().removeprefix("\r\x1b[2K")
    assert len(drawn) < columns
    assert " 50%" in drawn
    assert ("█" in drawn) == (columns >= 80)


def test_dumb_terminal_gets_one_line_per_step(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with TerminalProgress(stream) as progress:
        progress("linking", 0.5)
    assert "\x1b" not in stream.getvalue()
    assert " 50%  linking\n" in stream.getvalue()


def test_failed_build_prints_no_verdict():
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), TerminalProgress(stream) as progress:
        progress("linking", 0.5)
        raise KeyboardInterrupt
    assert "built" not in stream.getvalue()


def test_display_fits_the_front_end():
    class Shell:
        kernel = object()

    assert isinstance(progress_for(Shell()), WidgetProgress)
    assert isinstance(progress_for(object()), TerminalProgress)
    assert isinstance(progress_for(Shell(), "text"), TerminalProgress)
    assert type(progress_for(Shell(), "off")) is Progress
