"""The functions that read a trace event, as CONTRIBUTING.md lists them."""

import re
import sys
from pathlib import Path

from wasmnb import Filter, Proxy
from wasmnb.abi.table import HOSTCALLS
from wasmnb.host.trace.records import CallbackSchema, HostcallSchema

ROOT = Path(__file__).parents[2]

FILTER = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers.items()
"""


def listed_functions():
    """Return file and name of the functions in the section "Follow a trace event", in order."""
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## Follow a trace event")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `(wasmnb/\S+)`: `(\S+)`", section, re.M)


def called_functions(exchange):
    """Return file and qualified name of the package's functions in the order of their first call while events are read."""
    calls = {}

    def observe(frame, event, _arg):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "wasmnb"):
            calls[str(path.relative_to(ROOT)), frame.f_code.co_qualname.partition(".<locals>")[0]] = None

    sys.setprofile(observe)
    try:
        events = exchange.events
    finally:
        sys.setprofile(None)
    assert "get_header_map_pairs" in [event.name for event in events]
    return list(calls)


def test_reading_events_calls_the_listed_functions_in_order():
    with Proxy(Filter.native(FILTER, "f"), workers=1) as proxy:
        called = called_functions(proxy.get("/"))
    listed = listed_functions()
    assert listed[-1] == ("wasmnb/abi/table.py", "HOSTCALLS")  # a table
    assert len(listed) >= 5
    assert [function for function in called if function in listed] == listed[:-1]


def test_schemas_of_records_are_rows_of_the_table():
    from wasmnb.host.vm.hostcall_stubs import schema_of

    row = HOSTCALLS["proxy_get_header_map_pairs"]
    schema = schema_of("proxy_get_header_map_pairs")
    assert isinstance(schema, HostcallSchema) and not isinstance(schema, CallbackSchema)
    assert (schema.short, schema.inputs, schema.outputs) == (row.short, tuple(row.inputs), tuple(row.outputs))
