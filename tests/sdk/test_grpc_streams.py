"""gRPC streams and calls that are awaited, on a proxy in plain Python."""

import gc

import pytest
from tests.sdk.fake_proxy import FakeProxy

STREAM = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        async with self.grpc_stream("g", "pkg.Svc", "Chat", metadata={"k": "v"}) as stream:
            await stream.send(b"one")
            stream.send(b"two", end=True)
            log_info("initial %s", dict(await stream.initial_metadata()))
            async for message in stream:
                log_info("message %s", message)
            log_info("trailing %s", dict(await stream.trailing_metadata()))
            log_info("%s", await stream.status())
"""


class Stream:
    """The other side of the first gRPC stream of a proxy."""

    def __init__(self, proxy, token=6):
        self.proxy, self.token = proxy, token

    def headers(self):
        self.proxy.grpc_maps[4] = [(b"a", b"b")]
        self.proxy.call("on_grpc_receive_initial_metadata", 1, self.token, 1)

    def message(self, data):
        self.proxy.grpc_message = data
        self.proxy.call("on_grpc_receive", 1, self.token, len(data))

    def trailers(self):
        self.proxy.grpc_maps[5] = [(b"t", b"u")]
        self.proxy.call("on_grpc_receive_trailing_metadata", 1, self.token, 1)

    def close(self, status=0, details=b""):
        self.proxy.status = (status, details)
        self.proxy.call("on_grpc_close", 1, self.token, status)


def body(text):
    lines = "\n".join("        " + line for line in text.strip().splitlines())
    return f"class F(HttpContext):\n    async def on_http_request_headers(self, n, e):\n{lines}\n"


def begin(source):
    proxy = FakeProxy(source, clusters={"g": 1})
    i = proxy.create()
    proxy.streams[i].maps[0] = []
    returned = proxy.call("on_request_headers", i, 0, 1)
    return proxy, i, returned, Stream(proxy)


def texts(proxy):
    return [text for _, text in proxy.logs]


def test_stream_is_read_to_its_end():
    proxy, i, returned, other = begin(STREAM)
    assert returned == 1 and proxy.grpc[6] == [b"pkg.Svc", b"Chat", (b"one", 0), (b"two", 1)]
    other.headers()
    other.message(b"1")
    other.message(b"2")
    other.trailers()
    assert proxy.streams[i].continued == []
    other.close()
    assert texts(proxy) == [
        "initial {'a': 'b'}", "message b'1'", "message b'2'", "trailing {'t': 'u'}", "<GrpcResponse OK, 0 bytes>",
    ]  # fmt: skip
    assert proxy.streams[i].continued == [0] and not proxy.dispatcher.vm.callouts.grpc and proxy.dispatcher.vm.deletes.count == 0


def test_messages_before_receive_are_kept():
    source = body("""
stream = self.grpc_stream("g", "S", "M")
await sleep(1)
log_info("%s %s %s", await stream.receive(), await stream.receive(), await stream.receive())
log_info("%s %s", dict(await stream.initial_metadata()), dict(await stream.trailing_metadata()))
""")
    proxy, i, _, other = begin(source)
    other.headers()
    other.message(b"1")
    other.message(b"2")
    other.trailers()
    other.close()
    proxy.advance(1)
    assert texts(proxy) == ["b'1' b'2' None", "{'a': 'b'} {'t': 'u'}"] and proxy.streams[i].continued == [0]


@pytest.mark.parametrize(
    "ask", ["await stream.receive()", "await stream.initial_metadata()", "async for m in stream: log_info(m)"]
)
def test_status_other_than_ok_raises_grpc_error(ask):
    source = body(f"""
try:
    async with self.grpc_stream("g", "S", "M") as stream:
        {ask}
except GrpcError as error:
    log_info("%s, %d %r", error, error.status, error.details)
""")
    proxy, i, _, other = begin(source)
    other.close(14, b"gone")
    assert texts(proxy) == ["gRPC status UNAVAILABLE: gone, 14 'gone'"] and proxy.streams[i].continued == [0]


def test_messages_before_a_failure_are_read_first():
    source = body("""
stream = self.grpc_stream("g", "S", "M")
await sleep(1)
try:
    async for message in stream:
        log_info(message)
except GrpcError as error:
    log_info(type(error).__name__)
""")
    proxy, _, _, other = begin(source)
    other.message(b"1")
    other.close(13)
    proxy.advance(1)
    assert texts(proxy) == ["b'1'", "GrpcError"]


def test_leaving_the_block_cancels_an_open_stream():
    source = body("""
async with self.grpc_stream("g", "S", "M") as stream:
    log_info(await stream.receive())
log_info("%r", stream)
""")
    proxy, i, _, other = begin(source)
    other.message(b"1")
    assert texts(proxy) == ["b'1'", "<GrpcStream 6: <GrpcResponse CANCELLED, 0 bytes>>"]
    assert not proxy.grpc and proxy.streams[i].continued == [0]


@pytest.mark.parametrize(
    "opens",
    [
        "async with self.grpc_stream('g', 'S', 'M') as stream: await stream.receive()",
        "await self.grpc_stream('g', 'S', 'M').receive()",
    ],
)
def test_end_of_a_stream_cancels_its_grpc_streams(opens):
    proxy, i, _, other = begin(body(f"try:\n    {opens}\nfinally:\n    log_info('finally')"))
    assert proxy.grpc
    proxy.delete(i)
    assert texts(proxy) == ["finally"] and not proxy.grpc and proxy.dispatcher.vm.deletes.count == 0
    other.message(b"late")


def test_streams_with_callbacks_are_cancelled(monkeypatch):
    watching = []
    monkeypatch.setattr(FakeProxy, "watch_deletes", lambda self, on: watching.append(on), raising=False)
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.grpc_stream("g", "S", "M").on_message = log_info
"""
    proxy, i, _, other = begin(source)
    assert watching == [1]
    other.message(b"1")
    proxy.exports.add("on_delete")  # as the glue does while `on_delete` is watched
    proxy.delete(i)
    assert watching == [1, 0] and not proxy.grpc and texts(proxy) == ["b'1'"]


def test_plugin_stream_outlives_http_streams():
    source = """
class P(PluginContext):
    async def on_plugin_start(self, size):
        async for message in self.grpc_stream("g", "S", "Watch"):
            log_info("news %s", message)
class F(HttpContext):
    def on_http_request_headers(self, n, e): pass
"""
    proxy = FakeProxy(source, clusters={"g": 1})
    other = Stream(proxy)
    for news in (b"1", b"2"):
        i = proxy.create()
        proxy.call("on_request_headers", i, 0, 1)
        proxy.delete(i)
        other.message(news)
    assert proxy.started and texts(proxy) == ["news b'1'", "news b'2'"]


def test_two_tasks_of_a_callback_share_one_stream():
    source = body("""
async def reads(stream):
    return [message async for message in stream]
async def writes(stream):
    for text in ("a", "b"):
        await sleep(0.1)
        stream.send(text)
    stream.close()
async with self.grpc_stream("g", "S", "M") as stream:
    got, _, status = await gather(reads(stream), writes(stream), stream.status())
    log_info("%s %s", got, status.ok)
""")
    proxy, _, _, other = begin(source)
    other.message(b"1")
    proxy.advance(1)
    assert proxy.grpc[6][2:] == [(b"a", 0), (b"b", 0)]
    other.message(b"2")
    other.close()
    assert texts(proxy) == ["[b'1', b'2'] True"]


def test_timeout_ends_a_wait_for_a_message():
    source = body("""
try:
    async with timeout(0.5), self.grpc_stream("g", "S", "M") as stream:
        await stream.receive()
except TimeoutError:
    log_info("timeout")
""")
    proxy, i, _, _ = begin(source)
    proxy.advance(1)
    assert texts(proxy) == ["timeout"] and not proxy.grpc and proxy.streams[i].continued == [0]


def test_cancel_wakes_waiting_tasks():
    source = body("""
async def reads(stream):
    try:
        await stream.receive()
    except GrpcError as error:
        log_info(error)
async def ends(stream):
    await sleep(0.1)
    stream.cancel()
    stream.cancel()
stream = self.grpc_stream("g", "S", "M")
await gather(reads(stream), ends(stream))
""")
    proxy, i, _, _ = begin(source)
    proxy.advance(1)
    assert texts(proxy) == ["gRPC status CANCELLED: cancelled by the filter"] and proxy.streams[i].continued == [0]


def test_awaiting_a_cancelled_call_raises():
    source = body("""
for call in (self.grpc_call("g", "S", "M"), self.http_call("g")):
    call.cancel()
    try:
        await call
    except CalloutError as error:
        log_info(error)
""")
    proxy, i, returned, _ = begin(source)
    assert returned == 0 and texts(proxy) == ["the grpc_call was cancelled", "the http_call was cancelled"]


def test_streams_are_freed_without_the_garbage_collector():
    proxy = FakeProxy(STREAM, clusters={"g": 1})

    def run(reset):
        i = proxy.create()
        proxy.streams[i].maps[0] = []
        proxy.call("on_request_headers", i, 0, 1)
        other = Stream(proxy, max(proxy.grpc))
        other.headers()
        other.message(b"1")
        if not reset:
            other.close()
        proxy.delete(i)
        proxy.grpc.clear()
        proxy.hostcalls.clear()
        proxy.logs.clear()

    for reset in (True, False):
        for _ in range(20):
            run(reset)
        gc.collect()
        gc.disable()
        try:
            before = len(gc.get_objects())
            for _ in range(100):
                run(reset)
            after = len(gc.get_objects())
        finally:
            gc.enable()
        assert after - before < 30
