"""Native filters in chains, with policies and limits, and in tools that inspect them."""

import gc
import sys

import pytest

from tests.compiler.native_mode import both_modes
from tests.compiler.native_mode.native_kit import PLAIN, native
from tests.compiler.native_mode.both_modes import compare, history
from wasmnb import Filter, Plugin, Proxy, Response
from wasmnb.engine import default_engine
from wasmnb.view import to_text
from wasmnb.view.mimebundle import document_of

pytestmark = pytest.mark.full  # compares with full modules


def test_native_and_compiled_filters_share_a_chain():
    text = PLAIN.format("self.request_headers.add('x-by', {!r})")
    chain = [Filter.native(text.format("native"), "one"), Filter.from_source(text.format("wasm"), "two")]
    with Proxy(chain, workers=2) as proxy:
        assert proxy.get("/").upstream_request.headers.get_all("x-by") == ["native", "wasm"]


def test_native_and_compiled_filters_of_one_source_share_no_vm():
    text = PLAIN.format("self.request_headers.add('x', '1')")
    with Proxy([Plugin(Filter.native(text), name="a"), Plugin(Filter.from_source(text), name="b")], workers=1) as proxy:
        assert {vm.native for vm in proxy.vms} == {True, False}


def test_failed_vm_is_reloaded_if_the_policy_asks_for_it():
    text = PLAIN.format("1 / (self.request.path != '/boom')")

    def drive(proxy):
        for path in ("/", "/boom", "/", "/"):
            proxy.get(path)
            proxy.advance(5)

    compare(text, drive, workers=1, failure_policy="FAIL_RELOAD")


def test_restricted_capabilities_match_wasm():
    text = PLAIN.format(
        "try:\n            self.request_headers['x'] = '1'\n        except InternalFailure as error:\n            print('refused')"
    )
    seen = []
    for filter_ in both_modes.both(text):
        allowed = ["proxy_log", "proxy_on_context_create", "proxy_on_request_headers", "proxy_on_delete", "_initialize"]
        with Proxy(Plugin(filter_, allowed_capabilities=[*allowed, "random_get"]), workers=1, guest_time=0.0) as proxy:
            assert "refused" in [line.text for line in proxy.get("/").log]
            events = [(*e[:6], e[8:]) for e in history(proxy)]  # a refused call is recorded with its addresses
            seen.append((events, both_modes.lines(proxy)))
    assert seen[0] == seen[1]


def test_tcp_and_large_bodies_match_wasm():
    source = """
class C(TcpContext):
    def on_downstream_data(self, size, end):
        print(size, end)
        self.downstream_data = bytes(self.downstream_data).upper()
"""

    def drive(proxy):
        connection = proxy.connect()
        connection.send(b"hello")
        connection.send(b"x" * 100_000)
        connection.close()

    seen = []
    for filter_ in both_modes.both(source):
        with Proxy(Plugin(filter_, kind="network"), workers=1, guest_time=0.0) as proxy:
            drive(proxy)
            seen.append((history(proxy), both_modes.lines(proxy), both_modes.responses(proxy)))
    assert seen[0] == seen[1] and len(seen[0][0]) > 20
    body = b"y" * (3 << 20)
    large = "class F(HttpContext):\n    def on_http_response_body(self, size, end):\n        if end:\n            self.response_body = bytes(self.response_body) * 2\n        else:\n            return DataStatus.STOP_ITERATION_AND_BUFFER\n"
    with Proxy(Filter.native(large), workers=1, buffer_limit=1 << 24, upstream=Response(200, body=body)) as proxy:
        assert len(proxy.get("/").response.body) in (len(body), 2 * len(body))


def test_filter_runs_its_top_level_at_load():
    from wasmnb import load

    with Proxy(native("self.request_headers['x'] = str(len(self.request_headers))"), workers=2) as proxy:
        report = load(proxy, requests=200)
        assert report.failed == 0 and "200 requests" in repr(report)


@pytest.mark.parametrize("taken", ["Exception", "BaseException"])
def test_host_exception_bypasses_filter_handlers(taken):
    class Refused(Exception):
        pass

    def resolve(required):
        def refuse(*_):
            raise Refused(required.name)

        return refuse if required.name == "proxy_log" else lambda *_: 0

    quiet = native("pass", f"def quietly():\n    try:\n        print('x')\n    except {taken}:\n        pass\n")
    loud = native("pass", f"try:\n    print('x')\nexcept {taken}:\n    pass\n")
    quiet.image(default_engine()).instantiate(resolve).function("_initialize")()
    with pytest.raises(Exception, match="Refused: proxy_log") as caught:
        loud.image(default_engine()).instantiate(resolve).function("_initialize")()
    assert caught.value.kind == "host" and isinstance(caught.value.__cause__, Refused)


def test_finalisers_after_close_are_silent(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/boom":
            1 / 0
        try:
            await sleep(100)
        finally:
            log_info("late %s", self.request_headers.get("x", "-"))
"""
    proxy = Proxy(Filter.native(source), workers=1)
    proxy.open("GET", "/wait", end=True)
    proxy.advance(1)
    proxy.get("/boom")
    proxy.close()
    del proxy
    gc.collect()
    assert said == []


# -- what tools ask


def test_native_python_state_and_locals_match_wasm():
    text = (
        "class P(PluginContext):\n"
        "    def on_plugin_start(self, size):\n"
        "        self.seen = {'a': [1, 2]}\n"
    ) + PLAIN.format("mine = self.request.path * 3\n        if mine == '/x/x/x':\n            dict()[mine]\n        return Action.PAUSE")  # fmt: skip
    seen = []
    for filter_ in both_modes.both(text):
        with Proxy(filter_, workers=2, guest_time=0.0, show_locals=True) as proxy:
            proxy.get("/")
            seen.append((to_text(document_of(proxy.python_state())), both_modes.plain(proxy.get("/x").traceback)))
    assert seen[0] == seen[1]
    assert "local mine = '/x/x/x'" in seen[1][1] and "seen" in seen[1][0]


@pytest.mark.slow
def test_fuzzer_finds_endless_callback():
    from wasmnb.testing import fuzz

    endless = native("while self.request.path != '/': pass")
    report = fuzz(endless, seconds=10, seed=1, deadline=0.3)
    assert [finding.kind for finding in report.findings] == ["hang"]


@pytest.mark.envoy
@pytest.mark.slow
def test_native_filter_compiles_for_envoy():
    from wasmnb import Envoy

    with Envoy(native("self.request_headers['x-demo'] = '1'"), workers=1) as envoy:
        assert envoy.get("/").upstream_request.headers["x-demo"] == "1"


def test_panel_shows_native_without_compiling(monkeypatch):
    from wasmnb.view.panel.view_data.module import module

    monkeypatch.setattr("wasmnb.compiler.filter.compile_source", lambda *_: pytest.fail("the filter was compiled"))
    mine = native("pass", name="mine")
    with Proxy(mine, workers=1) as proxy:
        known = module(proxy.plugins[0])
    assert ["runs", f"native, by this Python {mine.info.python}"] in known["facts"]
    assert known["download"] and not known["sections"]
