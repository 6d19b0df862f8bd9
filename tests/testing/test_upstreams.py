"""Scripted upstreams, callout matchers and strict mode, on a filter that asks a service."""

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
        self.http_call("auth", method="POST", path="/check", headers={"x-a": "1"}, body="who?", timeout=0.5, callback=self.on_answer)
        return Action.PAUSE

    def on_answer(self, answer):
        if answer.error:
            self.send_local_response(503, str(answer.error))
        elif answer.status == 200:
            self.continue_request()
        else:
            self.send_local_response(answer.status, answer.body)
"""


def test_answers_come_in_order_and_the_last_stays(make_proxy):
    auth = upstream(response(403), response(200))
    proxy = make_proxy(ASK, clusters={"auth": auth})
    assert [proxy.get("/").response.status for _ in range(3)] == [403, 200, 200]
    assert [r.path for r in auth.seen] == ["/check"] * 3
    assert auth.seen[0].body == b"who?"


def test_answers_may_depend_on_the_path():
    site = upstream(404, by_path={"/a": [response(200, "one"), "two"], "/b?x=1": 201, "/c": lambda r: r.path})
    told = [(a.status, a.body) for a in map(site, map(request, ["/a", "/a?q", "/a", "/b?x=1", "/b", "/c?y"]))]
    assert told == [(200, b"one"), (200, b"two"), (200, b"two"), (201, b""), (404, b""), (200, b"/c?y")]


def test_an_upstream_can_fail_break_off_or_be_slow(make_proxy):
    auth = upstream(failing(), slow(response(200), 2.0), resetting("par"), response(200))
    proxy = make_proxy(ASK, clusters={"auth": auth})
    first, second, third, fourth = (proxy.get("/") for _ in range(4))
    assert_response(first, 503)
    assert_response(second, range(500, 505).__contains__)  # the filter's own timeout is half a second
    assert second.duration == pytest.approx(0.5, abs=0.1)
    assert third.response.status in (502, 503, 504)
    assert_response(fourth, 200)


def test_a_strict_script_has_no_answer_for_a_request_too_many():
    site = upstream(response(200), strict=True, name="site")
    assert [site(request("/")).status for _ in range(2)] == [200, 599]
    with pytest.raises(AssertionError, match="site has no response scripted for GET /"):
        site.verify()


def test_what_was_seen_can_be_verified():
    site = upstream(200)
    site(request("/a"))
    site(request("/b", body="x"))
    site.verify()
    site.verify("/a", "POST /b")
    assert [r.path for r in site.requests(path="/b")] == ["/b"]
    with pytest.raises(AssertionError, match="saw 2 requests, expected /a") as caught:
        site.verify("/a")
    assert "2. POST /b" in str(caught.value)


def test_a_script_can_be_replaced():
    site = upstream(200)
    site(request("/"))
    site.script(500)
    assert (site(request("/")).status, len(site.seen)) == (500, 2)


def test_a_step_that_is_no_answer_is_refused_at_once():
    with pytest.raises(UsageError, match="1.5 can't be a step"):
        upstream(1.5)
    with pytest.raises(UsageError, match="has to return a response"):
        upstream(lambda r: None)(request("/"))


def test_callouts_are_compared_with_what_the_trace_says(make_proxy):
    x = make_proxy(ASK, clusters={"auth": upstream(200)}).get("/")
    assert_callouts(x, [callout("auth", method="POST", path="/check", headers={"x-a": "1"}, body="who?", timeout=500)])
    (made,) = callouts(x)
    assert (str(made), made.status, made.kind) == ("auth: POST /check", Status.OK, "http")


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
def test_callouts_that_differ_are_listed(make_proxy, expected, message):
    x = make_proxy(ASK, clusters={"auth": upstream(200)}).get("/")
    with pytest.raises(AssertionError) as caught:
        assert_callouts(x, expected)
    assert message in str(caught.value)
    assert "1. auth: POST /check" in str(caught.value)


def test_strict_mode_fails_on_a_callout_that_was_not_allowed(make_proxy):
    proxy = strict(make_proxy(ASK, clusters={"auth": upstream(200)}))
    with pytest.raises(
        AssertionError,
        match="unexpected callout to auth: POST /check, in on_request_headers of GET /\n  allowed clusters: none",
    ):
        proxy.get("/")


def test_strict_mode_lets_through_what_was_allowed(make_proxy):
    with strict(make_proxy(ASK, clusters={"auth": upstream(200)}), callouts=["auth"]) as proxy:
        assert_response(send(proxy, request("/")), 200)
        assert proxy.workers
    assert proxy.state == "closed"


def test_strict_mode_fails_on_a_hostcall_that_is_refused(make_proxy):
    proxy = strict(make_proxy(ASK), callouts=["auth"])  # there is no such cluster
    with pytest.raises(AssertionError, match="hostcall proxy_http_call returned BAD_ARGUMENT"):
        proxy.get("/")
    strict(make_proxy(ASK), callouts=["auth"], statuses=[Status.BAD_ARGUMENT]).get("/")


def test_strict_mode_can_name_the_only_hostcalls(make_proxy):
    log = "class Log(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        log_info('x')\n"
    strict(make_proxy(log), hostcalls=["proxy_log", "get_buffer_bytes", "get_property", "get_log_level"]).get("/")
    with pytest.raises(AssertionError, match="unexpected hostcall proxy_log"):
        strict(make_proxy(log), hostcalls=["get_buffer_bytes", "get_property", "get_log_level"]).get("/")


def test_strict_mode_needs_a_proxy_with_a_trace():
    with pytest.raises(UsageError, match="simulated"):
        strict(object())


def test_a_strict_proxy_knows_the_hostcalls_that_may_be_allowed(make_proxy):
    with pytest.raises(UsageError, match="Unknown hostcall 'http_cal': did you mean 'http_call'"):
        strict(make_proxy(ASK), hostcalls=["proxy_http_cal"])


def test_every_method_of_a_strict_proxy_checks_and_old_events_are_not_looked_at_again(make_proxy):
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

    def on_rate(self, answer):
        log_info(f"{answer.status!r} {answer.message!r}")
"""


def told(proxy):
    return [line.text for line in proxy.log if line.text.startswith(("message", "closed", "<", "1", "0"))]


def test_an_upstream_answers_grpc_in_the_scripts_order(make_proxy):
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


def test_an_upstream_answers_a_grpc_stream_message_by_message(make_proxy):
    rates = upstream(grpc_reply("one", "two"), grpc_reply("three", status=0))
    proxy = make_proxy(RATES, clusters={"rates-grpc": rates})
    proxy.get("/stream")
    assert told(proxy) == ["message b'one'", "message b'two'", "message b'three'", "closed"]
    assert [r.body for r in rates.seen] == [b"a", b"b"]


def test_a_request_too_many_for_a_grpc_script_is_unexpected(make_proxy):
    rates = upstream(grpc_reply("one"), strict=True, name="rates")
    proxy = make_proxy(RATES, clusters={"rates-grpc": rates})
    proxy.get("/stream")
    with pytest.raises(AssertionError, match="rates has no response scripted for POST /rates.Rates/Watch"):
        rates.verify()


def test_an_upstream_answers_tcp(make_filter):
    from wasmnb import Proxy

    echo = make_filter("class T(TcpContext):\n    pass\n", "tcp")
    origin = upstream("hello", slow(tcp_reply("late"), 2.0), lambda data: data.upper(), tcp_reply(close=True))
    with Proxy(Plugin(echo, kind="network"), workers=1, upstream=origin) as proxy:
        connection = proxy.connect()
        assert connection.send("a").read() == b"hello"
        connection.send("b")
        assert connection.read() is None
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


def test_items_are_put_into_queues_and_configurations_changed(make_proxy):
    proxy = make_proxy(QUEUED, config=b"one")
    enqueue(proxy, "jobs", "first")
    assert proxy.log[-1].text == "b'one': [b'first']"
    assert reconfigure(proxy, b"two")
    enqueue(proxy, "jobs", "second")
    assert "b'two': [b'second']" in [line.text for line in proxy.log]
    assert not reconfigure(proxy, b"bad")
    with pytest.raises(UsageError, match="No filter has registered a queue 'job'. Registered queues: jobs"):
        enqueue(proxy, "job", "x")
    with pytest.raises(UsageError, match="The chain has no plugin 3. It has 1"):
        reconfigure(proxy, b"", plugin=3)
