"""Foreign functions that a test registers, and on_foreign_function run by them."""

import pytest

from wasmnb import Envoy, Filter, Proxy, UsageError
from wasmnb.abi import Status

SOURCE = """
class Plugin(PluginContext):
    def on_foreign_function(self, function_id, arguments_size):
        print("plugin", function_id, hostcalls.get_buffer_bytes(BufferType.CALL_DATA))

class Lookup(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            result = self.call_foreign_function("lookup", self.request.path)
        except NotFound as error:
            result = b"not found"
        print("result", result)
        self.request_headers["x-result"] = result

    def on_foreign_function(self, function_id, arguments_size):
        print("stream", function_id, hostcalls.get_buffer_bytes(BufferType.CALL_DATA))
"""


@pytest.fixture(scope="module")
def lookup():
    return Filter.from_source(SOURCE, name="lookup")


def texts(exchange):
    return [line.text for line in exchange.log]


def test_function_of_the_test_answers_the_filter(lookup):
    calls = []

    def look_up(call):
        calls.append((call.arguments, call.worker, call.exchange))
        return "yes"

    with Proxy(lookup, workers=1, foreign={"lookup": look_up}) as proxy:
        assert proxy.get("/a").upstream_request.headers["x-result"] == "yes"
    assert calls == [(b"/a", 1, 1)]


def test_function_runs_the_callback_of_the_stream(lookup):
    def look_up(call):
        call.run_callback(7, b"now")
        call.run_callback(8, "later", after=0.5)
        call.run_callback(9, "too late", after=60.0)

    with Proxy(lookup, workers=1, foreign={"lookup": look_up}) as proxy:
        stream = proxy.open("POST", "/a")
        assert "stream 7 b'now'" in texts(stream.exchange)
        proxy.advance(1.0)
        stream.send_body(b"", end=True)
        proxy.advance(100.0)
        assert [t for t in texts(stream.exchange) if t.startswith("stream")] == ["stream 7 b'now'", "stream 8 b'later'"]


def test_status_of_the_function_reaches_the_filter(lookup):
    with Proxy(lookup, workers=1, foreign={"lookup": lambda call: Status.NOT_FOUND}) as proxy:
        assert "result b'not found'" in texts(proxy.get("/"))
    with Proxy(lookup, workers=1) as proxy:
        assert "result b'not found'" in texts(proxy.get("/"))


@pytest.mark.parametrize("result", [ValueError("no such user"), 5])
def test_error_of_the_function_is_the_failure(lookup, result):
    def look_up(call):
        if isinstance(result, Exception):
            raise result
        return result

    with Proxy(lookup, workers=1, foreign={"lookup": look_up}) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 503
        assert ("no such user" if isinstance(result, Exception) else "not int") in exchange.failure.message


def test_test_runs_the_callback_of_the_plugins(lookup):
    with Proxy(lookup, workers=2) as proxy:
        assert proxy.call_foreign_callback(3, b"x", worker=2) == 1
        assert proxy.call_foreign_callback(4, "y") == 3
        lines = [(line.thread, line.text) for line in proxy.log if line.text.startswith("plugin")]
    assert lines[0] == ("worker-2", "plugin 3 b'x'")
    assert sorted(lines[1:]) == [(thread, "plugin 4 b'y'") for thread in ("main", "worker-1", "worker-2")]


def test_real_envoy_explains_why_it_takes_no_functions(lookup):
    with pytest.raises(UsageError, match="doesn't support foreign=, because Envoy's foreign functions are compiled into it"):
        Envoy(lookup, foreign={"lookup": len})


def test_error_of_a_failed_start_has_log_and_trace():
    source = "class P(PluginContext):\n    def on_plugin_start(self, size):\n        print('before')\n        1 / 0\n"
    source += "class H(HttpContext):\n    def on_http_request_headers(self, n, e): pass\n"
    with pytest.raises(Exception, match="ZeroDivisionError") as caught:
        Proxy(Filter.from_source(source, name="broken"), workers=1)
    assert "before" in [line.text for line in caught.value.log]
    assert "on_configure" in [event.name for event in caught.value.trace]
