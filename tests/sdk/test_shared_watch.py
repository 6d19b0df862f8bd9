"""`shared_data.watch`: every worker follows a value, whoever writes it."""

import json

import pytest
from tests.sdk.deny_list import deny_list
from tests.sdk.fake_proxy import FakeProxy

from wasmnb import Filter, Plugin, Proxy, Response

def deny_proxy(mode, users):
    filter_ = (Filter.native if mode == "native" else Filter.from_source)(deny_list(5), "deny")
    plugins = [Plugin(filter_, name="refresh", kind="singleton", config={"refresh": True}, vm_id="deny"), Plugin(filter_, vm_id="deny")]
    return Proxy(plugins, workers=3, guest_time=0.0001, clusters={"users": lambda request: Response(200, body=json.dumps(users).encode())})


@pytest.mark.parametrize("mode", ["native", "wasm"])
def test_every_worker_follows_what_the_singleton_publishes(mode):
    users = ["bob"]
    with deny_proxy(mode, users) as proxy:
        def statuses(user):
            return [proxy.get("/", {"x-user": user}, worker=number).response.status for number in (1, 2, 3)]

        assert statuses("bob") == [200, 200, 200]
        proxy.advance(6)
        assert (statuses("bob"), statuses("ann")) == ([403, 403, 403], [200, 200, 200])
        users[:] = ["ann"]
        proxy.advance(6)
        assert (statuses("bob"), statuses("ann")) == ([200, 200, 200], [403, 403, 403])


def watching(arguments, body="pass"):
    return f"""
class P(PluginContext):
    def on_plugin_start(self, size):
        self.seen = []
        self.watch = self.shared_data.watch({arguments})
    def on_change(self, value):
        {body}
        log_info("changed %r", value)
    def on_queue_ready(self, queue_id):
        self.watch.stop()
"""


def advance(proxy, seconds):
    proxy.time += int(seconds * 1e9)
    proxy.call("on_tick", 1)


def test_change_is_reported_once_and_unchanged_values_are_not():
    proxy = FakeProxy(watching('"key", self.on_change'), shared={b"key": (b"1", 1)})
    assert any("changed b'1'" in str(line) for line in proxy.logs)
    for value, cas in ((b"1", 1), (b"2", 2), (b"2", 3)):
        proxy.shared[b"key"] = (value, cas)
        advance(proxy, 1)
    assert sum("changed b'2'" in str(line) for line in proxy.logs) == 2  # written twice
    assert sum("changed b'1'" in str(line) for line in proxy.logs) == 1


def test_value_that_cannot_be_parsed_is_logged_and_the_old_one_stays():
    proxy = FakeProxy("import json\n" + watching('"key", self.on_change, parse=json.loads'), shared={b"key": (b"[1]", 1)})
    proxy.shared[b"key"] = (b"{", 2)
    advance(proxy, 1)
    assert any("JSONDecodeError" in str(line) for line in proxy.logs)
    plugin = proxy.dispatcher.contexts.plugins[1]
    assert plugin.watch.value == [1]
    proxy.shared[b"key"] = (b"[2]", 3)
    advance(proxy, 1)
    assert plugin.watch.value == [2] and repr(plugin.watch) == "<Watch of [2]>"


def test_stop_ends_the_reading():
    proxy = FakeProxy(watching('"key"'))
    plugin = proxy.dispatcher.contexts.plugins[1]
    proxy.shared[b"key"] = (b"1", 1)
    plugin.watch.stop()
    advance(proxy, 5)
    assert plugin.watch.value is None


def test_watch_exports_on_tick_and_keeps_the_filters_own_tick():
    proxy = FakeProxy("""
class P(PluginContext):
    def on_plugin_start(self, size):
        self.watch = self.shared_data.watch("key", every=0.4)
        self.set_tick_period(1)
        self.ticks = 0
    def on_tick(self):
        self.ticks += 1
""")
    assert "on_tick" in proxy.exports
    for _ in range(10):
        advance(proxy, 0.2)
    assert proxy.dispatcher.contexts.plugins[1].ticks == 2


def test_queue_notifies_one_worker_as_documented():
    source = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.queue = register_queue("news")
    def on_queue_ready(self, queue_id):
        print("ready")
class H(HttpContext):
    def on_http_request_headers(self, n, e):
        self.plugin.queue.put("item")
"""
    with Proxy(Filter.native(source, "news"), workers=3) as proxy:
        for worker in (1, 2, 3):
            proxy.get("/", worker=worker)
        proxy.advance(1)
        threads = {line.thread for line in proxy.log if line.text == "ready"}
        assert len(threads) == 1
