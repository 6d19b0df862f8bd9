"""Chains of exceptions: frames, messages, and Python's sentences between them."""

import linecache

import pytest

from wasmnb import Filter
from wasmnb.errors import FilterTrap, SourceError
from wasmnb.parsing.tracebacks import conclusion_of
from wasmnb.view import error_lines
from wasmnb.view.tracebacks.error_lines import traceback_lines

CELL = "%%wasmfilter a\ndef lookup(user):\n    try:\n        return {}[user]\n    except KeyError as error:\n        raise ValueError(user) from error\n"
CHAIN = """\
Traceback (most recent call last):
  File "Cell In[8]", line 4, in lookup
    return {}[user]
           ~~^^^^^^
KeyError: 'ann'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "Cell In[8]", line 6, in lookup
    raise ValueError(user) from error
ValueError: ann
"""
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "x", line 1, in <module>
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------"""


@pytest.fixture(autouse=True)
def cell():
    linecache.cache["Cell In[8]"] = (len(CELL), None, CELL.splitlines(keepends=True), "Cell In[8]")
    yield
    del linecache.cache["Cell In[8]"]


def test_each_exception_follows_its_own_source_lines():
    lines = traceback_lines(CHAIN)
    assert lines.index("KeyError: 'ann'") < lines.index("----> 6         raise ValueError(user) from error")
    assert lines[-1] == "ValueError: ann"
    assert sum("Traceback" in line for line in lines) == 0


def test_trap_has_the_format_of_an_ipython_exception_chain():
    lines = error_lines(FilterTrap("proxy_on_tick failed: ValueError: ann", callback="proxy_on_tick", traceback=CHAIN))
    heads = [line.split()[0] for line in lines if line.endswith("Traceback (inside the filter)")]
    assert heads == ["KeyError", "FilterTrap"]
    assert "The above exception was the direct cause of the following exception:" in lines
    assert "FilterTrap: proxy_on_tick failed: ValueError: ann" in lines


def test_unknown_line_keeps_the_text_of_the_guest():
    text = 'Traceback (most recent call last):\n  File "<filter>", line 7, in f\n    return 1 / 0\n           ~~^~~\nZeroDivisionError: x\n'
    assert "----> 7 return 1 / 0" in traceback_lines(text)


def test_lines_of_another_file_with_the_same_name_are_not_shown():
    text = 'Traceback (most recent call last):\n  File "Cell In[8]", line 2, in f\n    return 1 / 0\nZeroDivisionError: x\n'
    lines = traceback_lines(text)
    assert "----> 2 return 1 / 0" in lines
    assert not any("def lookup" in line for line in lines)


def test_syntax_error_in_a_string_shows_its_line():
    with pytest.raises(SourceError) as caught:
        Filter.from_source("class A(HttpContext):\n    pass\n\nclass B(\n")
    assert "    class B(" in error_lines(caught.value)


def test_exception_group_keeps_the_format_of_python():
    assert traceback_lines(GROUP) == GROUP.split("\n")


@pytest.mark.parametrize("text", ["", "wasm backtrace:\n  0: 0x1234 - <unknown>", "just a line of a log"])
def test_other_text_has_no_traceback_lines(text):
    assert traceback_lines(text) == []


def test_hostile_names_of_exceptions_do_not_reach_the_terminal():
    text = CHAIN.replace("KeyError: 'ann'", "K\x1b[2J: \x1b]0;x\x07")
    assert "\x1b" not in "\n".join(error_lines(FilterTrap("x", traceback=text)))


def test_recursion_shows_the_number_of_repeated_frames():
    text = (
        'Traceback (most recent call last):\n  File "Cell In[8]", line 2, in lookup\n    def lookup(user):\n'
        "    ~~~~~~^^^\n  [Previous line repeated 974 more times]\nRecursionError: maximum recursion depth exceeded\n"
    )
    assert "        ... Previous line repeated 974 more times" in traceback_lines(text)


def test_long_message_is_cut():
    long = 'Traceback (most recent call last):\n  File "Cell In[8]", line 2, in lookup\nValueError: ' + "x" * 100_000
    many = long.replace("x" * 100_000, "\n".join(map(str, range(1000))))
    for text in (long, many):
        lines = traceback_lines(text)
        assert sum(map(len, lines)) < 1500
        assert "more" in lines[-1]
        error = FilterTrap(f"it failed: {conclusion_of(text)}", traceback=text)
        assert len("\n".join(error_lines(error, callers=False))) < 2500
