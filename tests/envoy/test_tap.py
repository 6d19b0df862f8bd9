"""Recordings by the real Envoy's tap filter, which our readers read and `replay` sends."""

import pytest

from wasmnb import Envoy, Filter, Proxy, Response, UsageError, read_traffic, replay

pytestmark = pytest.mark.envoy

SOURCE = """\
from wasmnb.sdk import HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/deny":
            return self.send_local_response(403, "no")
        self.request_headers["x-user"] = "ann"
        self.request_headers.pop("x-request-id", None)

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-seen"] = "1"
"""


@pytest.fixture(scope="module")
def gate():
    return Filter.from_source(SOURCE, "gate")


def test_recording_has_the_clients_requests_and_the_upstreams_responses(gate, tmp_path):
    path = tmp_path / "day.jsonl"
    upstream = Response(201, {"x-up": "1"}, b"ok\xff" * 1000)
    with Envoy(gate, workers=1, upstream=upstream, record=path) as envoy:
        envoy.request("POST", "/pay?token=abc", {"authorization": "Bearer s3cret", "x-a": "1"}, body=b"x" * 5000)
        envoy.get("/deny")
        assert not path.exists()
    assert envoy.recording.count == 2
    pay, deny = read_traffic(path)
    assert (pay.request.method, pay.request.path, pay.request.body) == ("POST", "/pay?token=***", b"x" * 5000)
    assert pay.request.headers["authorization"] == "Bearer ***" and "x-user" not in pay.request.headers
    assert (pay.response.status, pay.response.body, pay.response.headers["x-up"]) == (201, upstream.body, "1")
    assert "x-seen" not in pay.response.headers and pay.truncated == () and pay.started < deny.started and pay.connection
    assert (deny.response.status, deny.response.body) == (403, b"no")
    report = replay(gate, path)
    assert (report.read, report.replayed, report.same_status) == (2, 2, 2)


def test_folder_gets_the_taps_own_files_while_envoy_runs(gate, tmp_path):
    folder = tmp_path / "taps"
    with Envoy(gate, workers=1, upstream=Response(204), record=folder) as envoy:
        envoy.get("/a")
        envoy.get("/b")
        assert sorted(exchange.request.path for exchange in read_traffic(folder)) == ["/a", "/b"]


def test_unknown_recording_suffix_is_refused_before_envoy_starts(gate, tmp_path):
    with pytest.raises(UsageError, match="unknown suffix"):
        Envoy(gate, record=tmp_path / "x.txt")


def test_same_requests_have_the_same_recording_in_the_simulated_proxy(gate, tmp_path):
    from wasmnb import record

    with Envoy(gate, workers=1, upstream=Response(200, {"x-up": "1"}, b"ok"), record=tmp_path / "real.jsonl") as envoy:
        envoy.request("PUT", "/a", {"x-a": "1"}, body="body")
    with Proxy(gate, workers=1, upstream=Response(200, {"x-up": "1"}, b"ok")) as proxy, record(proxy, tmp_path / "simulated.jsonl"):
        proxy.request("PUT", "/a", {"x-a": "1"}, body="body")
    own = {"x-forwarded-proto", "x-request-id", "content-length", "date", "server", "x-envoy-upstream-service-time"}

    def seen(name):
        (exchange,) = read_traffic(tmp_path / name)
        pairs = [[(n, v) for n, v in message.headers.items() if n not in own] for message in (exchange.request, exchange.response)]
        return exchange.request.method, exchange.request.path, exchange.request.body, exchange.response.status, exchange.response.body, pairs

    assert seen("real.jsonl") == seen("simulated.jsonl")
