"""The files that one header write crosses, as CONTRIBUTING.md lists them."""

import re
import sys
from pathlib import Path

from wasmnb import Filter, Proxy

ROOT = Path(__file__).parents[2]
PACKAGE = str(ROOT / "wasmnb")
HOSTCALL = "<wasmnb hostcall proxy_replace_header_map_value>"

WRITE = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
"""


def listed_files():
    """Files of the section "Follow a header write", in order."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Follow a header write")[1].split("\n## ")[0]
    return re.findall(r"^\d\. `(wasmnb/\S+)`", section, re.M)


def crossed_files(proxy):
    """Python files that run inside the hostcall of a header write."""
    files, inside = [], [False]

    def observe(frame, event, _arg):
        name = frame.f_code.co_filename
        if event not in ("call", "return"):
            return
        if name == HOSTCALL:
            inside[0] = event == "call"
            name = f"{PACKAGE}/host/vm/hostcall_stubs.py"  # its text is generated there
        elif not inside[0] or not name.startswith(PACKAGE):
            return
        path = str(Path(name).relative_to(ROOT))
        if path not in files:
            files.append(path)

    sys.setprofile(observe)
    try:
        proxy.get("/")
    finally:
        sys.setprofile(None)
    return files


def test_header_write_crosses_the_listed_files_in_order():
    with Proxy(Filter.from_source(WRITE, name="write"), workers=1) as proxy:
        crossed = crossed_files(proxy)
    assert len(crossed) >= 4
    assert crossed == [f for f in listed_files() if f in crossed]


def test_list_has_at_most_ten_files_that_exist():
    listed = listed_files()
    assert 5 <= len(listed) <= 10
    assert [f for f in listed if not (ROOT / f).is_file()] == []
