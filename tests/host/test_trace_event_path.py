"""The functions that read a trace event, as CONTRIBUTING.md lists them."""

from tests.host.call_walks import called_functions, listed_functions
from wasmnb import Filter, Proxy
from wasmnb.abi.table import HOSTCALLS
from wasmnb.host.trace.records import CallbackSchema, HostcallSchema

FILTER = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers.items()
"""


def test_reading_events_calls_the_listed_functions_in_order():
    with Proxy(Filter.native(FILTER, "f"), workers=1) as proxy:
        exchange = proxy.get("/")
        called = called_functions(lambda: exchange.events)
        assert "get_header_map_pairs" in [event.name for event in exchange.events]
    listed = listed_functions("Follow a trace event")
    assert listed[-1] == ("wasmnb/abi/table.py", "HOSTCALLS")  # a table
    assert len(listed) >= 5
    assert [function for function in called if function in listed] == listed[:-1]


def test_schemas_of_records_are_rows_of_the_table():
    from wasmnb.host.vm.hostcall_stubs import schema_of

    row = HOSTCALLS["proxy_get_header_map_pairs"]
    schema = schema_of("proxy_get_header_map_pairs")
    assert isinstance(schema, HostcallSchema) and not isinstance(schema, CallbackSchema)
    assert (schema.short, schema.inputs, schema.outputs) == (row.short, tuple(row.inputs), tuple(row.outputs))
