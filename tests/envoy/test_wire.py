"""Client and upstream connected directly, without Envoy."""

import socket
import threading

import pytest

from wasmnb.envoy import Upstream
from wasmnb.envoy.sockets.client import Client
from wasmnb.messages import Headers, Request, Response


def ask(upstream: Upstream, request: Request, **options):
    with Client(*upstream.address, timeout=2.0, gap=0.01, **options) as client:
        return client.request(request)


def test_headers_keep_order_and_duplicates():
    with Upstream(Response(200)) as up:
        ask(up, Request("GET", "/x?y", Headers([("b", "1"), ("a", "2"), ("b", "3")]), authority="h"))
        (exchange,) = up.seen
        assert exchange.request.headers.items() == [("host", "h"), ("b", "1"), ("a", "2"), ("b", "3")]
        assert exchange.request.path == "/x?y"


def test_chunks_and_trailers_arrive_unchanged():
    with Upstream(Response(200)) as up:
        ask(up, Request("POST", "/", chunks=[b"ab", b"cde"], trailers=Headers([("x-t", "1")])))
        (exchange,) = up.seen
        assert exchange.chunks == [b"ab", b"cde"]
        assert exchange.request.trailers.items() == [("x-t", "1")]
        assert exchange.end == "complete"


def test_response_has_chunks_and_trailers():
    response = Response(200, Headers([("x", "1")]), chunks=[b"aa", b"b"], trailers=Headers([("t", "v")]))
    with Upstream(response, gap=0.01) as up:
        got = ask(up, Request())
        assert got.response.chunks == [b"aa", b"b"]
        assert got.response.trailers.items() == [("t", "v")]
        assert got.end == "complete"


def test_echo_returns_the_body():
    with Upstream() as up:
        got = ask(up, Request("POST", "/e", body=b"hello"))
        assert (got.response.status, got.response.body) == (200, b"hello")


def test_handler_responds_to_the_request():
    with Upstream(lambda r: Response(200, body=r.path.encode())) as up:
        assert ask(up, Request(path="/abc")).response.body == b"/abc"


def test_failing_handler_returns_500_and_is_recorded():
    def broken(request):
        raise ValueError("no")

    with Upstream(broken) as up:
        assert ask(up, Request()).response.status == 500
        assert up.errors == ["ValueError: no"]


@pytest.mark.parametrize("response", [Response(0), ConnectionResetError])
def test_connection_closed_without_response_is_reported(response):
    def handler(request):
        raise response

    with Upstream(response if isinstance(response, Response) else handler) as up:
        got = ask(up, Request())
        assert got.response is None
        assert got.end in ("closed", "reset")


def test_incomplete_response_is_reset():
    with Upstream(Response(200, Headers([("content-length", "100")]), b"abcde", reset=True)) as up:
        got = ask(up, Request())
        assert got.response.body == b"abcde"
        assert got.response.reset
        assert got.end == "closed"


def test_silent_server_ends_as_timeout():
    with Upstream(Response(200, latency=5.0)) as up, Client(*up.address, timeout=0.1) as client:
        assert client.request(Request()).end == "timeout"


@pytest.mark.parametrize(("status", "body"), [(204, b""), (304, b"")])
def test_status_without_body_ends_with_the_headers(status, body):
    with Upstream(Response(status)) as up:
        got = ask(up, Request())
        assert (got.response.status, got.response.body, got.end) == (status, body, "complete")


def test_response_to_head_has_headers_only():
    with Upstream(Response(200, body=b"hello")) as up:
        got = ask(up, Request("HEAD"))
        assert got.response.headers["content-length"] == "5"
        assert got.response.body == b""


def test_early_response_precedes_the_body():
    with Upstream(early=lambda r: Response(413, Headers([("connection", "close")]))) as up, Client(*up.address) as client:
        client.send(Request("POST", "/", chunks=[b"a"]), finish=False)
        assert client.read_response().response.status == 413


def serve_bytes(data: bytes):
    server = socket.create_server(("127.0.0.1", 0))

    def run():
        connection, _ = server.accept()
        connection.recv(65536)
        connection.sendall(data)
        connection.close()
        server.close()

    threading.Thread(target=run, daemon=True).start()
    return server.getsockname()


@pytest.mark.parametrize(
    ("data", "status", "body", "end"),
    [
        (b"HTTP/1.1 0 Unknown\r\ncontent-length: 1\r\n\r\nb", 0, b"b", "complete"),
        (b"HTTP/1.1 1000 Unknown\r\ncontent-length: 1\r\n\r\nb", 1000, b"b", "complete"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b"", "complete"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end", "complete"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 200, b"", "closed"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n", 200, b"", "closed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", 200, b"short", "closed"),
        (b"nonsense\r\n\r\n", 0, b"", "complete"),
    ],
)
def test_broken_response_is_kept_as_received(data, status, body, end):
    with Client(*serve_bytes(data), timeout=2.0) as client:
        got = client.request(Request())
    assert (got.response.status, got.response.body, got.end) == (status, body, end)
    assert got.raw == data


def test_excessive_chunk_size_ends_the_message():
    with Client(*serve_bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n"), timeout=2.0) as client:
        assert client.request(Request()).end == "closed"
