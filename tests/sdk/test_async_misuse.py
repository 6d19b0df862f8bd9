"""Messages for awaitables that a filter cannot use, and for wrong arguments."""

import pytest
from tests.sdk.async_kit import stream
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.dispatch import FilterSourceError


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("await asyncio.sleep(1)", "asyncio.sleep() can't be used in a filter: the proxy doesn't run an event loop. Use `await sleep(seconds)`."),
        ("await sleep(0.01)\nawait asyncio.sleep(1)", "Use `await sleep(seconds)`."),
        ("await asyncio.sleep(0)", "Use sleep(), gather(), timeout()"),
        ("await asyncio.wait_for(None, 1)", "Use `await wait_for(awaitable, seconds)`."),
        ("await asyncio.get_running_loop().create_future()", "Use sleep(), gather()"),
        ("await asyncio.Queue().get()", "queue.get()"),
        ("await [1]", "A filter can await sleep()"),
        ("await generator()", "'odd' can't be awaited in a filter"),
    ],
)
def test_error_about_an_unsupported_awaitable_names_the_replacement(code, use):
    before = "import asyncio, types\n@types.coroutine\ndef generator():\n    yield 'odd'\n"
    proxy = FakeProxy(stream(code).replace("class F", before + "class F"))
    try:
        proxy.exchange()
    except (TypeError, RuntimeError, AttributeError):
        pass
    ((_, text),) = proxy.logs
    assert use in text.splitlines()[-1] and 'File "<cell>", line' in text


def test_awaiting_twice_at_the_same_time_is_refused():
    proxy = FakeProxy(stream("call = self.http_call('a')\nawait gather(call, call)"), clusters={"a": lambda h, b: (200, {}, b"")})
    with pytest.raises(RuntimeError, match="<HttpCall 4: under way> is awaited twice at the same time"):
        proxy.exchange()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("await sleep('1')", "the time to wait must be a number of seconds below 1e+09, not '1'"),
        ("await sleep(float('nan'))", "not nan"),
        ("await wait_for(1, [2])", "the time to wait must be a number of seconds"),
        ("await gather([1])", "gather() takes each awaitable as a separate argument, not [1]. Put a star before it"),
    ],
)
def test_error_lists_invalid_arguments(code, said):
    proxy = FakeProxy(stream(code))
    with pytest.raises(TypeError):
        proxy.exchange()
    said_where, last = proxy.logs[0][1].split("\n", 1)[1], proxy.logs[0][1].splitlines()[-1]
    assert said in last and code in said_where


def test_error_of_gather_lists_supported_awaitables():
    proxy = FakeProxy(stream("await gather(5)"))
    with pytest.raises(TypeError, match="got 5, which can't be awaited"):
        proxy.exchange()
    assert proxy.logs[0][1].splitlines()[-1].startswith("A filter can await sleep()")


def test_missing_queue_raises_where_it_is_awaited():
    code = "try:\n    await Queue(77, 'x').get()\nexcept NotFound:\n    log_info('none')"
    proxy = FakeProxy(stream(code))
    proxy.exchange()
    assert proxy.logs[0][1] == "none"


@pytest.mark.parametrize(("cls", "method"), [("HttpContext", "__init__(self)"), ("PluginContext", "new_http_context(self, i)")])
def test_context_factories_cannot_be_async(cls, method):
    with pytest.raises(FilterSourceError, match=r"cannot be async: the proxy does not wait for it"):
        FakeProxy(f"class F({cls}):\n    async def {method}: pass")


@pytest.mark.parametrize(
    ("method", "hint"),
    [
        ("async def on_http_stream_done(self): pass", "plain def"),
        ("async def on_delete(self): pass", "plain def"),
        ("def on_http_request_headers(self, n, e): yield", "can't yield"),
        ("async def on_http_request_headers(self, n, e): yield", "can't yield"),
    ],
)
def test_async_in_a_callback_that_cannot_wait_is_refused_at_load(method, hint):
    with pytest.raises(FilterSourceError) as caught:
        FakeProxy(f"class F(HttpContext):\n    {method}")
    assert caught.value.lineno == 2 and hint in caught.value.hint


@pytest.mark.parametrize("first", ["self.send_local_response(429, 'first')", "self.close()"])
def test_second_local_response_is_ignored_since_envoy_crashes(first):
    proxy = FakeProxy(stream(f"await self.http_call('a')\n{first}\nself.send_local_response(500, 'second')"), clusters={"a": lambda h, b: (200, {}, b"")})
    proxy.exchange()
    assert proxy.logs[-1] == (3, "send_local_response(500) is ignored: the stream already has a local response, or is closed")
