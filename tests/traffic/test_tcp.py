"""Bytes and loads over connections."""

import pytest

from wasmnb import Filter, Proxy, TcpReply, UsageError
from wasmnb.traffic import load_connections, send_bytes
from wasmnb.traffic.tcp import parse_bytes
from wasmnb.view import document_of, to_text

SNIFF = """\
class Sniff(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        if self.downstream_data.get() == b"boom":
            raise ValueError("boom")
        print("got", data_size)
"""


@pytest.fixture(scope="module")
def sniff():
    return Filter.native(SNIFF, "sniff")


@pytest.mark.parametrize(("text", "data"), [
    (r"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n"), (r"\x16\x03\x01\0", b"\x16\x03\x01\x00"), ("plain", b"plain"), ("é", "é".encode()),
    (r"a\\b", rb"a\b"), ("", b""), (r"\t'\"", b"\t'\""),
])  # fmt: skip
def test_escapes_become_bytes(text, data):
    assert parse_bytes(text) == data


def test_file_argument_sends_the_contents_of_the_file(tmp_path):
    (tmp_path / "hello.bin").write_bytes(b"\x00\xff")
    assert parse_bytes(f"@{tmp_path}/hello.bin") == b"\x00\xff"


@pytest.mark.parametrize(("text", "message"), [(r"\xZZ", "invalid escape"), ("@/nowhere", "The file '/nowhere' can't be read")])
def test_invalid_escapes_and_missing_files_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse_bytes(text)


def test_each_chunk_waits_for_the_response_to_the_one_before(sniff):
    seen = []

    def server(data):
        seen.append(data)
        return TcpReply(b"250 " + data, latency=0.2) if data else None

    with Proxy(sniff, workers=1, upstream=server) as proxy:
        exchange = send_bytes(proxy, ["EHLO me\r\n", b"QUIT\r\n"])
    assert exchange.received == b"250 EHLO me\r\n250 QUIT\r\n"
    assert seen[:2] == [b"EHLO me\r\n", b"QUIT\r\n"]
    assert (exchange.state, exchange.done) == ("done", True)


def test_half_closed_client_reads_to_the_end(sniff):
    with Proxy(sniff, workers=1) as proxy:
        exchange = send_bytes(proxy, b"hello", half_close=True)
    assert (exchange.received, exchange.ended, exchange.state) == (b"hello", True, "done")


@pytest.mark.parametrize("rate", [None, 200.0])
def test_load_of_connections_counts_states_and_times_callbacks(sniff, rate):
    with Proxy(sniff, workers=2, guest_time=0.001) as proxy:
        report = load_connections(proxy, ["a", b"bc"], connections=20, rate=rate)
        assert {len(exchange.received) for exchange in proxy.exchanges} == {3}
        assert {exchange.worker for exchange in proxy.exchanges} == {1, 2}
    assert (report.count, report.unit, dict(report.statuses)) == (20, "connection", {"done": 20})
    assert report.callbacks["on_downstream_data"].count == 40  # the end comes with the last chunk, as in Envoy
    assert report.requests.quantile(0.5) >= 3e6  # two chunks and the end, a millisecond each
    assert "20 connections through sniff" in to_text(document_of(report))
    assert "20 connections (20 x done)" in repr(report)


def test_connection_that_never_ends_is_reset_and_failures_are_kept(sniff):
    with Proxy(sniff, workers=1, upstream=lambda data: None) as proxy:
        report = load_connections(proxy, b"x", connections=2)
        assert report.count == 2 and set(report.statuses) <= {"done", "reset"}
        failed = load_connections(proxy, b"boom", connections=2)
    assert failed.failed == 2 and failed.statuses["failed"] == 2


@pytest.mark.parametrize(("options", "message"), [
    ({"connections": 0}, "connections= must be at least 1, not 0"), ({"rate": 0}, "rate= must be greater than 0, not 0. Pass the number of connections per virtual second"),
])  # fmt: skip
def test_invalid_numbers_of_a_load_are_refused(sniff, options, message):
    with Proxy(sniff, workers=1) as proxy, pytest.raises(UsageError, match=message):
        load_connections(proxy, b"x", **options)
