"""The plain hostcalls: one function for each of the ABI's."""

import inspect

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.abi import AbiVersion, hostcalls_for
from wasmnb.sdk import hostcalls


def test_every_hostcall_has_a_function():
    assert set(hostcalls.__all__) == {h.short for h in hostcalls_for(AbiVersion.V0_2_1).values()}
    for name in hostcalls.__all__:
        assert inspect.getdoc(getattr(hostcalls, name)), name


def run(code, **options):
    body = "\n".join("        " + line for line in code.strip().splitlines())
    source = f"from wasmnb.sdk.hostcalls import *\nclass F(HttpContext):\n    def on_http_request_headers(self, n, e):\n{body}"
    proxy = FakeProxy(source, **options)
    i = proxy.create()
    proxy.streams[i].maps[0] = [(b"a", b"1")]
    proxy.streams[i].buffers[0] = b"body"
    proxy.call("on_request_headers", i, 1, 0)
    return proxy, proxy.streams[i]


def test_header_map_hostcalls_return_their_outputs():
    _, stream = run("""
m = HeaderMapType.REQUEST_HEADERS
assert get_header_map_value(m, "a") == b"1" and get_header_map_size(m) == 2
add_header_map_value(m, "b", "2"); replace_header_map_value(m, "a", 3); remove_header_map_value(m, "zz")
assert get_header_map_pairs(m) == [(b"a", b"3"), (b"b", b"2")]
set_header_map_pairs(m, {"c": "4"})
try:
    get_header_map_value(HeaderMapType.RESPONSE_HEADERS, "x")
except BadArgument as error:
    assert "get_header_map_value(RESPONSE_HEADERS, 'x')" in str(error)
else:
    assert False
""")
    assert stream.maps[0] == [(b"c", b"4")]


def test_buffer_hostcalls_read_and_write():
    _, stream = run("""
b = BufferType.HTTP_REQUEST_BODY
assert get_buffer_bytes(b) == b"body" and get_buffer_bytes(b, 1, 2) == b"od" and get_buffer_status(b) == (4, 0)
set_buffer_bytes(b, 0, 1, "B")
set_buffer_bytes(b, 99, 0, "!")
""")
    assert stream.buffers[0] == b"Body!"


def test_stream_context_time_and_log_hostcalls_reach_the_proxy():
    proxy, stream = run("""
log(LogLevel.WARN, "text")
assert get_log_level() is LogLevel.INFO and get_current_time_nanoseconds() > 0 and get_status() == (0, b"")
set_tick_period_milliseconds(5)
send_local_response(418, "why", "body", {"x": "y"})
continue_stream(StreamType.REQUEST); close_stream(StreamType.REQUEST); done()
set_effective_context(1)
assert call_foreign_function("reverse", b"ab") == b"ba"
self.request_headers["a"] = "found its way back"
""")
    assert proxy.logs == [(3, "text")] and proxy.tick_period == 5
    assert stream.local[:4] == (418, b"why", b"body", [(b"x", b"y")]) and stream.continued == [0] and stream.closed
    assert stream.maps[0] == [(b"a", b"found its way back")]


def test_property_data_queue_and_metric_hostcalls_reach_the_proxy():
    run("""
set_property("k", "v")
assert get_property("k") == b"v"
set_shared_data("k", "v")
value, cas = get_shared_data("k")
set_shared_data("k", "w", cas)
q = register_shared_queue("q")
assert resolve_shared_queue("", "q") == q
enqueue_shared_queue(q, "item")
assert dequeue_shared_queue(q) == b"item"
m = define_metric(MetricType.GAUGE, "g")
increment_metric(m, -3); record_metric(m, 9)
assert get_metric(m) == 9
""")


def test_callout_hostcalls_reach_the_proxy():
    proxy, _ = run("""
http_call("c", {":method": "GET", ":path": "/", ":authority": "c"}).on_response(lambda r: log_info("%d", r.status))
grpc_call("c", "S", "M").on_response(lambda r: log_info("%s", r.ok))
s = grpc_stream("c", "S", "M")
grpc_send(s.token, "x", True); grpc_close(s.token); grpc_cancel(s.token)
""", clusters={"c": lambda h, b: (200, {}, b"")})
    proxy.respond_to_calls()
    proxy.call("on_grpc_receive", 1, 5, 0)
    assert [t for _, t in proxy.logs] == ["200", "True"]


def test_hostcall_outside_a_callback_is_refused():
    import contextvars

    with pytest.raises(RuntimeError, match="a hostcall was made while no proxy runs the filter"):
        contextvars.Context().run(hostcalls.get_log_level)
