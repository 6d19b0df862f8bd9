"""Local variables in the traceback of a filter, including hostile values."""

from wasmnb.errors import FilterTrap
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


def test_variables_follow_their_line_and_have_no_escape_codes():
    lines = traceback_lines(TRACEBACK)
    at = next(i for i, line in enumerate(lines) if line.startswith("  where "))
    assert lines[at - 1].endswith("self.check(user)")
    assert lines[at : at + 2] == ["  where self = <F 2>", "        user = 'ann\\x1b[31m'"]


def test_error_names_exchange_and_thread():
    error = FilterTrap("x", callback="proxy_on_tick", context_id=4, thread="worker-2", exchange=3)
    assert error_lines(error, callers=False)[-1] == "In proxy_on_tick, on context 4, for exchange 3, on worker-2."
    assert FilterTrap("x", callback="proxy_on_tick", context_id=4).where == "on context 4"
