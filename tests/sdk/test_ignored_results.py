"""Results that the proxy ignores, and hints for values that are taken for others."""

import pytest

from wasmnb import Filter, Proxy

SOURCE = """
class Plugin(PluginContext):
    def on_foreign_function(self, function_id, arguments_size):
        return True

class Stream(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        pass

    def on_http_stream_done(self):
        return Action.PAUSE
"""

BYTES = """
class Reads(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        body = await self.request_body()
        self.request_headers["x-first"] = body.json()["a"]
"""


def test_ignored_result_is_logged_once():
    with Proxy(Filter.native(SOURCE, "ignored"), workers=1) as proxy:
        lines = [line for _ in range(3) for line in proxy.get("/").log]
        assert [(line.level.name, line.text) for line in lines] == [
            ("WARN", "Stream.on_http_stream_done (line 10) returned <Action.PAUSE: 1>, which the proxy ignores. Return None")
        ]
        proxy.call_foreign_callback(1, worker=1)
        assert "Plugin.on_foreign_function (line 3) returned True, which the proxy ignores. Return None" in [line.text for line in proxy.log]


@pytest.mark.parametrize("attribute", ["json()", "get()", "text"])
def test_bytes_taken_for_a_body_get_a_hint(attribute):
    with Proxy(Filter.native(BYTES.replace('json()["a"]', attribute), "reads"), workers=1) as proxy:
        exchange = proxy.post("/", body=b'{"a": 1}')
        text = "\n".join(line.text for line in exchange.log)
    assert exchange.response.status == 503
    assert "The value is bytes, as `await self.request_body()` returns them." in text


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("for event in self.response.sse(): pass", "Iterate over them with `async for`"),
        ("a, b = gather(sleep(1), sleep(1))", "write `await` before the call"),
    ],
)
def test_forgotten_async_and_await_get_a_hint(line, hint):
    source = f"class F(HttpContext):\n    async def on_http_response_headers(self, num_headers, end_of_stream):\n        {line}\n"
    with Proxy(Filter.native(source, "f"), workers=1) as proxy:
        assert hint in proxy.get("/").traceback
