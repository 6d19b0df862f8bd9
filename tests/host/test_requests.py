"""Requests through the filter to the upstream and back, and their exchanges."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.errors import UsageError
from wasmnb.host import Proxy
from wasmnb.messages import Response

from tests.host.host_kit import calls, scripted_proxy, wat

HEADERS_WAT = """
 (data (i32.const 16) ":path") (data (i32.const 32) "x-path") (data (i32.const 48) "x-done")
 (func (export "proxy_on_context_create") (param i32 i32))
 (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
   (drop (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 100) (i32.const 104)))
   (drop (call $set (i32.const 0) (i32.const 32) (i32.const 6) (i32.load (i32.const 100)) (i32.load (i32.const 104))))
   (i32.const 0))
 (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
   (drop (call $set (i32.const 2) (i32.const 48) (i32.const 6) (i32.const 48) (i32.const 6)))
   (i32.const 0))"""
HEADERS_IMPORTS = """
 (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
 (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))"""


@pytest.fixture
def proxy():
    with Proxy(wat(HEADERS_WAT, imports=HEADERS_IMPORTS), workers=4) as proxy:
        yield proxy


def test_request_passes_a_wat_module_with_four_workers(proxy):
    exchange = proxy.request("GET", "/hello?a=1")
    assert (exchange.response.status, exchange.state) == (200, "done")
    assert exchange.upstream_request.headers.get("x-path") == "/hello?a=1"
    assert exchange.response.headers.get("x-done") == "x-done"
    assert "x-done" not in exchange.upstream_response.headers
    assert "x-path" not in exchange.request.headers


def test_workers_take_turns_and_can_be_chosen(proxy):
    assert [proxy.get("/").worker for _ in range(5)] == [1, 2, 3, 4, 1]
    assert proxy.get("/", worker=3).worker == 3
    with pytest.raises(UsageError, match="no worker 9"):
        proxy.get("/", worker=9)


def test_envoy_makes_workers_plus_three_vms_and_workers_plus_two_plugin_contexts():
    with scripted_proxy(workers=4) as proxy:
        created = [e for e in proxy.trace if e.kind == "vm" and e.name == "created"]
        started = [e for e in proxy.trace if e.name == "on_vm_start"]
        assert [e.args["role"] for e in created] == ["base", "canary", "main"] + 4 * ["worker"]
        assert len(started) == len([e for e in proxy.trace if e.name == "on_configure"]) == 6
        assert len([e for e in proxy.trace if e.name == "_initialize"]) == 7
        assert len(proxy.vms) == 6


def test_get_runs_the_recorded_callbacks():
    with scripted_proxy(upstream=Response(200, [("x-up", "1")], b"hello")) as proxy:
        assert calls(proxy.get("/")) == [
            "on_context_create(2, 1)",
            "on_request_headers(2, 6, 1)",
            "on_response_headers(2, 4, 0)",
            "on_response_body(2, 5, 0)",
            "on_response_body(2, 0, 1)",
            "on_log(2)",
            "on_done(2)",
            "on_delete(2)",
        ]


def test_chunks_and_trailers_arrive_one_by_one():
    with scripted_proxy() as proxy:
        exchange = proxy.request("POST", "/", chunks=[b"aaaa", b"bb"], trailers=[("x-rt", "1")])
        assert calls(exchange)[1:5] == [
            "on_request_headers(2, 6, 0)",
            "on_request_body(2, 4, 0)",
            "on_request_body(2, 2, 0)",
            "on_request_trailers(2, 1)",
        ]
        assert exchange.upstream_request.body == b"aaaabb"
        assert exchange.upstream_request.trailers.items() == [("x-rt", "1")]
        assert exchange.upstream_request.headers.get("transfer-encoding") == "chunked"


def test_last_http2_chunk_has_the_end_of_stream():
    with scripted_proxy() as proxy:
        exchange = proxy.request("POST", "/", body=b"abc", http2=True)
        assert "on_request_body(2, 3, 1)" in calls(exchange)
        assert "transfer-encoding" not in exchange.response.headers


def test_same_scenario_has_the_same_trace():
    def run():
        with scripted_proxy("on_configure: set_tick_period_milliseconds 10", workers=3, seed=7) as proxy:
            for _ in range(3):
                proxy.get("/")
            proxy.advance(0.1)
            return [(e.seq, e.time, str(e)) for e in proxy.trace]

    assert run() == run()


def test_client_sends_chunk_by_chunk_and_disconnects():
    with scripted_proxy() as proxy:
        stream = proxy.open("POST", "/")
        stream.send_body(b"aaaa")
        assert stream.exchange.state == "open"
        exchange = stream.reset()
        assert calls(exchange)[-3:] == ["on_log(2)", "on_done(2)", "on_delete(2)"]
        assert (exchange.state, exchange.response) == ("reset", None)
        with pytest.raises(UsageError):
            stream.send_body(b"late")


def test_closed_proxy_raises_a_usage_error():
    proxy = scripted_proxy()
    proxy.close()
    with pytest.raises(UsageError, match="closed"):
        proxy.get("/")
    assert proxy.state == "closed"
    assert [e.name for e in proxy.trace if e.kind == "callback"][-4:] == ["on_done", "on_delete"] * 2


@pytest.mark.parametrize("guest_time", ["fast", -1.0, float("nan"), float("inf"), None])
def test_invalid_guest_time_is_a_usage_error(guest_time):
    with pytest.raises(
        UsageError, match="guest_time= must be 'measured', 'frozen' or a number of seconds .at least 0., not"
    ):
        Proxy(workers=1, guest_time=guest_time)


def test_old_exchanges_are_dropped_above_the_limits(monkeypatch):
    monkeypatch.setattr("wasmnb.host.trace.exchange_log.KEPT", 5)
    with Proxy(workers=1) as proxy:
        for _ in range(12):
            proxy.get("/")
        assert [exchange.number for exchange in proxy.exchanges] == [8, 9, 10, 11, 12]
    monkeypatch.setattr("wasmnb.host.trace.exchange_log.KEPT", 100)
    monkeypatch.setattr("wasmnb.host.trace.exchange_log.BODIES_KEPT", 10_000)
    with Proxy(workers=1) as proxy:
        for _ in range(12):
            proxy.post("/", body=b"x" * 1000)
        assert [exchange.number for exchange in proxy.exchanges] == [10, 11, 12]


def test_head_and_options_have_methods_of_their_own():
    with Proxy(
        Filter.native("class H(HttpContext):\n    def on_http_request_headers(self, n, e): pass\n"), workers=1
    ) as proxy:
        assert [exchange.upstream_request.method for exchange in (proxy.head("/"), proxy.options("/"))] == ["HEAD", "OPTIONS"]
