"""The files that one header write passes through, as CONTRIBUTING.md lists them."""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.host.call_walks import ROOT, section
from wasmnb import Filter, Proxy

SDK = "wasmnb/sdk/"
STUBS = "wasmnb/host/vm/hostcall_stubs.py"
HOSTCALL = "<wasmnb hostcall proxy_replace_header_map_value>"

#: Steps without Python code at run time: the binding is machine code in the module, and the record is a tuple.
BINDING, RECORD = "wasmnb/compiler/glue/built_ins.py", "wasmnb/host/trace/records.py"

WRITE = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
"""


def listed_files():
    """Files of the section "Follow a header write", in order."""
    return re.findall(r"^\d+\. `(wasmnb/\S+)`", section("Follow a header write"), re.M)


def file_of(frame):
    """Return the file of a frame inside the repository, or '' for other frames, such as the filter's."""
    name = frame.f_code.co_filename
    if name == HOSTCALL:
        return STUBS  # its text is generated there
    return str(Path(name).relative_to(ROOT)) if name.startswith(f"{ROOT}/wasmnb") else ""


@contextmanager
def calls_observed(on_call):
    """Call `on_call(frame, event)` for the calls of Python functions and their returns."""
    sys.setprofile(lambda frame, event, _: on_call(frame, event) if event in ("call", "return") else None)
    try:
        yield
    finally:
        sys.setprofile(None)


def sdk_files():
    """Files of the SDK that the filter's assignment runs, up to the binding. The SDK is the same code natively."""
    files, writing = [], [False]

    def on_call(frame, event):
        caller = frame.f_back
        if frame.f_code.co_name == "on_http_request_headers" and not file_of(frame):
            writing[0] = event == "call"
        elif writing[0] and event == "call" and file_of(frame).startswith(SDK):
            if file_of(caller).startswith(SDK) or caller.f_code.co_name == "on_http_request_headers":
                files.append(file_of(frame))

    with Proxy(Filter.native(WRITE, "write"), workers=1) as proxy, calls_observed(on_call):
        proxy.get("/")
    return list(dict.fromkeys(files))


def host_files():
    """Files that run from the module's import on, in order."""
    files, inside = [], [False]

    def on_call(frame, event):
        if frame.f_code.co_filename == HOSTCALL:
            inside[0] = event == "call"
            files.append(file_of(frame.f_back))
        if inside[0]:
            files.append(file_of(frame))

    with Proxy(Filter.from_source(WRITE, name="write"), workers=1) as proxy, calls_observed(on_call):
        proxy.get("/")
    return list(dict.fromkeys(files))


def test_header_write_passes_through_the_listed_files_in_order():
    assert [*sdk_files(), BINDING, *host_files(), RECORD] == listed_files()


def test_steps_without_code_at_run_time_are_part_of_the_path():
    assert "header_set" in (ROOT / BINDING).read_text()
    assert re.search(r"from \.\.trace\.records import .*HOST_NS", (ROOT / STUBS).read_text())


def test_list_has_at_most_ten_files_that_exist():
    listed = listed_files()
    assert 5 <= len(listed) <= 10
    assert [f for f in listed if not (ROOT / f).is_file()] == []
