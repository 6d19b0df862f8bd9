"""Filters whose work makes more work, without end and without waiting: proxies start, exchanges return."""

import pytest

from wasmnb import Filter
from wasmnb.host import Cluster, Proxy
from wasmnb.host import clock as clock_module

AT_START = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        while True:
            await self.http_call("up")
"""

IN_CALLBACK = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.again(None)
        return True

    def again(self, response):
        self.http_call("up", callback=self.again)
"""

TWO_FOR_ONE = IN_CALLBACK.replace('callback=self.again)', 'callback=self.again)\n        self.http_call("up", callback=self.again)')

AWAITED = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        while True:
            await self.http_call("up")
"""

QUEUE = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.queue = register_queue("q")
        self.queue.put("x")

    def on_queue_ready(self, queue):
        self.queue.get_nowait()
        self.queue.put("x")
"""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(clock_module, "FOLLOWERS", 3000)


@pytest.mark.parametrize(("source", "callback"), [
    (AT_START, "on_http_call_response"), (IN_CALLBACK, "on_http_call_response"), (TWO_FOR_ONE, "on_http_call_response"),
    (AWAITED, "on_http_call_response"), (QUEUE, "on_queue_ready"),
])
@pytest.mark.parametrize("guest_time", [0.0, "measured"])
def test_work_without_end_is_stopped_and_named(source, callback, guest_time):
    with Proxy(Filter.native(source, "endless"), workers=1, clusters={"up": Cluster()}, guest_time=guest_time) as proxy:
        exchange = proxy.get("/")
        assert exchange.done
        assert exchange.response.status == (503 if source is AWAITED else 200)
        lines = [line.text for line in proxy.log if line.source == "envoy" and "events that followed" in line.text]
        assert lines
        assert callback in lines[0]
        assert "goes on without end" in lines[0]


def test_many_callouts_one_after_the_other_are_made():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        for _ in range(400):
            await self.http_call("up")
"""
    with Proxy(Filter.native(source, "many"), workers=1, clusters={"up": Cluster()}) as proxy:
        for _ in range(10):
            assert proxy.get("/").response.status == 200
        assert len(proxy.callouts) == 4000
        assert not [line for line in proxy.log if "events that followed" in line.text]
