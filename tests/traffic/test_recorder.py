"""Recordings that are written while a proxy runs: by `record`, by a socket, by the magic."""

import urllib.request
from pathlib import Path

import pytest

from wasmnb import Filter, Proxy, Response, UsageError, load, read_traffic, record, replay

SOURCE = """\
from wasmnb.sdk import Action, HttpContext


class Hold(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":path"] == "/hold":
            return Action.PAUSE
        self.request_headers["x-user"] = "ann"
        return Action.CONTINUE
"""


@pytest.fixture(scope="module")
def hold():
    return Filter.native(SOURCE, "hold")


def paths(file):
    return [exchange.request.path for exchange in read_traffic(file)]


def test_file_grows_with_every_exchange(hold, tmp_path):
    file = tmp_path / "day.jsonl"
    with Proxy(hold, upstream=Response(201, body=b"up")) as proxy:
        proxy.get("/before")
        with record(proxy, file) as recording:
            for number in range(3):
                proxy.get(f"/{number}", {"authorization": "Basic s3cret"})
                assert paths(file) == [f"/{n}" for n in range(number + 1)]
        proxy.get("/after")
    assert recording.count == 3 and recording.masked == {"request header authorization": 3}
    (first, *_) = read_traffic(file)
    assert (first.response.status, first.response.body, first.started is not None) == (201, b"up", True)
    assert "x-user" not in first.request.headers and b"s3cret" not in file.read_bytes()


def test_held_request_is_written_at_the_end_in_its_place(hold, tmp_path):
    file = tmp_path / "day.har"
    with Proxy(hold) as proxy, record(proxy, file):
        proxy.get("/hold")
        proxy.get("/next")
        assert not file.exists()
    assert paths(file) == ["/hold", "/next"]
    assert list(tmp_path.iterdir()) == [file]


def test_two_recordings_to_one_har_file_dont_mix(hold, tmp_path):
    file = tmp_path / "day.har"
    with Proxy(hold) as first, Proxy(hold) as second:
        outer = record(first, file)
        first.get("/a")
        with record(second, file):
            second.get("/b")
        assert paths(file) == ["/b"]
        first.get("/c")
        outer.close()
    assert paths(file) == ["/a", "/c"]
    assert list(tmp_path.iterdir()) == [file]


def test_load_is_recorded_completely_although_the_proxy_keeps_few_exchanges(hold, tmp_path, monkeypatch):
    monkeypatch.setattr("wasmnb.host.trace.exchange_log.KEPT", 50)
    file = tmp_path / "day.jsonl"
    with Proxy(hold, workers=2) as proxy, record(proxy, file) as recording:
        load(proxy, requests=300, rate=10_000, path="/load")
    assert len(paths(file)) == recording.count == 300 and not recording.left_out


def test_socket_records_its_clients(hold, tmp_path):
    pytest.importorskip("h11")
    file = tmp_path / "day.jsonl"
    with Proxy(hold, upstream=Response(200, body=b"up")) as proxy:
        with proxy.listen(record=file) as server:
            urllib.request.urlopen(f"{server.url}/pay?token=abc", data=b"a=1", timeout=20).read()
        assert server.recording.closed
    (recorded,) = read_traffic(file)
    assert (recorded.request.method, recorded.request.path, recorded.request.body) == ("POST", "/pay?token=***", b"a=1")
    assert replay(hold, file).same_status == 1


def test_recording_to_an_invalid_path_raises_usage_error(hold, tmp_path):
    with Proxy(hold) as proxy:
        for path, message in ((tmp_path / "x.txt", "has an unknown suffix"), (tmp_path / "no" / "x.jsonl", "can't be written")):
            with pytest.raises(UsageError, match=message):
                record(proxy, path)
    with pytest.raises(UsageError, match="requires a Proxy or an Envoy"):
        record(7, tmp_path / "x.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("body", [b"", b"x" * 100_000])
def test_full_disk_ends_the_recording_and_not_the_traffic(hold, tmp_path, body):
    file = tmp_path / "day.jsonl"
    file.symlink_to("/dev/full")
    with Proxy(hold, upstream=Response(201)) as proxy, pytest.warns(UserWarning, match="ended after . exchanges: No space left"):
        recording = record(proxy, file)
        assert proxy.post("/", body=body).response.status == 201
        assert proxy.get("/").response.status == 201
        recording.close()
    assert recording.closed and recording.problem == "No space left on device"
    with Proxy(hold, upstream=Response(201)) as proxy, proxy.listen(record=file) as server, pytest.warns(UserWarning, match="No space left"):
        for _ in range(2):
            request = urllib.request.Request(server.url, data=body)
            assert urllib.request.urlopen(request, timeout=20).status == 201
        server.close()
