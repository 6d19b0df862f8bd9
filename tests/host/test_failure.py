"""Effects of a trap on its stream, on later streams and on other plugins, under each failure policy."""

import pytest

from tests.host.host_kit import calls, scripted, scripted_proxy, wat
from wasmnb.compiler import Filter
from wasmnb.engine import assemble
from wasmnb.errors import FilterTrap, UsageError
from wasmnb.host import Plugin, Proxy
from wasmnb.messages import Response


def trapping(callback="on_request_headers", policy=None, **options):
    script = f"{callback}#1: trap"
    return Plugin(scripted(), config=script, failure_policy=policy, **options)


@pytest.mark.parametrize("callback", ["on_request_headers", "on_response_headers"])
def test_fail_closed_responds_503_from_then_on(callback):
    with Proxy(trapping(callback), workers=1) as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, exchange.response.body, exchange.state) == (503, b"", "failed")
        assert exchange.details == "wasm_fail_stream"
        assert exchange.failure.callback == f"proxy_{callback}"
        assert calls(exchange)[-1].startswith(callback)  # no callback after the trap, not even on_log
        y = proxy.get("/")
        assert (y.response.status, calls(y)) == (503, [])


def test_trap_after_the_headers_truncates_the_response():
    with Proxy(trapping("on_response_body"), workers=1, upstream=Response(chunks=[b"aa", b"bb"])) as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, exchange.response.reset, exchange.response.body) == (200, True, b"")


@pytest.mark.parametrize("callback", ["on_log", "on_done", "on_delete"])
def test_trap_at_the_end_keeps_the_sent_response(callback):
    with Proxy(trapping(callback), workers=1) as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.get("/").response.status == 503


def test_fail_open_lets_later_streams_pass():
    with Proxy(trapping(policy="FAIL_OPEN"), workers=1) as proxy:
        assert proxy.get("/").response.status == 503
        exchange = proxy.get("/")
        assert (exchange.response.status, calls(exchange)) == (200, [])


def test_legacy_flag_continues_the_stream_that_trapped():
    with Proxy(trapping(fail_open=True), workers=1) as proxy:
        assert [proxy.get("/").response.status for _ in range(2)] == [200, 200]
    with pytest.raises(UsageError, match="both be set"):
        trapping(policy="FAIL_OPEN", fail_open=True)
    with pytest.raises(UsageError, match="failure_policy= must be one of"):
        trapping(policy="FAIL_SOMETIMES")


def test_fail_reload_makes_one_new_vm_per_interval():
    with Proxy(trapping(policy="FAIL_RELOAD", reload_backoff=1.0), workers=1, guest_time=0.0) as proxy:
        proxy.advance(2)
        assert proxy.get("/").response.status == 503
        exchange = proxy.get("/")  # reloaded: the rule names the first call in a stream, so that it traps again
        assert "on_configure" in [e.name for e in proxy.trace if e.vm == 5]
        assert exchange.response.status == 503
        assert proxy.get("/").response.status == 503
        assert proxy.metrics.envoy["wasm.plug.vm_reload_success"] == 1
        assert proxy.metrics.envoy["wasm.plug.vm_reload_backoff"] == 1
        proxy.advance(2)
        proxy.get("/")
        assert proxy.metrics.envoy["wasm.plug.vm_reload_success"] == 2


def test_trap_fails_all_plugins_of_the_vm_and_no_other_vm():
    shared = [trapping(name="a", root_id="a"), Plugin(scripted(), name="b", root_id="b")]
    with Proxy(shared, workers=1) as proxy:
        assert proxy.get("/").response.status == 503
        assert calls(proxy.get("/")) == []
    apart = [Plugin(scripted(), name="b", root_id="b", vm_id="other"), trapping(name="a", root_id="a")]
    with Proxy(apart, workers=1) as proxy:
        proxy.get("/")
        assert "on_request_headers(3, 6, 1)" in calls(proxy.get("/"))


def test_trap_fails_one_worker_only():
    with Proxy(trapping(), workers=2) as proxy:
        proxy.get("/", worker=1)
        assert "on_request_headers(2, 6, 1)" in calls(proxy.get("/", worker=2))


def test_trap_in_a_tick_leaves_paused_streams_to_their_timeout():
    script = "on_request_headers: set_tick_period_milliseconds 50; return 1\non_tick: trap"
    with scripted_proxy(script, idle_timeout=10) as proxy:
        exchange = proxy.get("/", wait=5)
        assert exchange.state == "paused"
        proxy.advance(10)
        assert (exchange.response.status, exchange.response.body) == (503, b"")  # the failed filter also gets Envoy's 504


@pytest.mark.parametrize(
    ("body", "callback"),
    [
        ('(func (export "_initialize") unreachable)', "_initialize"),
        ('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) unreachable)', "proxy_on_vm_start"),
        ('(func (export "proxy_on_configure") (param i32 i32) (result i32) unreachable)', "proxy_on_configure"),
        ('(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))', "proxy_on_vm_start"),
        ('(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))', "proxy_on_configure"),
    ],
)
@pytest.mark.parametrize("policy", [None, "FAIL_OPEN"])
def test_failure_at_start_is_raised_under_every_policy(body, callback, policy):
    with pytest.raises(FilterTrap) as caught:
        Proxy(wat(body), workers=1, failure_policy=policy)
    assert caught.value.callback == callback
    assert any("failed to load" in line.text for line in caught.value.log)


def test_memory_and_stack_faults_have_v8s_text():
    far = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.load (i32.const -8)))'
    deep = '(func $f (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $f (i32.const 0) (i32.const 0) (i32.const 0)))'
    for body, words in [
        (far, "RuntimeError: memory access out of bounds"),
        (deep, "RangeError: Maximum call stack size exceeded"),
    ]:
        with Proxy(wat(body), workers=1) as proxy:
            exchange = proxy.get("/")
            assert words in exchange.failure.message
            assert f"Function: proxy_on_request_headers failed: Uncaught {words}" in str(proxy.log)


def test_refused_configuration_quotes_the_filters_last_warning(tmp_path):
    module = """(module
      (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 16) "config.name: expected str")
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 1024))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $log (i32.const 4) (i32.const 16) (i32.const 25))) (i32.const 0)))"""
    small = Filter.from_bytes(assemble(module), "small")
    for log_level in ("info", "critical"):  # a line that the log drops is quoted, too
        with pytest.raises(
            FilterTrap, match=r"refuses its configuration(.|\n)*Its last warning: config.name: expected str"
        ):
            Proxy(small, workers=1, log_level=log_level)


def test_failure_has_the_kind_of_its_trap():
    far = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.load (i32.const -8)))'
    endless = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop (br 0)) (i32.const 0))'
    for body, kind, timed_out in [(far, "memory", False), (endless, "deadline", True)]:
        with Proxy(wat(body), workers=1, deadline=0.2) as proxy:
            failure = proxy.get("/").failure
            assert (failure.kind, failure.timed_out) == (kind, timed_out)
