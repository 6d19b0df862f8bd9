"""Local variables in the traceback of a filter, including hostile values."""

from wasmnb.errors import FilterTrap, conclusion_of
from wasmnb.view.tracebacks.exception_chain import chain_of
from wasmnb.view.tracebacks.error_lines import error_lines, traceback_lines

TRACEBACK = """Traceback (most recent call last):
  File "Cell In[7]", line 3, in on_http_request_headers
    self.check(user)
    ~~~~~~~~~~^^^^^^
    local self = <F 2>
    local user = 'ann\x1b[31m'
  File "/python/json/decoder.py", line 345, in decode
    local s = '<script>'
ValueError: local no = 1"""

GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "Cell In[7]", line 3, in on_http_request_headers
  |     raise ExceptionGroup("many", [ValueError("a")])
  |     local user = 'ann'
  | ExceptionGroup: many (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: a
    +------------------------------------"""


def test_variables_belong_to_the_frame_above_them():
    (link,) = chain_of(TRACEBACK)
    first, second = link.frames
    assert (first.text, first.variables) == ("self.check(user)", ("self = <F 2>", "user = 'ann\x1b[31m'"))
    assert (second.text, second.variables) == ("", ("s = '<script>'",))
    assert link.conclusion == "ValueError: local no = 1"


def test_variables_follow_their_line_and_have_no_escape_codes():
    lines = traceback_lines(TRACEBACK)
    at = next(i for i, line in enumerate(lines) if line.startswith("  where "))
    assert lines[at - 1].endswith("self.check(user)")
    assert lines[at : at + 2] == ["  where self = <F 2>", "        user = 'ann\\x1b[31m'"]


def test_error_names_exchange_and_thread():
    error = FilterTrap("x", callback="proxy_on_tick", context_id=4, thread="worker-2", exchange=3)
    assert error_lines(error, callers=False)[-1] == "In proxy_on_tick, on context 4, for exchange 3, on worker-2."
    assert FilterTrap("x", callback="proxy_on_tick", context_id=4).where == "on context 4"


def test_conclusion_of_a_traceback_is_the_line_with_the_exception():
    assert conclusion_of(TRACEBACK) == "ValueError: local no = 1"
    assert conclusion_of(GROUP) == "ExceptionGroup: many (1 sub-exception)"
    chained = f"{TRACEBACK}\n\nDuring handling of the above exception, another exception occurred:\n\n"
    last = 'Traceback (most recent call last):\n  File "x", line 1, in f\nKeyError: one\ntwo'
    assert conclusion_of(chained + last) == "KeyError: one"
    assert conclusion_of("MemoryError (its traceback cannot be shown)").startswith("MemoryError")
