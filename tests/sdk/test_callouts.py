import gzip
import zlib

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.errors import BadArgument, InternalFailure, ParseFailure

AUTH = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.http_call("auth", path="/check", method="POST", headers={"x-user": self.request_headers.get("x-user", "")},
                       body="who", timeout=0.5, callback=self.checked)
        return Action.PAUSE

    def checked(self, response):
        if response.ok:
            self.request_headers["x-auth"] = response.headers["x-id"] + response.text
            self.continue_request()
        else:
            self.send_local_response(403, f"status {response.status}, {type(response.error).__name__}")
"""


def auth(headers, body):
    assert headers[":path"] == b"/check" and headers[":authority"] == b"auth" and body == b"who"
    return (200, {"x-id": "7"}, b"!") if headers["x-user"] == b"ann" else (401, {"server": "auth"}, b"who?")


def test_response_reaches_the_stream_that_made_the_call():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    assert proxy.exchange(headers={"x-user": "ann"}).upstream_header(b"x-auth") == b"7!"
    result = proxy.exchange()
    assert (result.status, result.body, result.upstream) == (403, b"status 401, NoneType", None)
    assert [h[-1] for h in proxy.hostcalls if h[0] == "http_call"] == [500, 500]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ((504, {"content-type": "text/plain"}, b"upstream request timeout"), "CalloutTimeout"),
        ((503, {"content-type": "text/plain"}, b"upstream connect error or disconnect/reset before headers. x"), "CalloutUnreachable"),
        ((504, {"server": "other"}, b"upstream request timeout"), "NoneType"),
        (None, "CalloutReset"),
    ],
)
def test_response_error_names_the_failure(response, error):
    proxy = FakeProxy(AUTH, clusters={"auth": lambda headers, body: response})
    result = proxy.exchange()
    assert result.body.decode().endswith(error)


def test_responses_go_to_their_own_streams():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    streams = {}
    for user in ("ann", "bob"):
        i = streams[user] = proxy.create()
        proxy.streams[i].maps[0] = [(b"x-user", user.encode())]
        assert proxy.call("on_request_headers", i, 1, 1) == 1
    first, second = proxy.calls
    proxy.respond(second, (401, {}, b""))
    proxy.respond(first, (200, {"x-id": "1"}, b""))
    assert proxy.streams[streams["ann"]].continued == [0] and proxy.streams[streams["ann"]].local is None
    assert proxy.streams[streams["bob"]].local[0] == 403


def test_response_for_an_ended_stream_is_dropped():
    proxy = FakeProxy(AUTH, clusters={"auth": auth})
    i = proxy.create()
    proxy.streams[i].maps[0] = []
    proxy.call("on_request_headers", i, 0, 1)
    proxy.delete(i)
    proxy.respond(next(iter(proxy.calls)), (200, {"x-id": "1"}, b""))
    assert proxy.logs == [] and not proxy.dispatcher.vm.callouts.http


def test_unknown_token_is_ignored():
    FakeProxy(AUTH, clusters={"auth": auth}).respond(999, (200, {}, b""))


def test_plugin_gets_repeated_headers_of_a_response():
    source = """
class P(PluginContext):
    def on_tick(self):
        self.http_call("api", headers=[("x", "1"), ("x", "2"), (":path", "/own")]).on_response(self.done_)
    def done_(self, response):
        log_info("%s %s %s %s %s", response.headers.get_all("set-cookie"), response.json(), response.trailers.items(), len(response.headers), response)
"""
    seen = []

    def api(headers, body):
        seen.append(headers)
        return 200, [("set-cookie", "a"), ("set-cookie", "b")], b"[1]", {"t": "v"}

    proxy = FakeProxy(source, clusters={"api": api})
    proxy.tick()
    proxy.respond_to_calls()
    assert seen[0][":path"] == b"/own"
    assert proxy.logs[0][1] == "['a', 'b'] [1] [('t', 'v')] 2 <HttpCallResponse 200, 3 headers, 3 bytes>"


@pytest.mark.parametrize(
    ("cluster", "kind", "text"),
    [("unknown", BadArgument, "Check the cluster's name"), ("down", InternalFailure, "no healthy endpoint")],
)
def test_call_that_cannot_start_raises(cluster, kind, text):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.http_call({cluster!r})"
    with pytest.raises(kind, match=f"http_call\\('{cluster}'\\).*on_http_request_headers.*{text}"):
        FakeProxy(source, clusters={"down": None}).exchange()


@pytest.mark.parametrize("asks", ["http_call('down')", "grpc_call('down', 'a.B', 'C', b'')"])
def test_callout_not_started_is_a_callout_error(asks):
    source = f"""
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        try:
            await self.{asks}
        except CalloutUnreachable as error:
            log_info(type(error).__name__)
"""
    proxy = FakeProxy(source, clusters={"down": None})
    proxy.exchange()
    assert [text for _, text in proxy.logs] == ["CalloutNotStarted"]


@pytest.mark.parametrize("timeout", ["-1", "0", "float('nan')", "1e10"])
def test_impossible_timeout_raises_value_error(timeout):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.http_call('a', timeout={timeout})"
    with pytest.raises(ValueError, match="timeout= must be between 0 and 2147483 seconds"):
        FakeProxy(source, clusters={"a": auth}).exchange()


def test_cancelled_call_drops_its_response():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.http_call("a", callback=log_info).cancel()
"""
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {}, b"")})
    proxy.exchange()
    proxy.respond_to_calls()
    assert proxy.logs == []


def test_grpc_calls_end_with_a_message_or_a_status():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.grpc_call("g", "pkg.Svc", "Do", b"in", metadata={"k": "v"}, callback=self.ended)
    def ended(self, response):
        log_info("%s %s %s", response, response.message, response.error)
"""
    proxy = FakeProxy(source, clusters={"g": 1})
    i = proxy.create()
    proxy.call("on_request_headers", i, 0, 1)
    proxy.call("on_request_headers", i, 0, 1)
    assert list(proxy.grpc) == [5, 9] and proxy.grpc[5] == [b"pkg.Svc", b"Do", b"in"]
    proxy.grpc_message, proxy.status = b"out", (5, b"not here")
    proxy.call("on_grpc_receive", 1, 5, 3)
    proxy.call("on_grpc_close", 1, 9, 5)
    assert [t for _, t in proxy.logs] == [
        "<GrpcResponse OK, 3 bytes> b'out' None",
        "<GrpcResponse NOT_FOUND, 0 bytes> b'' gRPC status NOT_FOUND: not here",
    ]
    assert not proxy.dispatcher.vm.callouts.grpc


def test_grpc_stream_calls_its_callbacks():
    source = """
class P(PluginContext):
    def on_tick(self):
        s = self.stream = self.grpc_stream("g", "pkg.Svc", "Watch")
        s.on_message = lambda m: log_info("message %s", m)
        s.on_close = lambda r: log_info("closed %s", r.status.name)
        s.on_initial_metadata = lambda h: log_info("initial %s", h["a"])
        s.on_trailing_metadata = lambda h: log_info("trailing %s", dict(h))
        s.send(b"1"); s.send(b"2", end=True); s.close()
"""
    proxy = FakeProxy(source, clusters={"g": 1})
    proxy.tick()
    assert proxy.grpc[6] == [b"pkg.Svc", b"Watch", (b"1", 0), (b"2", 1)]
    proxy.grpc_maps = {4: [(b"a", b"b")], 5: [(b"grpc-status", b"0")]}
    proxy.grpc_message = b"m"
    proxy.call("on_grpc_receive_initial_metadata", 1, 6, 1)
    proxy.call("on_grpc_receive", 1, 6, 1)
    proxy.call("on_grpc_receive", 1, 6, 1)
    proxy.call("on_grpc_receive_trailing_metadata", 1, 6, 1)
    proxy.call("on_grpc_close", 1, 6, 0)
    assert [t for _, t in proxy.logs] == ["initial b", "message b'm'", "message b'm'", "trailing {'grpc-status': '0'}", "closed OK"]
    with pytest.raises(ParseFailure, match="no cluster with this name"):
        FakeProxy(source).tick()


def test_nothing_arrives_after_grpc_cancel():
    source = """
class P(PluginContext):
    def on_tick(self):
        s = self.grpc_stream("g", "S", "M")
        s.on_close = lambda r: log_info("closed")
        s.cancel(); s.cancel()
"""
    proxy = FakeProxy(source, clusters={"g": 1})
    proxy.tick()
    proxy.call("on_grpc_close", 1, 6, 0)
    assert proxy.logs == [] and not proxy.grpc


def test_json_is_sent_in_one_call():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        response = await self.http_call("a", method="POST", json={"a": ["ü"]}, headers={"content-type": "text/json"})
        self.send_local_response(403, json=response.json(), headers={"x": "y"})
"""
    proxy = FakeProxy(source, clusters={"a": lambda h, body: (200, {}, body + b" ") if h["content-type"] == b"text/json" else None})
    result = proxy.exchange()
    assert result.body == '{"a":["ü"]}'.encode() and result.header(b"content-type") == b"application/json"
    both = FakeProxy(source.replace("json=response.json()", "'text', json=[]"), clusters=proxy.clusters)
    assert both.exchange().status == 503 and "both body= and json= were passed" in both.logs[0][1]


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)])
def test_text_and_json_of_an_encoded_response_are_decoded(encoding, encode):
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        response = await self.http_call("a")
        log_info("%s %s", response.text, response.json())
"""
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {"content-encoding": encoding}, encode(b"[1]"))})
    proxy.exchange()
    assert proxy.logs == [(2, "[1] [1]")]


def test_error_names_the_unknown_encoding_of_a_response():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, n, e):
        response = await self.http_call("a")
        response.json()
"""
    proxy = FakeProxy(source, clusters={"a": lambda h, b: (200, {"content-encoding": "br"}, b"x")})
    assert proxy.exchange().status == 503
    assert "content-encoding br can't be decoded" in proxy.logs[-1][1]
