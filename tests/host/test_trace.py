"""The trace: every callback and hostcall once, in order, decoded, within its limit."""

from tests.host.host_kit import scripted_proxy
from wasmnb.abi import BufferType, HeaderMapType, HeadersStatus, Status
from wasmnb.host.trace.records import KEEP
from wasmnb.messages import Response


def events(exchange, name):
    return [e for e in exchange.events if e.name == name]


def test_arguments_and_results_are_decoded():
    script = """on_request_headers: get_header_map_value REQUEST_HEADERS :path; get_property request/path; get_shared_data k
on_response_body: get_buffer_bytes HTTP_RESPONSE_BODY 0 3"""
    with scripted_proxy(script, upstream=Response(body=b"hello")) as proxy:
        exchange = proxy.get("/p")
        get = events(exchange, "get_header_map_value")[-1]
        assert get.args == {"map_type": HeaderMapType.REQUEST_HEADERS, "key": b":path"}
        assert (get.status, get.result) == (Status.OK, b"/p")
        assert events(exchange, "get_property")[0].args == {"path": [b"request", b"path"]}
        missing = events(exchange, "get_shared_data")[0]
        assert (missing.status, missing.result) == (Status.NOT_FOUND, None)
        body = events(exchange, "get_buffer_bytes")[0]
        assert body.args == {"buffer_type": BufferType.HTTP_RESPONSE_BODY, "start": 0, "length": 3}
        assert body.result == b"hel"


def test_hostcalls_refer_to_their_callback():
    with scripted_proxy("on_request_headers: get_current_time_nanoseconds") as proxy:
        exchange = proxy.get("/")
        callback = events(exchange, "on_request_headers")[0]
        call = events(exchange, "get_current_time_nanoseconds")[0]
        assert call.parent == callback.seq
        assert (call.thread, call.vm, call.context) == (callback.thread, callback.vm, callback.context)
        assert callback.exchange == call.exchange == exchange.number
        assert callback.args == {"context_id": 2, "num_headers": 6, "end_of_stream": 1}
        assert callback.result == HeadersStatus.CONTINUE
        assert callback.guest_ns > 0
        assert callback.host_ns > 0
        assert "on_request_headers" in str(callback)


def test_sequence_numbers_are_contiguous_and_old_events_are_dropped():
    with scripted_proxy(trace_limit=50) as proxy:
        for _ in range(5):
            proxy.get("/")
        numbers = [e.seq for e in proxy.trace]
        assert numbers == list(range(proxy.trace.dropped, proxy.trace.dropped + 50))
        assert "50 events" in repr(proxy.trace)
        assert proxy.trace[-1].seq == numbers[-1]
        assert len(proxy.trace[:10]) == 10


def test_exchange_has_its_own_events_and_callouts():
    script = """on_request_headers: http_call upstream :method=GET&:path=/c&:authority=a _ _ 0; return 1
on_http_call_response: set_effective_context stream; continue_stream REQUEST"""
    with scripted_proxy(script) as proxy:
        first, second = proxy.get("/1"), proxy.get("/2")
        assert {e.exchange for e in first.events} == {first.number}
        assert len(events(second, "on_http_call_response")) == 1
        assert [(c.request.path, c.state) for c in second.callouts] == [("/c", "answered")]
        assert second.callouts[0].response.status == 200


def test_long_arguments_are_cut_and_keep_their_size():
    script = f"on_request_headers: set_shared_data k repeat:x:{KEEP + 100} 0"
    with scripted_proxy(script) as proxy:
        value = events(proxy.get("/"), "set_shared_data")[0].args["value"]
        assert (len(value), value.full_size) == (KEEP, KEEP + 100)
        assert len(proxy.shared_data["k"]) == KEEP + 100
        (entry,) = proxy.shared_data.entries()
        assert (entry.key, len(entry.value), entry.cas) == (b"k", KEEP + 100, 1)


def test_times_are_virtual():
    with scripted_proxy("on_request_headers: return 0", guest_time=0.25, upstream=Response(latency=2.0)) as proxy:
        exchange = proxy.get("/")
        assert 2.0 < exchange.duration < 5.0
        assert exchange.response.headers.get("x-envoy-upstream-service-time") == "2000"
        assert proxy.now >= exchange.finished > exchange.started
