"""Awaiting time, several things at once, queues, and the start of a connection."""

import pytest
from tests.sdk.async_kit import auth, stream
from tests.sdk.fake_proxy import FakeProxy


# -- time


def test_sleep_takes_the_given_time():
    proxy = FakeProxy(stream("await sleep(0.25)\nself.request_headers['x'] = 'late'"))
    before = proxy.time
    assert proxy.exchange().upstream_header(b"x") == b"late"
    assert proxy.time - before == 250_000_000
    assert proxy.tick_period == 0, "the tick is stopped when nobody sleeps"


def test_sleepers_wake_in_order_and_the_filters_tick_continues():
    source = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.set_tick_period(0.1)
    def on_tick(self):
        log_info("tick")
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        await sleep(float(self.request_headers["x"]))
        log_info("woke %s", self.request_headers["x"])
"""
    proxy = FakeProxy(source)
    for seconds in ("0.25", "0.05", "0.151", "0.05"):
        i = proxy.create()
        proxy.streams[i].maps[0] = [(b"x", seconds.encode())]
        proxy.call("on_request_headers", i, 1, 1)
    proxy.advance(0.31)
    assert [t for _, t in proxy.logs] == ["woke 0.05", "woke 0.05", "tick", "woke 0.151", "tick", "woke 0.25", "tick"]
    assert proxy.tick_period == 100
    proxy.advance(0.1)
    assert proxy.logs[-1][1] == "tick" and len(proxy.logs) == 8


def test_tick_period_can_be_set_while_timers_wait():
    source = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        await sleep(0.2)
        self.set_tick_period(0.3)
        await sleep(0.1)
        log_info("started")
        self.set_tick_period(0)
    def on_tick(self): log_info("tick")
"""
    proxy = FakeProxy(source)
    assert proxy.started
    proxy.advance(5)
    assert [t for _, t in proxy.logs] == ["started"] and proxy.tick_period == 0


def test_on_tick_and_on_plugin_start_can_be_async():
    source = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        self.set_tick_period(1)
        return self.config["ok"]
    async def on_tick(self):
        log_info("asks")
        response = await self.http_call("a")
        log_info("got %s", response.text)
"""
    assert not FakeProxy(source, {"ok": False}, clusters={}).started
    proxy = FakeProxy(source, {"ok": True}, clusters={"a": lambda h, b: (200, {}, b"news")})
    proxy.advance(1)
    proxy.respond_to_calls()
    assert [t for _, t in proxy.logs] == ["asks", "got news"]


def test_timeout_and_wait_for_raise_timeout_error():
    source = stream("""
try:
    async with timeout(0.1):
        await self.http_call("slow")
except TimeoutError as error:
    log_info(error)
try:
    await wait_for(sleep(9), 0.1)
except TimeoutError:
    log_info("again")
async with timeout(1):
    await sleep(0.01)
assert await wait_for(self.http_call("fast"), 1)
""")
    proxy = FakeProxy(source, clusters={"slow": None, "fast": lambda h, b: (200, {}, b"")})
    proxy.clusters["slow"] = lambda h, b: (200, {}, b"late")
    i = proxy.create()
    proxy.streams[i].maps[0] = []
    proxy.call("on_request_headers", i, 0, 1)
    (slow,) = proxy.calls
    proxy.advance(0.3)
    proxy.respond(slow, (200, {}, b"late"))
    assert [t for _, t in proxy.logs] == ["not done after 0.1 s", "again"]
    proxy.respond_to_calls()
    assert proxy.streams[i].continued == [0]
    proxy.advance(3)
    assert proxy.tick_period == 0


def test_cancelled_timers_are_removed():
    proxy = FakeProxy(stream("await wait_for(self.http_call('a'), 3600)"), clusters={"a": lambda h, b: (200, {}, b"")})
    for _ in range(500):
        proxy.exchange()
    (ticker,) = proxy.dispatcher.vm.timers.by_plugin.values()
    assert len(ticker.timers) < 100
    sleeper = proxy.create()
    proxy.streams[sleeper].maps[0] = []
    proxy.call("on_request_headers", sleeper, 0, 1)
    assert ticker.timers.next_due() is not None, "waiting timers stay"


def test_nested_timeouts_end_their_own_block():
    source = stream("""
try:
    async with timeout(0.1):
        try:
            async with timeout(5):
                await sleep(9)
        except TimeoutError:
            log_info("inner")
except TimeoutError:
    log_info("outer")
""")
    proxy = FakeProxy(source)
    proxy.exchange()
    assert [t for _, t in proxy.logs] == ["outer"]


def test_gather_runs_at_once_and_keeps_the_order():
    source = stream("""
async def one(text, seconds):
    await sleep(seconds)
    return text
results = await gather(one("a", 0.2), self.http_call("x"), one("c", 0.1), one("d", 0))
self.request_headers["x"] = "".join(r if isinstance(r, str) else r.text for r in results)
assert await gather() == []
""")
    proxy = FakeProxy(source, clusters={"x": lambda h, b: (200, {}, b"b")})
    before = proxy.time
    assert proxy.exchange().upstream_header(b"x") == b"abcd"
    assert proxy.time - before == 200_000_000


@pytest.mark.parametrize("seconds", ["0", "0.1"])
def test_gather_cancels_the_others_when_one_fails(seconds):
    source = stream(f"""
async def fails():
    if {seconds}: await sleep({seconds})
    raise ValueError("no")
async def lasts():
    try:
        await sleep(9)
    finally:
        log_info("cleaned")
try:
    await gather(lasts(), fails(), lasts())
except ValueError:
    log_info("failed")
""")
    proxy = FakeProxy(source)
    before = proxy.time
    proxy.exchange()
    cleaned = 1 if seconds == "0" else 2
    assert [t for _, t in proxy.logs] == ["cleaned"] * cleaned + ["failed"]
    assert proxy.time - before < 1e9


# -- queues


def test_queue_items_are_awaited_first_come_first_served():
    source = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        self.jobs = register_queue("jobs")
        while True:
            log_info("job %s", await self.jobs.get())
    def on_queue_ready(self, queue_id):
        log_info("ready %d", queue_id)
"""
    proxy = FakeProxy(source)
    assert "on_queue_ready" in proxy.exports
    proxy.queues[1][1][:] = [b"a", b"b"]
    proxy.call("on_queue_ready", 1, 1)
    proxy.call("on_queue_ready", 1, 1)
    assert [t for _, t in proxy.logs] == ["job b'a'", "job b'b'", "ready 1", "ready 1"]


def test_cancelled_wait_for_a_queue_does_not_take_an_item():
    source = """
class P(PluginContext):
    def on_plugin_start(self, size):
        self.jobs = register_queue("jobs")
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        try:
            await wait_for(self.plugin.jobs.get(), 0.1)
        except TimeoutError:
            self.request_headers["x"] = "none"
"""
    proxy = FakeProxy(source)
    assert proxy.exchange().upstream_header(b"x") == b"none"
    proxy.queues[1][1].append(b"a")
    proxy.call("on_queue_ready", 1, 1)
    assert proxy.queues[1][1] == [b"a"]


# -- TCP


def test_connection_is_held_while_on_new_connection_waits():
    source = """
class T(TcpContext):
    async def on_new_connection(self):
        response = await self.http_call("auth", headers={"x-user": "ann"})
        if not response.ok:
            self.close()
    async def on_downstream_data(self, size, end):
        await sleep(0.1)
        self.downstream_data = bytes(self.downstream_data).upper()
"""
    proxy = FakeProxy(source, clusters={"auth": auth})
    i = proxy.create()
    s = proxy.streams[i]
    assert proxy.call("on_new_connection", i) == 1
    s.buffers[2] = b"abc"
    assert proxy.call("on_downstream_data", i, 3, 0) == 1
    proxy.respond_to_calls()
    assert s.continued == []
    proxy.advance(0.1)
    assert s.continued == [2] and s.buffers[2] == b"ABC"
