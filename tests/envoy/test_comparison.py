"""Comparisons that can be trusted: state, workers, traps, time, races, connections, and an Envoy that crashes."""

import re

import pytest

from tests.foreign.toolchain import scripted_guest
from wasmnb import Filter, Proxy, compare
from wasmnb.envoy import EnvoyProcess, EnvoyRefused, bootstrap
from wasmnb.envoy.comparison.parity import Difference
from wasmnb.envoy.comparison.reasons import varies
from wasmnb.errors import UsageError
from wasmnb.host import Plugin
from wasmnb.messages import Request, Response

SOURCE = """
import random
import time

from wasmnb.sdk import HttpContext, PluginContext


class Root(PluginContext):
    count = 0


class Counting(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        self.plugin.count += 1
        self.request_headers["x-count"] = str(self.plugin.count)
        self.path = self.request.path
        if self.path == "/raise":
            raise RuntimeError("out of order")
        if self.path == "/refuse":
            await self.request_body()
            return self.send_local_response(403, "no")

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-count"] = str(self.plugin.count)
        if self.path == "/time":
            self.response_headers["x-time"] = str(time.time())
            self.response_headers["x-random"] = str(random.random())
"""


def scripted(script, **options):
    return Plugin(Filter.from_file(scripted_guest()), name="plug", config=script, **options)


@pytest.fixture(scope="module")
def counting():
    return Filter.from_source(SOURCE, "counting")


@pytest.mark.slow
@pytest.mark.envoy
def test_filter_with_state_has_no_false_differences(counting):
    with Proxy(counting, workers=2, upstream=Response(200, body=b"ok")) as proxy:
        for number in range(6):
            proxy.get(f"/{number}")
        proxy.get("/time")
        proxy.post("/refuse", body=b"x" * 10)
        proxy.get("/raise")  # the worker that gets it responds with 503 from now on
        proxy.get("/last")
        before = proxy.exchanges[-1].number
        parity = compare(proxy, ignore=["X-Ignored"])
        assert proxy.exchanges[-1].number == before
    assert parity.differences == [], str(parity)
    assert parity.agreement == 100.0
    assert all(pair.worker in (1, 2) for pair in parity.pairs)
    assert [pair.simulated.worker for pair in parity.pairs] == [pair.worker for pair in parity.pairs]
    reasons = {n.where: n.reason for n in parity.not_compared}
    assert "time, random values" in reasons["request 7: client headers"]
    notes = " ".join(parity.notes)
    assert "date, x-envoy-upstream-service-time, x-request-id" in notes
    assert "Ignored: x-ignored" in notes
    refused = parity.pairs[7]
    assert "before the filter sent its local response" in refused.simulated.notes[-1]


@pytest.mark.envoy
def test_filter_is_compared_after_a_trap():
    with Proxy([scripted("on_request_headers: define_metric COUNTER hits; increment_metric $ 1")], workers=2) as proxy:
        for number in range(8):
            proxy.get(f"/{number}", {"x-script": "on_request_headers: trap"} if number == 2 else {})
        parity = compare(proxy, ignore=["log"])
    assert parity.differences == [], str(parity)
    assert 503 in [pair.real.response.status for pair in parity.pairs[3:]] or len({p.worker for p in parity.pairs}) == 2


@pytest.mark.envoy
def test_crash_of_envoy_is_reported_and_the_rest_compared():
    crash = {"x-script": "on_request_headers: continue_stream RESPONSE"}
    with Proxy([scripted("on_response_headers: define_metric COUNTER hits; increment_metric $ 1")], workers=1) as proxy:
        for path in ("/1", "/crash", "/2", "/3"):
            proxy.get(path, crash if path == "/crash" else {})
        parity = compare(proxy, ignore=["log"])
    assert [pair.crashed for pair in parity.pairs] == [False, True, False, False]
    assert [pair.simulated.crash is not None for pair in parity.pairs] == [False, True, False, False]
    assert parity.differences == [], str(parity)
    assert "Segmentation fault" in parity.pairs[1].real.crash.text
    assert re.search(r"Envoy crashed on request 2, and was restarted\. The simulated proxy predicted this", parity.notes[0])
    assert "crash    crash  same" in str(parity)


@pytest.mark.envoy
def test_connections_of_a_network_filter_are_compared():
    script = "on_downstream_data: set_buffer_bytes DOWNSTREAM_DATA 0 0 IN:"
    with Proxy([scripted(script, kind="network")], workers=1) as proxy:
        with pytest.raises(UsageError, match="network filter"):
            compare(proxy, [Request()])
        proxy.connect().send("one").send("two").close()
        parity = compare(proxy, ignore=["log"])
        chosen = compare(proxy, [b"three"], ignore=["log"], upstream=lambda data: data.upper())
    assert parity.differences == [], str(parity)
    assert parity.pairs[0].real.received == parity.pairs[0].simulated.received == b"IN:oneIN:two"
    assert chosen.pairs[0].title == "TCP, 5 bytes"
    assert [d.where for d in chosen.differences] == ["connection 1: client bytes"]
    assert "TCP, 5 bytes" in chosen._repr_mimebundle_()["text/plain"]


def test_difference_shows_the_window_around_its_first_byte():
    shown = str(Difference("request 1: client body", b"a" * 5000 + b"X", b"a" * 5000 + b"Y", "hint"))
    assert "aX'" in shown
    assert "aY'" in shown


@pytest.mark.parametrize(
    "first, second, real, expected",
    [
        (["a", "1"], ["a", "2"], ["a", "3"], True),
        (["a", "1"], ["a", "2"], ["b", "3"], False),
        ({"hits": 1, "time": 1}, {"hits": 1, "time": 2}, {"hits": 2, "time": 3}, False),
        ({"hits": 1, "time": 1}, {"hits": 1, "time": 2}, {"hits": 1, "time": 3}, True),
        (b"x", b"y", b"z", True),
        (b"x", b"x", b"z", False),
    ],
)
def test_field_varies_only_where_two_runs_differ(first, second, real, expected):
    assert varies(first, second, real) is expected


@pytest.mark.envoy
def test_start_is_bounded_only_if_asked_and_shows_progress():
    with pytest.raises(EnvoyRefused, match=r"wasn't ready after 0\.001 seconds\. .*end of its log"):
        EnvoyProcess(bootstrap([], []), startup=0.001)
    shown = []
    process = EnvoyProcess(bootstrap([], []), progress=lambda text, share: shown.append((text, share)))
    process.close()
    assert all(0 <= share < 1 for _, share in shown)
