"""The SDK inside Wasm, where hostcalls are the linker's built-in functions: edge cases that differ from plain Python."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.errors import FilterTrap
from wasmnb.host import Proxy
from wasmnb.messages import Response

SOURCE = r"""
import logging
from dataclasses import dataclass, field

@dataclass
class Settings:
    name: str
    limits: dict[str, int] = field(default_factory=dict)

class F(HttpContext):
    config: Settings

    def on_http_request_headers(self, num_headers, end_of_stream):
        getattr(self, self.request.path.strip("/"))(self.request_headers)

    def edges(self, h):
        assert h.get("x-none") is None and h.get("x-none", "d") == "d" and "x-none" not in h
        assert h.get(b"x-raw") == h["X-Raw"] == "\udcff\udc00a"[:1] + h["x-raw"][1:]
        h["x-copy"] = h["x-raw"]
        h[b"x-bytes"] = b"\xfe"
        h["x-int"] = 5
        h["x-uml"] = "\u00fc"
        h["x-empty"] = ""
        assert h["x-empty"] == "" and h["x-int"] == "5" and h["x-uml"] == "\u00fc"
        assert (b"x-copy", b"\xffa") in h.raw
        for nonsense in (None, 1.5, ["x"], True):
            try:
                h["x"] = nonsense
            except TypeError:
                continue
            raise AssertionError(nonsense)
        assert h.get("x\ud800") is None  # half a character becomes U+FFFD
        try:
            self.response_headers["x"]
        except BadArgument as error:
            assert "in on_http_request_headers" in str(error)
        else:
            raise AssertionError

    def output(self, h):
        print("printed", "line")
        logging.warning("warned %d", 1)
        logging.getLogger("mine").debug("fine")
        log_error("error")

    def settings(self, h):
        h["x-settings"] = f"{self.config.name} {self.config.limits}"

    def numbers(self, h):
        counter, gauge = Counter("c"), Gauge("g")
        counter.increment(2**40)
        gauge.set(5)
        gauge.add(-7)
        assert counter.value % 2**40 == 0 and gauge.value == 2**64 - 2, (counter.value, gauge.value)
        assert shared_data.add("n") >= 1
        assert hostcalls.get_current_time_nanoseconds() > 2**60

    def wrong(self, h):
        self.helper(h)

    def helper(self, h):
        h["x-not-there"]
"""


@pytest.fixture(scope="module")
def proxy():
    with Proxy(Filter.from_source(SOURCE, name="corners"), workers=1, config=b'{"name": "n", "limits": {"a": 1}}') as running:
        yield running


def test_header_values_of_every_type_are_written(proxy):
    exchange = proxy.get("/edges", headers=[("x-raw", b"\xffa")])
    assert exchange.response.status == 200, [line.text for line in proxy.log]
    sent = dict(exchange.upstream_request.headers.raw)
    assert sent[b"x-copy"] == b"\xffa" and sent[b"x-bytes"] == b"\xfe" and sent[b"x-int"] == b"5"


def test_print_and_logging_reach_the_log(proxy):
    exchange = proxy.get("/output")
    assert [(line.level.name, line.text) for line in exchange.log] == [("INFO", "printed line"), ("WARN", "warned 1"), ("ERROR", "error")]


def test_configuration_metrics_and_data_work_in_wasm(proxy):
    assert proxy.get("/settings").upstream_request.headers.get("x-settings") == "n {'a': 1}"
    assert proxy.get("/numbers").response.status == 200, [line.text for line in proxy.log]


def test_plugin_does_not_start_with_an_invalid_configuration():
    corners = Filter.from_source(SOURCE, name="corners")
    with pytest.raises(FilterTrap, match="refuses its configuration"):
        Proxy(corners, workers=1, config=b'{"name": 1, "limits": {"a": "b"}}')


def test_traceback_has_the_cells_lines(proxy):
    exchange = proxy.get("/wrong")
    assert exchange.response.status == 503
    text = next(line.text for line in proxy.log if "x-not-there" in line.text and "Traceback" in line.text)
    lines = text.splitlines()
    assert lines[0] == "Traceback (most recent call last):" and lines[-1] == "KeyError: 'x-not-there'"
    assert any("in wrong" in line for line in lines) and '    h["x-not-there"]' in lines
    assert "wasmnb" not in text


@pytest.mark.parametrize(
    "call", ["self.http_call('acounts')", "await self.http_call('acounts')", "self.grpc_call('acounts', 's', 'm', b'')"]
)
def test_unknown_cluster_lists_the_known_ones(call):
    source = f"class F(HttpContext):\n    async def on_http_request_headers(self, num_headers, end_of_stream):\n        {call}\n"
    with Proxy(Filter.from_source(source), clusters={"accounts": Response(200)}, workers=1) as proxy:
        exchange = proxy.get("/")
        assert "The proxy has no cluster 'acounts'; it has upstream, accounts" in exchange.failure.traceback
        start = source.replace("class F(HttpContext)", "class P(PluginContext)").replace("http_request_headers(self, num_headers, end_of_stream)", "plugin_start(self, size)")
    with pytest.raises(FilterTrap, match="returned") as caught:
        Proxy(Filter.from_source(start + "class F(HttpContext): pass\n"), clusters={"accounts": Response(200)})
    assert "The proxy has no cluster 'acounts'; it has upstream, accounts" in caught.value.traceback


def test_coroutine_that_is_never_awaited_is_logged_with_its_line():
    source = """class F(HttpContext):
    async def allowed(self):
        return False

    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.allowed():
            return
"""
    with Proxy(Filter.from_source(source), workers=1) as proxy:
        log = "\n".join(line.text for line in proxy.get("/").log)
    assert "<filter>:6: RuntimeWarning: coroutine 'F.allowed' was never awaited" in log
    assert "if self.allowed():" in log


def test_file_access_in_the_sandbox_has_a_hint():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        open('/etc/hosts')\n"
    with Proxy(Filter.from_source(source), workers=1) as proxy:
        traceback = proxy.get("/").failure.traceback
    assert "open('/etc/hosts')" in traceback
    assert "runs in the proxy's sandbox, which has no files" in traceback
