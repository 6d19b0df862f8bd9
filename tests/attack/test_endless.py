"""Filters that work without end and without waiting: proxies still start, and exchanges end."""

import pytest

from wasmnb import Filter, GrpcServer
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


TWO_QUEUES = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.queues = register_queue("a"), register_queue("b")
        self.queues[0].put("x")

    def on_queue_ready(self, queue):
        other = self.queues[queue == self.queues[0].id]
        other.put("y")
        other.put("z")
"""

GRPC = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.again(None)

    def again(self, response):
        self.grpc_call("up", "Service", "Method", callback=self.again)
"""

GATHERED = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        while True:
            await gather(self.http_call("up"), self.http_call("up"))
"""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(clock_module, "FOLLOWERS", 1000)


@pytest.mark.parametrize(("source", "callback"), [
    (AT_START, "on_http_call_response"), (IN_CALLBACK, "on_http_call_response"), (TWO_FOR_ONE, "on_http_call_response"),
    (AWAITED, "on_http_call_response"), (QUEUE, "on_queue_ready"), (TWO_QUEUES, "on_queue_ready"), (GRPC, "on_grpc_close"),
    (GATHERED, "on_http_call_response"),
])
@pytest.mark.parametrize("guest_time", [0.0, pytest.param("measured", marks=pytest.mark.slow)])
def test_endless_series_of_events_is_stopped_and_logged_with_its_callback(source, callback, guest_time):
    with Proxy(Filter.native(source, "endless"), workers=1, clusters={"up": Cluster()}, guest_time=guest_time) as proxy:
        exchange = proxy.get("/")
        assert exchange.done
        assert exchange.response.status == (503 if source is AWAITED else 200)
        lines = [line.text for line in proxy.log if line.source == "envoy" and "endless series of events" in line.text]
        assert lines
        assert callback in lines[0]
        assert "caused by a filter" in lines[0]


@pytest.mark.slow
def test_thousands_of_successive_callouts_are_sent():
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
        assert not [line for line in proxy.log if "endless series of events" in line.text]


STREAM = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        async with self.grpc_stream("grpc", "S", "Echo") as stream:
            stream.send(b"x")
            async for message in stream:
                stream.send(message)
"""

FOREIGN = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.call_foreign_function("again")

    def on_foreign_function(self, function_id, arguments_size):
        self.call_foreign_function("again")
"""

SLEEP = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        while True:
            await sleep(0)
"""

FAILING = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        while True:
            try:
                await gather(self.http_call("down"), self.grpc_call("down", "S", "M"))
            except CalloutError:
                pass
"""


@pytest.mark.parametrize(("source", "callback"), [
    (STREAM, "on_grpc_receive"), (FOREIGN, "on_foreign_function"), (FAILING, "on_http_call_response"),
])
def test_other_kinds_of_work_without_end_are_stopped_and_named(source, callback):
    clusters = {"up": Cluster(), "grpc": GrpcServer({"/S/Echo": lambda message: message}), "down": Cluster(alive=False)}
    foreign = {"again": lambda call: call.run_callback(1)}
    with Proxy(Filter.native(source, "endless"), workers=1, clusters=clusters, foreign=foreign) as proxy:
        assert proxy.get("/").done
        (line, *_) = [line.text for line in proxy.log if line.source == "envoy" and "endless series of events" in line.text]
        assert callback in line


def test_sleep_of_no_time_passes_time():
    """Envoy's ticks are a millisecond apart at least, so the client times out."""
    with Proxy(Filter.native(SLEEP, "sleepless"), workers=1) as proxy:
        exchange = proxy.get("/", wait=1.0)
        assert not exchange.done
        assert proxy.now >= 1.0
