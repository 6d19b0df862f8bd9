"""Memory use of closed and replaced proxies, and of completed requests in Envoy."""

import gc

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.host.host_kit import wat
from wasmnb import Envoy, Request, Response
from wasmnb.envoy.exchange import EnvoyExchange
from wasmnb.host import Proxy
from wasmnb.host.trace import exchange_log
from wasmnb.host.trace.exchange_log import Exchanges
from wasmnb.host.trace.history import ClosedHistories
from wasmnb.host.vm.vm import Vm

MODULE = wat('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))', name="plain")

CELL = """%%wasmfilter again
class Again(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x"] = "y"
"""


def living(proxies):
    gc.collect()
    servers = {id(proxy.server) for proxy in proxies}
    return [item for item in gc.get_objects() if isinstance(item, Vm) and id(item.server) in servers]


def test_closed_proxy_keeps_its_history():
    with Proxy(MODULE, workers=1) as proxy:
        exchange = proxy.get("/")
    assert exchange.events
    assert len(proxy.trace) > 5
    assert list(proxy.exchanges) == [exchange]


def test_replaced_proxy_holds_no_vm_and_no_trace_and_shows_itself():
    proxy = Proxy(MODULE, workers=2)
    proxy.get("/")
    proxy.discard()
    assert living([proxy]) == []
    assert (len(proxy.trace), len(proxy.exchanges)) == (0, 0)
    assert repr(proxy) == "<Proxy plain: 2 workers, 1 exchanges, closed>"
    assert "plain" in proxy._repr_mimebundle_()["text/html"]
    assert "closed" in str(proxy.tree())
    proxy.close()


def test_histories_closed_last_are_kept_within_a_limit(monkeypatch):
    class History:
        dropped = False

        def forget(self):
            self.dropped = True

    histories, kept = [History() for _ in range(10)], ClosedHistories(limit=1000)
    for history in histories:
        kept.add(history.forget, 300)
    assert [h.dropped for h in histories] == [True] * 7 + [False] * 3
    large = History()
    kept.add(large.forget, 5000)
    assert large.dropped


@pytest.mark.slow
def test_cell_that_runs_again_leaves_no_vm_of_earlier_runs():
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    try:
        shell.run_cell("%load_ext wasmnb", store_history=True).raise_error()
        proxies = [shell.run_cell(CELL, store_history=True).result for _ in range(4)]
        assert [shell.user_ns["Out"][n] is p for n, p in enumerate(proxies, 2)] == [True] * 4
        assert [proxy.state for proxy in proxies] == ["closed"] * 3 + ["running"]
        assert living(proxies[:3]) == []
        assert [len(proxy.trace) for proxy in proxies[:3]] == [0] * 3
        proxies[-1].close()
        shell.run_cell("%unload_ext wasmnb").raise_error()
    finally:
        InteractiveShell.clear_instance()


def test_exchanges_of_envoy_have_the_bounds_of_the_simulation(monkeypatch):
    monkeypatch.setattr(exchange_log, "KEPT", 50)
    monkeypatch.setattr(exchange_log, "BODIES_KEPT", 10_000)
    exchanges = Exchanges()
    for _ in range(200):
        number = exchanges.next_number()
        exchanges.append(EnvoyExchange(number, Request.of("POST", "/", body=b"x" * 100), response=Response(200)))
    assert exchanges.total == exchanges[-1].number == 200
    assert len(exchanges) == 50
    for _ in range(200):
        exchanges.append(EnvoyExchange(exchanges.next_number(), Request.of("POST", "/", body=b"x" * 1000)))
    assert len(exchanges) <= 12


@pytest.mark.envoy
def test_envoy_keeps_only_the_last_requests(monkeypatch):
    monkeypatch.setattr("wasmnb.envoy.session.KEPT_REQUESTS", 5)
    monkeypatch.setattr("wasmnb.envoy.session.KEPT_LINES", 50)
    monkeypatch.setattr(exchange_log, "KEPT", 10)
    with Envoy([], workers=1) as envoy:
        for n in range(40):
            exchange = envoy.post(f"/{n}", body=b"x")
            assert exchange.number == n + 1
            assert exchange.upstream_request.path == f"/{n}"
        assert len(envoy.exchanges) == 10
        assert len(envoy.upstream.seen) <= 6
        assert "40 requests" in repr(envoy)
