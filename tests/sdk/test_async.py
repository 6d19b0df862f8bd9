"""`async def` callbacks on a proxy in plain Python: callouts, ends of streams, and memory."""

import gc
import sys

import pytest
from tests.sdk.async_kit import AUTH, auth, stream
from tests.sdk.fake_proxy import Abandoned, FakeProxy

from wasmnb.sdk.errors import CalloutReset, CalloutTimeout, CalloutUnreachable, GrpcError


def test_callout_is_awaited():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    assert proxy.exports == {"on_configure", "on_request_headers", "on_http_call_response", "on_delete"}
    assert proxy.exchange(headers={"x-user": "ann"}).upstream_header(b"x-auth") == b"7"
    result = proxy.exchange()
    assert (result.status, result.body, result.upstream) == (403, b"no", None)


def test_waiting_streams_keep_their_own_state():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    waiting = []
    for k in range(20):
        i = proxy.create()
        proxy.streams[i].maps[0] = [(b"x-user", b"ann" if k % 2 else b"bob")]
        assert proxy.call("on_request_headers", i, 1, 1) == 1
        waiting.append(i)
    for token, i in reversed(list(zip(list(proxy.calls), waiting, strict=True))):
        headers = dict(proxy.calls[token][1])
        proxy.respond(token, auth(headers, b""))
        s = proxy.streams[i]
        if headers["x-user"] == b"ann":
            assert s.continued == [0] and dict(s.maps[0])[b"x-auth"] == b"7" and s.local is None
        else:
            assert s.continued == [] and s.local[0] == 403


@pytest.mark.parametrize(("returned", "number"), [("None", 0), ("Action.CONTINUE", 0), ("Action.PAUSE", 1), ("HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER", 3)])
def test_async_callback_without_await_acts_like_plain_callback(returned, number):
    proxy = FakeProxy(stream(f"return {returned}"))
    assert proxy.call("on_request_headers", proxy.create(), 0, 1) == number


def test_bad_result_after_a_wait_ends_only_the_stream():
    proxy = FakeProxy(stream("await sleep(1)\nreturn 'nonsense'"))
    result = proxy.exchange()
    assert result.status == 503 and "returned 'nonsense'" in proxy.logs[0][1]


def test_pause_after_a_wait_stays_paused():
    proxy = FakeProxy(stream("await sleep(0.01)\nreturn Action.PAUSE"))
    with pytest.raises(Abandoned):
        proxy.exchange()


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ((504, {"content-type": "text/plain"}, b"upstream request timeout"), CalloutTimeout),
        ((503, {}, b"no healthy upstream"), CalloutUnreachable),
        (None, CalloutReset),
    ],
)
def test_every_callout_failure_raises_an_exception(response, error):
    source = stream(f"""
try:
    await self.http_call("auth")
except CalloutError as error:
    assert type(error) is {error.__name__}
    return self.send_local_response(500, type(error).__name__)
""")
    assert FakeProxy(source, clusters={"auth": lambda h, b: response}).exchange().body == error.__name__.encode()


def test_response_before_the_await_is_returned():
    source = stream("""
first, second = self.http_call("a"), self.http_call("a")
a = await second
b = await first
assert a is await second
self.request_headers["x"] = a.text + b.text
""")
    texts = iter([b"1", b"2"])
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, next(texts))})
    assert proxy.exchange().upstream_header(b"x") == b"21"


def test_grpc_calls_are_awaited():
    source = stream("""
try:
    r = await self.grpc_call("g", "S", "M", b"in")
    log_info("%s", r.message)
    await self.grpc_call("g", "S", "M", b"in")
except GrpcError as error:
    log_info("%s", error)
""")
    proxy = FakeProxy(source, clusters={"g": 1})
    i = proxy.create()
    assert proxy.call("on_request_headers", i, 0, 1) == 1
    proxy.grpc_message, proxy.status = b"out", (5, b"gone")
    proxy.call("on_grpc_receive", 1, 5, 3)
    proxy.call("on_grpc_close", 1, 9, 5)
    assert [t for _, t in proxy.logs] == ["b'out'", "gRPC status NOT_FOUND: gone"] and proxy.streams[i].continued == [0]
    assert issubclass(GrpcError, Exception)


# -- ends


def test_end_of_a_stream_cancels_its_waits():
    source = stream("""
try:
    await self.http_call("auth")
except Exception:
    log_info("no exception")
finally:
    log_info("finally")
log_info("never")
""")
    proxy = FakeProxy(source, clusters={"auth": auth})
    i = proxy.create()
    proxy.call("on_request_headers", i, 0, 1)
    (token,) = proxy.calls
    proxy.delete(i)
    proxy.respond(token, (200, {}, b""))
    assert [t for _, t in proxy.logs] == ["finally"]
    assert not proxy.dispatcher.vm.callouts.http


def test_end_of_a_plugin_cancels_its_tasks():
    source = "class P(PluginContext):\n    async def on_tick(self):\n        try:\n            await sleep(5)\n        finally:\n            log_info('finally')"
    proxy = FakeProxy(source)
    proxy.tick()
    proxy.call("on_delete", 1)
    assert [t for _, t in proxy.logs] == ["finally"] and not proxy.dispatcher.vm.timers.by_plugin


def test_exception_before_the_first_wait_stops_the_module():
    proxy = FakeProxy(stream("raise ValueError('early')"))
    with pytest.raises(ValueError, match="early"):
        proxy.exchange()
    assert proxy.logs[0][0] == 5 and 'File "<cell>", line 3' in proxy.logs[0][1]


@pytest.mark.parametrize("callback", ["on_http_request_headers(self, n, e)", "on_http_response_headers(self, n, e)"])
def test_exception_after_a_wait_ends_only_the_stream(callback):
    proxy = FakeProxy(stream("await sleep(0.1)\nraise ValueError('late')", callback))
    result = proxy.exchange()
    assert (result.status, result.details) == (503, b"wasm_fail_stream")
    ((level, text),) = proxy.logs
    assert level == 5 and 'line 4, in on_http_re' in text and "wasmnb/sdk" not in text
    assert proxy.exchange().status == 503, "the VM lives on"


def test_exception_after_a_wait_in_a_response_body_resets_the_stream():
    proxy = FakeProxy(stream("await sleep(0.1)\nraise ValueError('late')", "on_http_response_body(self, n, e)"))
    i = proxy.create()
    proxy.streams[i].buffers[1] = b"x"
    assert proxy.call("on_response_body", i, 1, 0) == 1
    proxy.advance(1)
    assert proxy.streams[i].closed


def test_exception_in_a_plugin_coroutine_stops_the_module():
    proxy = FakeProxy("class P(PluginContext):\n    async def on_tick(self):\n        await sleep(0.1)\n        1 / 0")
    proxy.tick()
    with pytest.raises(ZeroDivisionError):
        proxy.advance(1)
    assert len(proxy.logs) == 1


def test_callbacks_of_a_local_response_may_wait():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        await sleep(0.1)
        self.send_local_response(403, "no")
        await sleep(0.1)
    async def on_http_response_headers(self, n, e):
        await sleep(0.1)
        self.response_headers["x-late"] = self.response_headers[":status"]
"""
    result = FakeProxy(source).exchange()
    assert result.status == 403 and result.header(b"x-late") == b"403"


def test_exception_before_the_first_wait_does_not_affect_the_next_stream():
    proxy = FakeProxy(stream("if self.request_headers.get('x'): raise ValueError('first')\nlog_info('fine')"))
    with pytest.raises(ValueError, match="first"):
        proxy.exchange(headers={"x": "1"})
    proxy.logs.clear()
    proxy.exchange()
    assert [t for _, t in proxy.logs] == ["fine"]


def test_callback_inside_a_hostcall_of_another_may_be_async(monkeypatch):
    inner = []

    def write(proxy, *_):
        outer, i = proxy.current, proxy.create()
        inner.append(proxy.call("on_response_headers", i, 0, 1))
        proxy.current, proxy.dispatcher.vm.active = outer, proxy.dispatcher.contexts.http[outer]
        return 0

    monkeypatch.setattr(FakeProxy, "replace_header_map_value", write)
    proxy = FakeProxy("""
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        log_info("begins")
        self.request_headers["x"] = "1"
        log_info("ends")
    async def on_http_response_headers(self, n, e):
        if self.context_id % 4 == 1:
            await sleep(0.1)
        log_info("inside")
""")
    for said in (["begins", "inside", "ends"], ["begins", "ends"]) * 2:
        i = proxy.create()
        proxy.streams[i].maps[0] = []
        proxy.logs.clear()
        assert proxy.call("on_request_headers", i, 0, 1) == 0
        assert inner[-1] == (said == ["begins", "ends"])
        assert [text for _, text in proxy.logs] == said


# -- leaks


def test_sources_without_async_do_not_export_on_delete():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e): len(self.request_body)"
    assert FakeProxy(source).exports == {"on_configure", "on_request_headers"}


@pytest.mark.parametrize("user", ["ann", "bob", "gone"])
def test_waits_are_freed_without_the_garbage_collector(user):
    proxy = FakeProxy(AUTH, clusters={"auth": auth})

    def run():
        if user == "gone":
            i = proxy.create()
            proxy.streams[i].maps[0] = []
            proxy.call("on_request_headers", i, 0, 1)
            proxy.delete(i)
            proxy.respond_to_calls()
        else:
            proxy.exchange(headers={"x-user": user})
        proxy.hostcalls.clear()
        proxy.logs.clear()

    for _ in range(20):
        run()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(300):
            run()
        after = len(gc.get_objects())
    finally:
        gc.enable()
    assert after - before < 30
    assert sys.getrefcount(proxy.plugin) < 10


def test_deletes_are_watched_only_while_a_stream_waits(monkeypatch):
    watching = []

    def watch_deletes(self, on):
        watching.append(on)

    monkeypatch.setattr(FakeProxy, "watch_deletes", watch_deletes, raising=False)
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    assert "on_delete" not in proxy.exports
    waiting = [proxy.create() for _ in range(3)]
    for i in waiting:
        proxy.streams[i].maps[0] = []
        proxy.call("on_request_headers", i, 0, 1)
    proxy.exports.add("on_delete")  # as the glue does while `on_delete` is watched
    proxy.delete(waiting[0])
    assert watching == [1]
    proxy.respond_to_calls()
    assert watching == [1, 0]
    assert not proxy.dispatcher.vm.callouts.http
