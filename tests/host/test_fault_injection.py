"""Ticks on demand, and injected traps, which have the effects of a fault in the module."""

import pytest

from tests.host.host_kit import calls, scripted, scripted_proxy
from wasmnb.errors import UsageError
from wasmnb import Filter
from wasmnb.host import Plugin, Proxy
from wasmnb.messages import Request

SCRIPT = "on_configure: set_tick_period_milliseconds 1000\non_tick: log 2 tick"


def ending(proxy, exchange):
    """The outcome of a request, without the frames of the backtrace."""
    failure = exchange.failure
    return {
        "client": (exchange.response.status, exchange.response.body, exchange.response.headers.items(), exchange.state, exchange.details),
        "failure": (failure.callback, failure.context_id, failure.exchange, failure.message, failure.traceback),
        "callbacks": calls(exchange),
        "log": [
            (line.level, line.text.split("\n")[0], line.thread, line.context)
            for line in exchange.log
            if line.source == "envoy"
        ],
        "metrics": dict(proxy.metrics.envoy),
        "vms": [vm.state for vm in proxy.vms],
        "later": [proxy.get("/later").response.status for _ in range(2)],
    }


@pytest.mark.parametrize("callback", ["on_request_headers", "on_response_headers", "on_log", "on_delete"])
@pytest.mark.parametrize("policy", ["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"])
def test_injected_trap_has_the_effects_of_a_real_one(callback, policy):
    def proxy(script):
        return Proxy(Plugin(scripted(), config=script, failure_policy=policy), workers=1, guest_time=0.0)

    with proxy(f"{callback}#1: trap") as real, proxy("on_tick: log 2 never") as injected:
        injected.inject_trap(1, callback=callback)
        endings = [
            ending(p, exchange) if (exchange := p.get("/")).failure else (exchange.response.status, p.get("/").response.status)
            for p in (real, injected)
        ]
        assert endings[0] == endings[1]
        assert [v.failure.message for v in real.vms if v.failed] == [
            v.failure.message for v in injected.vms if v.failed
        ]


def test_trap_without_a_callback_hits_the_next_one():
    with scripted_proxy("", workers=2) as proxy:
        vm = proxy.inject_trap(2)
        assert vm.thread.name == "worker-2"
        assert proxy.get("/", worker=1).response.status == 200
        exchange = proxy.get("/", worker=2)
        assert (exchange.response.status, exchange.failure.callback) == (503, "proxy_on_context_create")
        assert "trap injected" in {e.name for e in proxy.trace if e.vm == vm.number}


def test_trap_without_a_worker_hits_the_first_that_runs():
    with scripted_proxy("", workers=2) as proxy:
        assert proxy.inject_trap().thread.name == "worker-1"
        proxy.get("/", worker=1)
        assert proxy.inject_trap().thread.name == "worker-2"


def test_impossible_trap_is_a_usage_error():
    with scripted_proxy("") as proxy:
        for arguments, said in (
            ({"worker": 3}, "no worker 3"),
            ({"vm": 99}, "No running VM"),
            ({"callback": "on_nothing"}, "doesn't export the callback 'on_nothing'"),
        ):
            with pytest.raises(UsageError, match=said):
                proxy.inject_trap(**arguments)
        proxy.inject_trap(callback="proxy_on_request_headers")
        proxy.get("/")
        with pytest.raises(UsageError, match="No running VM"):
            proxy.inject_trap(1)
    with pytest.raises(UsageError, match="closed"):
        proxy.inject_trap()


def test_tick_on_demand_does_not_move_the_periodic_ones():
    with scripted_proxy(SCRIPT, workers=2) as proxy:
        proxy.advance(0.4)
        assert proxy.tick() == 3
        assert proxy.tick(2) == 1
        proxy.advance(0.7)
        ticks = [(e.thread, round(e.time, 1)) for e in proxy.trace if e.name == "on_tick"]
        assert sorted(ticks) == [
            ("main", 0.4), ("main", 1.0),
            ("worker-1", 0.4), ("worker-1", 1.0),
            ("worker-2", 0.4), ("worker-2", 0.4), ("worker-2", 1.0),
        ]  # fmt: skip
        with pytest.raises(
            UsageError, match="no worker 3. Workers are numbered from 1 to 2, and 0 is the main thread"
        ):
            proxy.tick(3)


def test_tick_on_demand_can_continue_a_held_stream():
    script = "on_request_headers: return 1\non_tick: set_effective_context stream; continue_stream 0"
    with scripted_proxy(script) as proxy:
        exchange = proxy.get("/", wait=1.0)
        assert exchange.state == "paused"
        proxy.tick(1)
        assert (exchange.state, exchange.response.status) == ("done", 200)


def test_requests_and_actions_due_when_the_proxy_is_closed_are_dropped():
    ended, acted = [], []
    proxy = Proxy(Filter.native("class Plain(HttpContext):\n    pass\n", "plain"), workers=1)
    proxy.schedule(Request(), lambda exchange, timed_out: ended.append(exchange), after=0.0)
    proxy.call_later(0.0, lambda: acted.append(1))
    proxy.close()
    assert (len(proxy.exchanges), ended, acted) == (0, [], [])
