"""Scripted upstreams, callout matchers and strict mode, with a filter that calls a service."""

import pytest

from wasmnb import Plugin, UsageError
from wasmnb.abi import Status
from wasmnb.testing import (
    assert_callouts,
    assert_response,
    callout,
    callouts,
    enqueue,
    failing,
    grpc_reply,
    reconfigure,
    refused,
    request,
    resetting,
    response,
    send,
    slow,
    strict,
    tcp_reply,
    upstream,
)

ASK = """
class Ask(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.http_call("auth", method="POST", path="/check", headers={"x-a": "1"}, body="who?", timeout=0.5, callback=self.on_response)
        return Action.PAUSE

    def on_response(self, response):
        if response.error:
            self.send_local_response(503, str(response.error))
        elif response.status == 200:
            self.continue_request()
        else:
            self.send_local_response(response.status, response.body)
"""


def test_responses_come_in_order_and_the_last_repeats(make_proxy):
    auth = upstream(response(403), response(200))
    proxy = make_proxy(ASK, clusters={"auth": auth})
    assert [proxy.get("/").response.status for _ in range(3)] == [403, 200, 200]
    assert [r.path for r in auth.seen] == ["/check"] * 3
    assert auth.seen[0].body == b"who?"


def test_by_path_selects_the_responses():
    site = upstream(404, by_path={"/a": [response(200, "one"), "two"], "/b?x=1": 201, "/c": lambda r: r.path})
    responses = [(a.status, a.body) for a in map(site, map(request, ["/a", "/a?q", "/a", "/b?x=1", "/b", "/c?y"]))]
    assert responses == [(200, b"one"), (200, b"two"), (200, b"two"), (201, b""), (404, b""), (200, b"/c?y")]


def test_upstream_can_fail_reset_or_be_slow(make_proxy):
    auth = upstream(failing(), slow(response(200), 2.0), resetting("par"), response(200))
    proxy = make_proxy(ASK, clusters={"auth": auth})
    first, second, third, fourth = (proxy.get("/") for _ in range(4))
    assert_response(first, 503)
    assert_response(second, range(500, 505).__contains__)  # the filter's own timeout is half a second
    assert second.duration == pytest.approx(0.5, abs=0.1)
    assert third.response.status in (502, 503, 504)
    assert_response(fourth, 200)


def test_strict_script_raises_for_an_extra_request():
    site = upstream(response(200), strict=True, name="site")
    assert [site(request("/")).status for _ in range(2)] == [200, 599]
    with pytest.raises(AssertionError, match="site has no response scripted for GET /"):
        site.verify()


def test_verify_checks_the_seen_requests():
    site = upstream(200)
    site(request("/a"))
    site(request("/b", body="x"))
    site.verify()
    site.verify("/a", "POST /b")
    assert [r.path for r in site.requests(path="/b")] == ["/b"]
    with pytest.raises(AssertionError, match="received 2 requests, expected /a") as caught:
        site.verify("/a")
    assert "2. POST /b" in str(caught.value)


def test_script_replaces_the_responses():
    site = upstream(200)
    site(request("/"))
    site.script(500)
    assert (site(request("/")).status, len(site.seen)) == (500, 2)


def test_invalid_step_raises_at_once():
    with pytest.raises(UsageError, match="1.5 can't be a step"):
        upstream(1.5)
    with pytest.raises(UsageError, match="must return a response"):
        upstream(lambda r: None)(request("/"))


def test_assert_callouts_compares_with_the_trace(make_proxy):
    exchange = make_proxy(ASK, clusters={"auth": upstream(200)}).get("/")
    assert_callouts(exchange, [callout("auth", method="POST", path="/check", headers={"x-a": "1"}, body="who?", timeout=500)])
    (call,) = callouts(exchange)
    assert (str(call), call.status, call.kind) == ("auth: POST /check", Status.OK, "http")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ([], "callouts of GET /: expected none, found 1; unexpected: auth: POST /check"),
        ([callout("auth"), callout("more")], "callouts of GET /: expected 2, found 1; missing: more: any"),
        ([callout("other")], "callout 1 of GET / to auth: it went to 'auth', expected 'other'"),
        ([callout("auth", path="/x")], "its path is '/check', expected '/x'"),
        ([callout("auth", timeout=1)], "its timeout is 500 ms, expected 1"),
        ([callout("auth", headers={"x-a": "2"})], "x-a is '1', expected '2'"),
    ],
)
def test_different_callouts_fail_with_a_list(make_proxy, expected, message):
    exchange = make_proxy(ASK, clusters={"auth": upstream(200)}).get("/")
    with pytest.raises(AssertionError) as caught:
        assert_callouts(exchange, expected)
    assert message in str(caught.value)
    assert "1. auth: POST /check" in str(caught.value)


def test_strict_fails_for_an_unexpected_callout(make_proxy):
    proxy = strict(make_proxy(ASK, clusters={"auth": upstream(200)}))
    with pytest.raises(
        AssertionError,
        match="unexpected callout to auth: POST /check, in on_request_headers of GET /\n  allowed clusters: none",
    ):
        proxy.get("/")


def test_strict_passes_allowed_callouts(make_proxy):
    with strict(make_proxy(ASK, clusters={"auth": upstream(200)}), callouts=["auth"]) as proxy:
        assert_response(send(proxy, request("/")), 200)
        assert proxy.workers
    assert proxy.state == "closed"


def test_strict_fails_for_a_refused_hostcall(make_proxy):
    proxy = strict(make_proxy(ASK), callouts=["auth"])  # there is no such cluster
    with pytest.raises(AssertionError, match="hostcall proxy_http_call returned BAD_ARGUMENT"):
        proxy.get("/")
    strict(make_proxy(ASK), callouts=["auth"], statuses=[Status.BAD_ARGUMENT]).get("/")


def test_strict_limits_the_hostcalls(make_proxy):
    log = "class Log(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        log_info('x')\n"
    strict(make_proxy(log), hostcalls=["proxy_log", "get_buffer_bytes", "get_property", "get_log_level"]).get("/")
    with pytest.raises(AssertionError, match="unexpected hostcall proxy_log"):
        strict(make_proxy(log), hostcalls=["get_buffer_bytes", "get_property", "get_log_level"]).get("/")


def test_strict_requires_a_trace():
    with pytest.raises(UsageError, match="simulated"):
        strict(object())


def test_strict_refuses_unknown_hostcalls(make_proxy):
    with pytest.raises(UsageError, match="Unknown hostcall 'http_cal': did you mean 'http_call'"):
        strict(make_proxy(ASK), hostcalls=["proxy_http_cal"])


def test_strict_checks_after_each_method_and_only_new_events(make_proxy):
    ticking = """
class Root(PluginContext):
    def on_plugin_start(self, size):
        self.set_tick_period(10.0)
        return True

    def on_tick(self):
        log_warn("tick")
"""
    proxy = strict(make_proxy(ticking), hostcalls=["set_tick_period_milliseconds"])
    for _ in range(2):
        with pytest.raises(AssertionError, match="unexpected hostcall proxy_log, in on_tick on"):
            proxy.tick()
    proxy.trace.clear()
    proxy.check()
    with pytest.raises(AssertionError, match="unexpected hostcall proxy_log"):
        proxy.advance(10.0)


RATES = """
class Rates(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/stream":
            stream = self.grpc_stream("rates-grpc", "rates.Rates", "Watch")
            stream.on_message = lambda message: log_info(f"message {bytes(message)!r}")
            stream.on_close = lambda *how: log_info("closed")
            stream.send(b"a")
            stream.send(b"b")
        else:
            self.grpc_call("rates-grpc", "rates.Rates", "Get", b"EUR", callback=self.on_rate)
        return Action.CONTINUE

    def on_rate(self, response):
        log_info(f"{response.status!r} {response.message!r}")
"""


def log_texts(proxy):
    return [line.text for line in proxy.log if line.text.startswith(("message", "closed", "<", "1", "0"))]


def test_upstream_responds_to_grpc_in_order(make_proxy):
    rates = upstream(
        grpc_reply(b"5"), grpc_reply(status=8, message="enough"), "text is a message", refused, response(503)
    )
    proxy = make_proxy(RATES, clusters={"rates-grpc": rates})
    for _ in range(5):
        proxy.get("/")
    texts = [line.text for line in proxy.log]
    assert [
        ("OK" in t or ":0" in t or "0>" in t, b in t)
        for t, b in zip(texts, ("b'5'", "b''", "b'text is a message'", "b''", "b''"), strict=True)
    ]
    assert "b'5'" in texts[0]
    assert "RESOURCE_EXHAUSTED" in texts[1]
    assert "b'text is a message'" in texts[2]
    assert "UNAVAILABLE" in texts[3]
    assert "UNAVAILABLE" in texts[4]
    rates.verify(*["POST /rates.Rates/Get"] * 5)


def test_upstream_responds_to_each_message_of_a_grpc_stream(make_proxy):
    rates = upstream(grpc_reply("one", "two"), grpc_reply("three", status=0))
    proxy = make_proxy(RATES, clusters={"rates-grpc": rates})
    proxy.get("/stream")
    assert log_texts(proxy) == ["message b'one'", "message b'two'", "message b'three'", "closed"]
    assert [r.body for r in rates.seen] == [b"a", b"b"]


def test_extra_request_of_a_grpc_script_raises(make_proxy):
    rates = upstream(grpc_reply("one"), strict=True, name="rates")
    proxy = make_proxy(RATES, clusters={"rates-grpc": rates})
    proxy.get("/stream")
    with pytest.raises(AssertionError, match="rates has no response scripted for POST /rates.Rates/Watch"):
        rates.verify()


def test_upstream_responds_to_tcp(make_filter):
    from wasmnb import Proxy

    echo = make_filter("class T(TcpContext):\n    pass\n", "tcp")
    origin = upstream("hello", slow(tcp_reply("late"), 2.0), lambda data: data.upper(), tcp_reply(close=True))
    with Proxy(Plugin(echo, kind="network"), workers=1, upstream=origin) as proxy:
        connection = proxy.connect()
        assert connection.send("a").read() == b"hello"
        connection.send("b")
        assert connection.read(wait=None) is None
        assert connection.read(wait=3.0) == b"late"
        assert connection.send("c").read() == b"C"
        assert connection.send("d").read() == b""
        assert origin.seen == [b"a", b"b", b"c", b"d"]


QUEUED = """
class Jobs(PluginContext):
    def on_plugin_start(self, size):
        self.queue = register_queue("jobs")
        assert self.configuration != b"bad"
        return True

    def on_queue_ready(self, queue_id):
        log_info(f"{self.configuration!r}: {self.queue.drain()!r}")
"""


def test_enqueue_and_reconfigure_reach_the_filter(make_proxy):
    proxy = make_proxy(QUEUED, config=b"one")
    enqueue(proxy, "jobs", "first")
    assert proxy.log[-1].text == "b'one': [b'first']"
    assert reconfigure(proxy, b"two")
    enqueue(proxy, "jobs", "second")
    assert "b'two': [b'second']" in [line.text for line in proxy.log]
    assert not reconfigure(proxy, b"bad")
    with pytest.raises(UsageError, match="No filter has registered a queue 'job'. Registered queues: jobs"):
        enqueue(proxy, "job", "x")
    with pytest.raises(UsageError, match="The filter chain has no plugin=3. It has 1"):
        reconfigure(proxy, b"", plugin=3)
