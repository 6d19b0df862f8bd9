"""Control of streams: local responses, continuing, other streams, every phase."""

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.errors import BadArgument, StreamStateError


def test_local_response_stops_the_request_and_passes_response_callbacks():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        return self.send_local_response(403, "no", {"x-why": "because"}, details="denied")
    def on_http_response_headers(self, n, e):
        self.response_headers["x-seen"] = self.response_headers[":status"]
"""
    result = FakeProxy(source).exchange()
    assert (result.status, result.body, result.details, result.upstream) == (403, b"no", b"denied", None)
    assert result.header(b"x-why") == b"because" and result.header(b"x-seen") == b"403"


@pytest.mark.parametrize("status", [0, 99, 600, 1000, "403", None])
def test_local_response_with_an_impossible_status_raises_value_error(status):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.send_local_response({status!r})"
    with pytest.raises(ValueError, match="between 200 and 599"):
        FakeProxy(source).exchange()


def test_local_response_on_an_ended_stream_is_refused():
    source = "class F(HttpContext):\n    def on_http_stream_done(self):\n        self.send_local_response(500)"
    with pytest.raises(StreamStateError, match="has ended"):
        FakeProxy(source).exchange()


@pytest.mark.parametrize("side", ["request", "response"])
def test_continuing_a_stream_without_a_pause_is_refused(side):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.continue_{side}()"
    with pytest.raises(StreamStateError, match="isn.t paused"):
        FakeProxy(source).exchange()


def test_paused_stream_can_be_continued_from_another_stream():
    source = """
class P(PluginContext):
    waiting = None

class F(HttpContext):
    def on_http_request_headers(self, n, e):
        if self.plugin.waiting is None:
            self.plugin.waiting = self
            return Action.PAUSE
        other = self.plugin.waiting
        other.request_headers["x-by"] = self.request_headers["x-name"]
        other.continue_request()
        other.continue_request()
        self.request_headers["x-after"] = "own"
"""
    proxy = FakeProxy(source)
    first, second = proxy.create(), proxy.create()
    proxy.streams[first].maps[0] = [(b"x-name", b"first")]
    proxy.streams[second].maps[0] = [(b"x-name", b"second")]
    assert proxy.call("on_request_headers", first, 1, 1) == 1
    assert proxy.call("on_request_headers", second, 1, 1) == 0
    assert dict(proxy.streams[first].maps[0])[b"x-by"] == b"second"
    assert dict(proxy.streams[second].maps[0])[b"x-after"] == b"own"
    assert proxy.streams[first].continued == [0], "the second continue is no news"


def test_acting_on_an_ended_stream_raises():
    source = """
class P(PluginContext):
    def on_tick(self):
        self.last.request_headers["x"] = "y"
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.plugin.last = self
"""
    proxy = FakeProxy(source)
    proxy.exchange()
    with pytest.raises(BadArgument, match="The stream has ended"):
        proxy.tick()


def test_bodies_trailers_metadata_and_end_reach_the_filter():
    source = """
seen = []
class F(HttpContext):
    def on_http_request_body(self, size, end):
        if not end:
            return Action.PAUSE
        self.request_body = bytes(self.request_body).upper()
        self.request_trailers["x-end"] = "1"
    def on_http_request_trailers(self, n): seen.append(n)
    def on_http_response_body(self, size, end):
        self.response_body.append("!") if end else None
    def on_http_response_trailers(self, n):
        self.response_trailers["x-t"] = len(self.response_trailers)
    def on_http_stream_done(self):
        log_info("path %s %s", self.request_headers[":path"], self.response_headers[":status"])
    def on_delete(self):
        log_info("gone %d", self.context_id)
"""
    proxy = FakeProxy(source)
    result = proxy.exchange("POST", "/p", chunks=[b"ab", b"cd"], response=(200, {}, [b"x", b"y"]))
    assert result.upstream[1] == b"ABCD" and result.upstream[2] == [(b"x-end", b"1")]
    assert result.body == b"xy!"
    assert [text for _, text in proxy.logs] == ["path /p 200", "gone 2"]
    result = proxy.exchange("POST", "/p", response=(200, {}, [b"x"], {"grpc-status": "0"}))
    assert result.trailers == [(b"grpc-status", b"0"), (b"x-t", b"1")]
