"""Errors with the lines of the cell."""

import linecache
from pathlib import Path

import pytest

import wasmnb
from wasmnb.errors import BuildError, FilterTrap, SourceError, UsageError
from wasmnb.view import error_lines

CELL = "%%wasmfilter auth\nfrom wasmnb.sdk import HttpContext\n\nclass Auth(HttpContext):\n    def on_http_request_headers(self, n, eos)\n        return self.users['x']\n"


@pytest.fixture(autouse=True)
def cell():
    linecache.cache["Cell In[3]"] = (len(CELL), None, CELL.splitlines(keepends=True), "Cell In[3]")
    yield
    del linecache.cache["Cell In[3]"]


def test_syntax_error_has_its_line_and_a_caret_under_its_column():
    error = SourceError("expected ':'", filename="Cell In[3]", lineno=5, offset=46, hint="Add a colon.")
    assert error_lines(error) == [
        "  Cell In[3], line 5",
        "    def on_http_request_headers(self, n, eos)",
        "                                             ^",
        "SourceError: expected ':'",
        "Add a colon.",
    ]


def test_error_without_a_column_shows_the_lines_around_it():
    lines = error_lines(SourceError("No module named 'requests'", filename="Cell In[3]", lineno=2))
    assert "----> 2 from wasmnb.sdk import HttpContext" in lines
    assert "      1 %%wasmfilter auth" in lines
    assert lines[-1] == "SourceError: No module named 'requests'"


def test_trap_shows_the_guests_frames_with_the_cells_lines():
    guest = "Traceback (most recent call last):\n  File \"Cell In[3]\", line 6, in on_http_request_headers\n    x\nKeyError: 'x'\n"
    lines = error_lines(
        FilterTrap("The filter failed", callback="proxy_on_request_headers", context_id=3, traceback=guest)
    )
    assert "Cell In[3], line 6, in on_http_request_headers" in lines
    assert "----> 6         return self.users['x']" in lines
    assert "KeyError: 'x'" in lines
    assert lines[-1] == "In proxy_on_request_headers, on context 3."


def test_errors_without_a_position_are_one_line():
    assert error_lines(BuildError("No disk space left")) == ["BuildError: No disk space left"]


def test_error_in_an_unknown_file_shows_only_its_position():
    lines = error_lines(SourceError("broken", filename="gone.py", lineno=9))
    assert "gone.py, line 9" in lines


def test_hostile_names_are_shown_escaped():
    lines = error_lines(SourceError("bad \x1b[2J", filename="\x1b]0;x\x07", lineno=1), colour=False)
    assert "\x1b" not in "\n".join(lines)


def test_colour_is_ansi_and_off_by_default():
    error = SourceError("expected ':'", filename="Cell In[3]", lineno=5, offset=46)
    assert "\x1b[31;1mSourceError\x1b[0m: expected ':'" in error_lines(error, colour=True)


def test_lines_of_the_caller_come_first_and_internal_frames_are_hidden():
    ours = compile("def ours(inner): inner()", str(Path(wasmnb.__file__).with_name("inner.py")), "exec")
    space = {}
    exec(ours, space)

    def raise_it():
        raise UsageError("no such filter")

    def cell():
        space["ours"](raise_it)

    with pytest.raises(UsageError) as caught:
        cell()
    text = "\n".join(error_lines(caught.value))
    assert 'space["ours"](raise_it)' in text
    assert "in cell" in text
    assert "inner.py" not in text
    assert text.endswith("UsageError: no such filter")
    assert error_lines(caught.value, callers=False) == ["UsageError: no such filter"]


def test_errors_have_the_traceback_hook_of_ipython():
    assert BuildError("No disk space left")._render_traceback_()[-1].endswith("No disk space left")


def test_generated_methods_of_the_package_are_not_callers():
    with pytest.raises(UsageError) as caught:
        wasmnb.Plugin("nothing", name="x")
    lines = error_lines(caught.value)
    assert not [line for line in lines if line.endswith("in __init__")]
    assert any("test_errors.py" in line for line in lines)
