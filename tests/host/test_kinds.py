"""Kinds of plugins: taken from callbacks, and refused where no callback would run."""

import pytest
from tests.host.host_kit import scripted, wat

from wasmnb import Filter, Plugin, Proxy, UsageError
from wasmnb.abi import Callbacks
from wasmnb.envoy import EnvoyPlugin

HTTP = "class H(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream): print('headers')\n"
DONE = "class H(HttpContext):\n    def on_http_stream_done(self): print('done')\n"
TCP = "class T(TcpContext):\n    def on_downstream_data(self, data_size, end_of_stream): print('got', data_size)\n"
LOG = "class P(PluginContext):\n    def on_log(self): print('logged')\n"
TICK = "class P(PluginContext):\n    def on_tick(self): print('tick')\n"
START = "class P(PluginContext):\n    def on_plugin_start(self, size): print('start')\n"


def make(source, mode="native"):
    return (Filter.native if mode == "native" else Filter.from_source)(source, "it")


@pytest.mark.parametrize(("source", "kind"), [
    (HTTP, "http"), (DONE, "http"), (TCP, "network"), (LOG, "access_log"), (TICK, "http"), (START, "http"),
    (HTTP + TCP, "http"), (TCP + TICK, "network"), (HTTP + LOG, "http"), (TICK + "    def on_log(self): pass\n", "access_log"),
])  # fmt: skip
def test_kind_follows_from_the_classes(source, kind):
    assert Plugin(make(source)).kind == Plugin(make(source, "wasm")).kind == kind


@pytest.mark.slow
def test_plugin_of_the_real_envoy_has_the_same_kind():
    assert EnvoyPlugin.of(make(TCP, "wasm")).kind == "network"


def test_native_and_compiled_filters_have_the_same_callbacks(tmp_path):
    for source in (HTTP, DONE, TCP, LOG, TICK, START):
        assert make(source).callbacks == make(source, "wasm").callbacks


@pytest.mark.slow
def test_kind_of_a_saved_module_follows_from_its_exports(tmp_path):
    path = make(TCP, "wasm").save(tmp_path / "sniff.wasm")
    assert Plugin(Filter.from_file(path)).kind == "network"


@pytest.mark.parametrize(("exports", "kind"), [
    (("on_request_headers",), "http"), (("on_new_connection",), "network"), (("on_upstream_data", "on_log"), "network"),
    (("on_request_headers", "on_downstream_data"), "http"), (("on_log",), "http"), ((), "http"), (("on_tick",), "http"),
])  # fmt: skip
def test_kind_of_a_foreign_module_follows_from_its_exports(exports, kind):
    callbacks = Callbacks.of_exports([f"proxy_{name}" for name in exports])
    assert callbacks.kind == kind
    assert not callbacks.problem(kind)


@pytest.mark.parametrize(("source", "kind"), [
    (TCP, "http"), (TCP + TICK, "http"), (HTTP, "network"), (DONE, "network"), (HTTP, "access_log"), (DONE, "access_log"),
    (TCP, "access_log"), (HTTP, "singleton"), (TCP, "service"), (LOG, "http"), (LOG, "network"), (LOG, "singleton"),
])  # fmt: skip
def test_filter_without_a_callback_of_its_kind_is_refused(source, kind):
    filter_ = make(source)
    with pytest.raises(
        UsageError, match=rf"'it' can't be of kind '{kind}': .* never gets its callbacks \(on_.*\)\. Use kind='"
    ):
        Plugin(filter_, kind=kind)
    with pytest.raises(UsageError, match="never gets its callbacks"):
        Proxy(filter_, kind=kind)


@pytest.mark.parametrize(("source", "kind"), [
    (HTTP + TICK, "singleton"), (HTTP + START, "service"), (TICK, "network"), (START, "access_log"), (HTTP + TCP, "network"),
    (HTTP + LOG, "access_log"),
])  # fmt: skip
def test_filter_with_a_callback_of_its_kind_is_accepted(source, kind):
    assert Plugin(make(source), kind=kind).kind == kind


def test_foreign_network_module_is_refused_as_http_filter():
    callbacks = Callbacks.of_exports(["proxy_on_downstream_data", "proxy_on_vm_start", "proxy_on_tick"])
    assert callbacks.problem("http") == "an HTTP filter never gets its callbacks (on_downstream_data)"
    assert not callbacks.problem("singleton")


def test_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="one of http, network, access_log, singleton, service, stat_sink, not 'tcp'"):
        Plugin(make(TCP), kind="tcp")


def test_filter_with_a_tcp_context_gets_connections_without_any_setting():
    with Proxy(make(TCP), workers=1) as proxy:
        exchange = proxy.connect().send(b"hello").close()
    assert [line.text for line in exchange.log][:1] == ["got 5"]


@pytest.mark.parametrize("send", [
    lambda proxy: proxy.get("/"), lambda proxy: proxy.open("POST", "/"), lambda proxy: proxy.send_at([]),
])  # fmt: skip
def test_network_filter_refuses_http_requests(send):
    with Proxy(make(TCP), workers=1) as proxy:
        with pytest.raises(
            UsageError, match=r"'it' is a network filter: .* no HTTP requests\. Send bytes with connect\(\)"
        ):
            send(proxy)
        assert not proxy.exchanges


def test_http_filter_with_a_network_filter_gets_requests():
    with Proxy([make(TCP), make(HTTP)], workers=1) as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.connect().send(b"x").read() == b"x"


def test_connection_without_a_network_filter_is_refused():
    with Proxy(make(HTTP), workers=1) as proxy, pytest.raises(UsageError, match="The proxy has no network filter"):
        proxy.connect()


def test_kind_is_a_setting_of_a_single_filter_and_of_an_update():
    with Proxy(scripted(), kind="network", workers=1) as proxy:
        assert proxy.plugins[0].kind == "network"
        proxy.update(scripted(), kind="http", config="x")
        assert proxy.get("/").response.status == 200
    with pytest.raises(UsageError, match="^kind= can't be set for a Proxy with several filters"):
        Proxy([Plugin(wat("")), Plugin(wat(""))], kind="network")
