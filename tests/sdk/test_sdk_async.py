"""`async def` callbacks on a proxy in plain Python."""

import gc
import sys

import pytest
from fake_proxy import Abandoned, FakeProxy

from wasmnb.sdk.dispatch import FilterSourceError
from wasmnb.sdk.errors import CalloutReset, CalloutTimeout, CalloutUnreachable, GrpcError

AUTH = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        response = await self.http_call("auth", path="/check", headers={"x-user": self.request_headers.get("x-user", "")})
        if not response.ok:
            return self.send_local_response(403, response.text)
        self.request_headers["x-auth"] = response.headers["x-id"]
"""


def auth(headers, body):
    return (200, {"x-id": "7"}, b"") if headers["x-user"] == b"ann" else (401, {}, b"no")


def stream(body, callback="on_http_request_headers(self, n, e)", extra=""):
    lines = "\n".join("        " + line for line in body.strip().splitlines())
    return f"class F(HttpContext):\n    async def {callback}:\n{lines}\n{extra}"


def test_a_callout_is_awaited_in_six_lines():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    assert proxy.exports == {"on_configure", "on_request_headers", "on_http_call_response", "on_delete"}
    assert proxy.exchange(headers={"x-user": "ann"}).upstream_header(b"x-auth") == b"7"
    answer = proxy.exchange()
    assert (answer.status, answer.body, answer.upstream) == (403, b"no", None)


def test_streams_that_wait_do_not_mix():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    waiting = []
    for k in range(20):
        i = proxy.create()
        proxy.streams[i].maps[0] = [(b"x-user", b"ann" if k % 2 else b"bob")]
        assert proxy.call("on_request_headers", i, 1, 1) == 1
        waiting.append(i)
    for token, i in reversed(list(zip(list(proxy.calls), waiting, strict=True))):
        headers = dict(proxy.calls[token][1])
        proxy.answer(token, auth(headers, b""))
        s = proxy.streams[i]
        if headers["x-user"] == b"ann":
            assert s.continued == [0] and dict(s.maps[0])[b"x-auth"] == b"7" and s.local is None
        else:
            assert s.continued == [] and s.local[0] == 403


@pytest.mark.parametrize(("returned", "number"), [("None", 0), ("Action.CONTINUE", 0), ("Action.PAUSE", 1), ("HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER", 3)])
def test_a_callback_that_never_waits_is_like_a_plain_one(returned, number):
    proxy = FakeProxy(stream(f"return {returned}"))
    assert proxy.call("on_request_headers", proxy.create(), 0, 1) == number


def test_nonsense_after_a_wait_ends_the_stream_alone():
    proxy = FakeProxy(stream("await sleep(1)\nreturn 'nonsense'"))
    answer = proxy.exchange()
    assert answer.status == 503 and "returned 'nonsense'" in proxy.logs[0][1]


def test_paused_by_hand_after_a_wait_stays_paused():
    proxy = FakeProxy(stream("await sleep(0.01)\nreturn Action.PAUSE"))
    with pytest.raises(Abandoned):
        proxy.exchange()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((504, {"content-type": "text/plain"}, b"upstream request timeout"), CalloutTimeout),
        ((503, {}, b"no healthy upstream"), CalloutUnreachable),
        (None, CalloutReset),
    ],
)
def test_each_way_in_which_a_callout_fails_is_an_exception(answer, error):
    source = stream(f"""
try:
    await self.http_call("auth")
except CalloutError as error:
    assert type(error) is {error.__name__}
    return self.send_local_response(500, type(error).__name__)
""")
    assert FakeProxy(source, clusters={"auth": lambda h, b: answer}).exchange().body == error.__name__.encode()


def test_a_callout_that_is_answered_before_it_is_awaited():
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


# -- time


def test_sleep_takes_as_long_as_it_says():
    proxy = FakeProxy(stream("await sleep(0.25)\nself.request_headers['x'] = 'late'"))
    before = proxy.time
    assert proxy.exchange().upstream_header(b"x") == b"late"
    assert proxy.time - before == 250_000_000
    assert proxy.tick_period == 0, "the tick is stopped when nobody sleeps"


def test_many_sleepers_wake_in_order_and_the_filters_own_tick_goes_on():
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


def test_the_own_tick_can_be_set_while_timers_wait():
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


def test_an_async_tick_and_an_async_start():
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
    proxy.answer_calls()
    assert [t for _, t in proxy.logs] == ["asks", "got news"]


def test_timeout_and_wait_for():
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
    proxy.answer(slow, (200, {}, b"late"))
    assert [t for _, t in proxy.logs] == ["not done after 0.1 s", "again"]
    proxy.answer_calls()
    assert proxy.streams[i].continued == [0]
    proxy.advance(3)
    assert proxy.tick_period == 0


def test_timeouts_that_were_not_needed_do_not_pile_up():
    proxy = FakeProxy(stream("await wait_for(self.http_call('a'), 3600)"), clusters={"a": lambda h, b: (200, {}, b"")})
    for _ in range(500):
        proxy.exchange()
    (ticker,) = proxy.dispatcher.vm.tickers.values()
    assert len(ticker._timers) < 100
    sleeper = proxy.create()
    proxy.streams[sleeper].maps[0] = []
    proxy.call("on_request_headers", sleeper, 0, 1)
    assert any(timer.action for _, _, timer in ticker._timers), "those that wait stay"


def test_nested_timeouts_belong_to_their_own_block():
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
def test_gather_ends_the_others_when_one_fails(seconds):
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


# -- ends


def test_a_stream_that_goes_away_cancels_what_it_waits_for():
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
    proxy.answer(token, (200, {}, b""))
    assert [t for _, t in proxy.logs] == ["finally"]
    assert not proxy.dispatcher.vm.http_calls


def test_a_plugin_that_goes_away_cancels_what_runs_for_it():
    source = "class P(PluginContext):\n    async def on_tick(self):\n        try:\n            await sleep(5)\n        finally:\n            log_info('finally')"
    proxy = FakeProxy(source)
    proxy.tick()
    proxy.call("on_delete", 1)
    assert [t for _, t in proxy.logs] == ["finally"] and not proxy.dispatcher.vm.tickers


def test_an_exception_before_the_first_wait_stops_the_module():
    proxy = FakeProxy(stream("raise ValueError('early')"))
    with pytest.raises(ValueError, match="early"):
        proxy.exchange()
    assert proxy.logs[0][0] == 5 and 'File "<cell>", line 3' in proxy.logs[0][1]


@pytest.mark.parametrize("callback", ["on_http_request_headers(self, n, e)", "on_http_response_headers(self, n, e)"])
def test_an_exception_after_a_wait_ends_the_stream_alone(callback):
    proxy = FakeProxy(stream("await sleep(0.1)\nraise ValueError('late')", callback))
    answer = proxy.exchange()
    assert (answer.status, answer.details) == (503, b"wasm_fail_stream")
    ((level, text),) = proxy.logs
    assert level == 5 and 'line 4, in on_http_re' in text and "wasmnb/sdk" not in text
    assert proxy.exchange().status == 503, "the VM lives on"


def test_an_exception_after_a_wait_in_the_body_of_a_response_resets_the_stream():
    proxy = FakeProxy(stream("await sleep(0.1)\nraise ValueError('late')", "on_http_response_body(self, n, e)"))
    i = proxy.create()
    proxy.streams[i].buffers[1] = b"x"
    assert proxy.call("on_response_body", i, 1, 0) == 1
    proxy.advance(1)
    assert proxy.streams[i].closed


def test_an_exception_in_a_plugins_own_coroutine_stops_the_module():
    proxy = FakeProxy("class P(PluginContext):\n    async def on_tick(self):\n        await sleep(0.1)\n        1 / 0")
    proxy.tick()
    with pytest.raises(ZeroDivisionError):
        proxy.advance(1)
    assert len(proxy.logs) == 1


def test_the_response_to_a_local_reply_may_wait_as_well():
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
    answer = FakeProxy(source).exchange()
    assert answer.status == 403 and answer.header(b"x-late") == b"403"


# -- bodies


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
def test_a_whole_body_is_awaited_from_the_headers(before, after, chunks, trailers):
    proxy = FakeProxy(BODY.format(before=before, after=after))
    answer = proxy.exchange("POST", chunks=chunks, trailers=trailers)
    assert answer.upstream[1] == b"".join(chunks) and answer.upstream[2] == [(b"t", b"1")][: len(trailers)]
    assert [t for _, t in proxy.logs] == [repr(b"".join(chunks))]


@pytest.mark.parametrize("after", ["pass", "await sleep(0.1)"])
def test_an_awaited_body_may_be_refused(after):
    answer = FakeProxy(BODY.format(before="pass", after=after)).exchange("POST", chunks=[b"b", b"ad"])
    assert answer.status == 400 and answer.upstream is None


@pytest.mark.parametrize("wait", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("side", ["request", "response"])
def test_a_whole_body_is_awaited_and_changed_in_the_body_callback(side, wait):
    source = stream(f"""
body = await self.{side}_body()
{wait}
self.{side}_body = body.upper() + b"!"
""", f"on_http_{side}_body(self, n, e)")
    answer = FakeProxy(source).exchange("POST", chunks=[b"ab", b"cd"], response=(200, {}, [b"ab", b"cd"]))
    assert (answer.upstream[1] if side == "request" else answer.body) == b"ABCD!"


@pytest.mark.parametrize("wait", ["pass", "await sleep(0.1)"])
@pytest.mark.parametrize("callback", ["on_http_response_headers(self, n, e)", "on_http_response_body(self, n, e)"])
@pytest.mark.parametrize("trailers", [[], [{"t": "1"}]])
def test_chunks_are_read_one_by_one_and_go_on_as_they_are_read(wait, callback, trailers):
    source = stream(f"""
async for chunk in self.response_body:
    log_info("%s", chunk)
    {wait}
    self.response_body.append("|")
log_info("end")
""", callback)
    proxy = FakeProxy(source)
    answer = proxy.exchange(response=(200, {}, [b"a", b"bb", b"c"], *trailers))
    assert answer.body == b"a|bb|c|"
    assert [t for _, t in proxy.logs] == ["b'a'", "b'bb'", "b'c'", "end"]


def test_chunks_that_come_while_something_else_is_awaited_are_read_afterwards():
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
    proxy.answer_calls()
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
    proxy.answer_calls()
    assert [t for _, t in proxy.logs] == ["body 2", "body done", "body 4", "body done", "trailers"]
    assert s.continued == [0] and s.maps[1] == [(b"x", b"y")]


def test_the_body_and_a_callout_may_be_awaited_together():
    source = stream("body, answer = await gather(self.request_body(), self.http_call('a'))\nlog_info('%s %s', body, answer.text)")
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"yes")})
    i = proxy.create()
    assert proxy.call("on_request_headers", i, 0, 0) == 0
    proxy.answer_calls()
    proxy.streams[i].buffers[0] = b"text"
    assert proxy.call("on_request_body", i, 4, 1) == 0
    assert proxy.logs == [(2, "b'text' yes")]


def test_a_body_can_be_awaited_only_where_it_passes():
    source = stream("try:\n    await self.response_body()\nexcept RuntimeError as error:\n    log_info(error)")
    proxy = FakeProxy(source)
    proxy.exchange()
    assert proxy.logs == [(2, "the response body can be awaited in an async on_http_response_... callback")]


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


def test_a_cancelled_wait_for_a_queue_takes_no_item():
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


def test_a_connection_waits_until_it_is_let_in():
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
    proxy.answer_calls()
    assert s.continued == []
    proxy.advance(0.1)
    assert s.continued == [2] and s.buffers[2] == b"ABC"


# -- misuse


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("await asyncio.sleep(1)", "asyncio.sleep() cannot be used in a filter: there is no event loop inside the proxy. Use `await sleep(seconds)`."),
        ("await sleep(0.01)\nawait asyncio.sleep(1)", "Use `await sleep(seconds)`."),
        ("await asyncio.sleep(0)", "Use sleep(), gather(), timeout()"),
        ("await asyncio.wait_for(None, 1)", "Use `await wait_for(awaitable, seconds)`."),
        ("await asyncio.get_running_loop().create_future()", "Use sleep(), gather()"),
        ("await asyncio.Queue().get()", "queue.get()"),
        ("await [1]", "What a filter can await: sleep()"),
        ("await generator()", "'odd' cannot be awaited in a filter"),
    ],
)
def test_awaiting_something_foreign_names_what_to_use_instead(code, use):
    before = "import asyncio, types\n@types.coroutine\ndef generator():\n    yield 'odd'\n"
    proxy = FakeProxy(stream(code).replace("class F", before + "class F"))
    try:
        proxy.exchange()
    except (TypeError, RuntimeError, AttributeError):
        pass
    ((_, text),) = proxy.logs
    assert use in text.splitlines()[-1] and 'File "<cell>", line' in text


def test_what_is_awaited_twice_at_the_same_time_says_so():
    proxy = FakeProxy(stream("call = self.http_call('a')\nawait gather(call, call)"), clusters={"a": lambda h, b: (200, {}, b"")})
    with pytest.raises(RuntimeError, match="<HttpCall 4: under way> is awaited twice at the same time"):
        proxy.exchange()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("await sleep('1')", "a time to wait is a number of seconds, less than 1e+09, not '1'"),
        ("await sleep(float('nan'))", "not nan"),
        ("await wait_for(1, [2])", "a time to wait is a number of seconds"),
        ("await gather([1])", "gather() takes awaitables one by one"),
    ],
)
def test_wrong_arguments(code, said):
    proxy = FakeProxy(stream(code))
    with pytest.raises(TypeError):
        proxy.exchange()
    assert said in proxy.logs[0][1].splitlines()[-1]


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("async def on_http_stream_done(self): pass", "plain def"),
        ("async def on_delete(self): pass", "plain def"),
        ("def on_http_request_headers(self, n, e): yield", "does not yield"),
        ("async def on_http_request_headers(self, n, e): yield", "does not yield"),
    ],
)
def test_callbacks_that_cannot_wait_are_found_when_the_source_loads(method, hint):
    with pytest.raises(FilterSourceError) as caught:
        FakeProxy(f"class F(HttpContext):\n    {method}")
    assert caught.value.lineno == 2 and hint in caught.value.hint


def test_sources_without_async_export_nothing_for_it():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e): len(self.request_body)"
    assert FakeProxy(source).exports == {"on_configure", "on_request_headers"}


@pytest.mark.parametrize("how", ["ann", "bob", "gone"])
def test_waits_leave_nothing_behind_even_without_the_garbage_collector(how):
    proxy = FakeProxy(AUTH, clusters={"auth": auth})

    def run():
        if how == "gone":
            i = proxy.create()
            proxy.streams[i].maps[0] = []
            proxy.call("on_request_headers", i, 0, 1)
            proxy.delete(i)
            proxy.answer_calls()
        else:
            proxy.exchange(headers={"x-user": how})
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
    assert sys.getrefcount(proxy.dispatcher._plugins[1]) < 10


def test_deletes_are_watched_only_while_something_waits(monkeypatch):
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
    proxy.exports.add("on_delete")  # what the proxy's side does while it watches
    proxy.delete(waiting[0])
    assert watching == [1]
    proxy.answer_calls()
    assert watching == [1, 0]
    assert not proxy.dispatcher.vm.http_calls


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
def test_what_is_written_after_a_wait_leaves_alone_what_came_meanwhile(write, expected):
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
    proxy.answer_calls()
    assert s.buffers[0] == expected + b"." and s.continued == [0]


def test_an_exception_before_the_first_wait_leaves_the_next_stream_alone():
    proxy = FakeProxy(stream("if self.request_headers.get('x'): raise ValueError('first')\nlog_info('fine')"))
    with pytest.raises(ValueError, match="first"):
        proxy.exchange(headers={"x": "1"})
    proxy.logs.clear()
    proxy.exchange()
    assert [t for _, t in proxy.logs] == ["fine"]


def test_a_callback_that_runs_inside_a_hostcall_of_another_may_be_async_as_well(monkeypatch):
    inner = []

    def write(proxy, *_):
        outer, i = proxy.current, proxy.create()
        inner.append(proxy.call("on_response_headers", i, 0, 1))
        proxy.current, proxy.dispatcher.vm.active = outer, proxy.dispatcher._http[outer]
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
