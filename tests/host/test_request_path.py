"""The functions that a request passes through, as CONTRIBUTING.md lists them."""

import re
import sys
from pathlib import Path

from wasmnb import Filter, Proxy

ROOT = Path(__file__).parents[2]

FILTER = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
"""


def listed_functions():
    """Return file and name of the functions in the section "Follow a request", in order."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Follow a request")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `(wasmnb/\S+)`: `(\S+)`", section, re.M)


def called_functions(proxy):
    """Return file and qualified name of the package's functions in the order of their first call during a request."""
    calls = {}

    def observe(frame, event, _arg):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "wasmnb"):
            calls[str(path.relative_to(ROOT)), frame.f_code.co_qualname.partition(".<locals>")[0]] = None

    sys.setprofile(observe)
    try:
        proxy.get("/")
    finally:
        sys.setprofile(None)
    return list(calls)


def test_request_calls_the_listed_functions_in_order():
    with Proxy(Filter.from_source(FILTER), workers=1) as proxy:
        proxy.get("/")
        called = called_functions(proxy)
    listed = listed_functions()
    assert len(listed) == 11
    assert [function for function in called if function in listed] == listed
