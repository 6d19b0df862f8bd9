"""Bodies that are awaited, whole and chunk by chunk."""

import pytest
from tests.sdk.async_kit import stream
from tests.sdk.fake_proxy import FakeProxy


BODY = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        {before}
        body = await self.request_body()
        {after}
        log_info("%s", body)
        if body == b"bad":
            return self.send_local_response(400)
"""


@pytest.mark.parametrize("before", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("after", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("chunks", [[], [b"whole"], [b"w", b"ho", b"le"]])
@pytest.mark.parametrize("trailers", [{}, {"t": "1"}])
def test_whole_body_is_awaited_in_the_headers_callback(before, after, chunks, trailers):
    proxy = FakeProxy(BODY.format(before=before, after=after))
    result = proxy.exchange("POST", chunks=chunks, trailers=trailers)
    assert result.upstream[1] == b"".join(chunks) and result.upstream[2] == [(b"t", b"1")][: len(trailers)]
    assert [t for _, t in proxy.logs] == [repr(b"".join(chunks))]


@pytest.mark.parametrize("after", ["pass", "await sleep(0.1)"])
def test_awaited_body_can_be_refused(after):
    result = FakeProxy(BODY.format(before="pass", after=after)).exchange("POST", chunks=[b"b", b"ad"])
    assert result.status == 400 and result.upstream is None


@pytest.mark.parametrize("wait", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("side", ["request", "response"])
def test_whole_body_is_awaited_and_changed_in_the_body_callback(side, wait):
    source = stream(f"""
body = await self.{side}_body()
{wait}
self.{side}_body = body.upper() + b"!"
""", f"on_http_{side}_body(self, n, e)")
    result = FakeProxy(source).exchange("POST", chunks=[b"ab", b"cd"], response=(200, {}, [b"ab", b"cd"]))
    assert (result.upstream[1] if side == "request" else result.body) == b"ABCD!"


@pytest.mark.parametrize("wait", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("callback", ["on_http_response_headers(self, n, e)", "on_http_response_body(self, n, e)"])
@pytest.mark.parametrize("trailers", [[], [{"t": "1"}]])
def test_chunks_go_on_as_they_are_read(wait, callback, trailers):
    source = stream(f"""
async for chunk in self.response_body:
    log_info("%s", chunk)
    {wait}
    self.response_body.append("|")
log_info("end")
""", callback)
    proxy = FakeProxy(source)
    result = proxy.exchange(response=(200, {}, [b"a", b"bb", b"c"], *trailers))
    assert result.body == b"a|bb|c|"
    assert [t for _, t in proxy.logs] == ["b'a'", "b'bb'", "b'c'", "end"]


def test_chunks_that_arrive_during_another_wait_are_read_afterwards():
    source = stream("""
async for chunk in self.request_body:
    log_info("%s", chunk)
    await self.http_call("a")
""", "on_http_request_body(self, n, e)")
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"")})
    i = proxy.create()
    s = proxy.streams[i]

    def arrive(data, end=0):
        s.buffers[0] = s.buffers.get(0, b"") + data
        return proxy.call("on_request_body", i, len(s.buffers[0]), end)

    assert arrive(b"one") == 1
    assert arrive(b"two") == 1 and arrive(b"three", 1) == 1
    proxy.respond_to_calls()
    assert [t for _, t in proxy.logs] == ["b'one'", "b'twothree'"]
    assert s.continued == [0]


def test_callbacks_of_one_direction_run_one_after_another():
    source = """
class F(HttpContext):
    async def on_http_request_body(self, size, end):
        log_info("body %d", size)
        await self.http_call("a")
        log_info("body done")
    async def on_http_request_trailers(self, n):
        log_info("trailers")
        await self.http_call("a")
        self.request_trailers["x"] = "y"
"""
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"")})
    i = proxy.create()
    s = proxy.streams[i]
    s.buffers[0] = b"ab"
    assert proxy.call("on_request_body", i, 2, 0) == 1
    s.buffers[0] += b"cd"
    assert proxy.call("on_request_body", i, 4, 0) == 1
    s.maps[1] = []
    assert proxy.call("on_request_trailers", i, 0) == 1
    proxy.respond_to_calls()
    assert [t for _, t in proxy.logs] == ["body 2", "body done", "body 4", "body done", "trailers"]
    assert s.continued == [0] and s.maps[1] == [(b"x", b"y")]


def test_body_and_callout_can_be_awaited_together():
    source = stream("body, response = await gather(self.request_body(), self.http_call('a'))\nlog_info('%s %s', body, response.text)")
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"yes")})
    i = proxy.create()
    assert proxy.call("on_request_headers", i, 0, 0) == 0
    proxy.respond_to_calls()
    proxy.streams[i].buffers[0] = b"text"
    assert proxy.call("on_request_body", i, 4, 1) == 0
    assert proxy.logs == [(2, "b'text' yes")]


def test_body_can_be_awaited_only_in_its_direction():
    source = stream("try:\n    await self.response_body()\nexcept RuntimeError as error:\n    log_info(error)")
    proxy = FakeProxy(source)
    proxy.exchange()
    assert proxy.logs == [(2, "the response body can only be awaited in an async on_http_response_... callback")]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        ("self.request_body = chunk.upper()", b"ONEtwothree"),
        ("self.request_body.append('!')", b"one!twothree"),
        ("self.request_body.prepend('<')", b"<onetwothree"),
        ("self.request_body.replace_start(1, '-')", b"-netwothree"),
        ("self.request_body.clear()", b"twothree"),
        ("assert bytes(self.request_body) == b'one' and len(self.request_body) == 3 and self.request_body.get(1, 1) == b'n'", b"onetwothree"),
    ],
)
def test_write_after_a_wait_keeps_bytes_that_arrived_meanwhile(write, expected):
    source = stream(f"""
async for chunk in self.request_body:
    if chunk != b"one":
        assert bytes(self.request_body) == chunk == b"twothree", bytes(self.request_body)
        await self.http_call("a")
        self.request_body = chunk + b"."
        continue
    await self.http_call("a")
    {write}
""", "on_http_request_body(self, n, e)")
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"")})
    i = proxy.create()
    s = proxy.streams[i]
    for data, end in ((b"one", 0), (b"two", 0), (b"three", 1)):
        s.buffers[0] = s.buffers.get(0, b"") + data
        assert proxy.call("on_request_body", i, len(s.buffers[0]), end) == 1
    proxy.respond_to_calls()
    assert s.buffers[0] == expected + b"." and s.continued == [0]
