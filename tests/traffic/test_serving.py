"""Clients of other libraries: httpx through a transport, and real sockets."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from wasmnb import Filter, Proxy, Response, WasmTransport
from wasmnb.errors import UsageError

#: Without this, httpx reads all authorities' certificates for each client, also for plain HTTP.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

SOURCE = """\
from wasmnb.sdk import Action, HttpContext


class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        if path == "/deny":
            self.send_local_response(403, headers=[("x-why", "no")], body=b"denied")
            return Action.PAUSE
        if path == "/hold":
            return Action.PAUSE
        self.request_headers["x-user"] = "ann"
        return Action.CONTINUE
"""


def upstream(request):
    if request.path == "/close":
        raise ConnectionResetError
    if request.path == "/cut":
        return Response(200, {"content-length": "100"}, b"part", reset=True)
    if request.path == "/empty":
        return Response(204)
    if request.path == "/trailers":
        return Response(200, body=b"body", trailers={"x-t": "1"})
    headers = [("x-user", request.headers.get("x-user", "")), ("x-path", request.path), ("set-cookie", "a=1"), ("set-cookie", "b=2")]
    return Response(200, headers, request.method.encode() + b" " + request.body)


def get(url):
    """Send a request on a connection of its own."""
    return httpx.get(url, verify=NO_CERTIFICATES)


@pytest.fixture(scope="module")
def proxy():
    with Proxy(Filter.native(SOURCE, "gate"), workers=2, upstream=upstream) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(proxy):
    with proxy.listen() as server:
        yield server


@pytest.fixture
def client(proxy):
    with httpx.Client(transport=WasmTransport(proxy), base_url="http://a.test") as client:
        yield client


def test_httpx_request_goes_through_the_filter(client, proxy):
    response = client.post("/x?a=1", content=b"body", headers={"x-a": "1"})
    assert (response.status_code, response.content, response.headers["x-user"]) == (200, b"POST body", "ann")
    assert (response.headers["x-path"], dict(response.cookies)) == ("/x?a=1", {"a": "1", "b": "2"})
    exchange = response.extensions["exchange"]
    assert (exchange, exchange.request.authority, exchange.request.headers["x-a"]) == (proxy.exchanges[-1], "a.test", "1")


def test_async_client_sends_many_requests(proxy):
    async def run():
        async with httpx.AsyncClient(transport=WasmTransport(proxy, worker=2), base_url="http://a.test") as client:
            return await asyncio.gather(*(client.put(f"/{n}", content=b"x") for n in range(5)))

    responses = asyncio.run(run())
    assert [r.headers["x-path"] for r in responses] == [f"/{n}" for n in range(5)]
    assert {r.extensions["exchange"].worker for r in responses} == {2}


def test_local_response_reaches_the_client(client):
    response = client.get("/deny")
    assert (response.status_code, response.text, response.headers["x-why"]) == (403, "denied", "no")


@pytest.mark.parametrize(("path", "error"), [("/hold", httpx.ReadTimeout), ("/cut", httpx.RemoteProtocolError)])
def test_missing_end_is_an_error_of_httpx(client, path, error):
    with pytest.raises(error):
        client.get(path)


def test_head_and_empty_responses_have_no_body(client):
    assert client.get("/empty").content == b""
    assert client.get("/empty").status_code == 204


def test_streamed_request_body_is_sent_whole(client):
    assert client.post("/", content=iter([b"a", b"b"])).content == b"POST ab"


def test_transport_needs_a_proxy():
    with pytest.raises(UsageError, match="requires a Proxy, not str"):
        WasmTransport("http://a")


def test_socket_serves_http1_with_keep_alive(server, proxy):
    before = server.connections
    with httpx.Client(verify=NO_CERTIFICATES) as client:
        responses = [client.post(f"{server.url}/{n}", content=b"x" * 100_000) for n in range(3)]
    assert [(r.status_code, len(r.content), r.http_version) for r in responses] == [(200, 100_005, "HTTP/1.1")] * 3
    assert server.connections == before + 1
    assert {exchange.worker for exchange in list(proxy.exchanges)[-3:]} == {proxy.exchanges[-1].worker}


def test_socket_serves_many_connections_at_once(server):
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda n: get(f"{server.url}/{n}"), range(40)))
    assert [r.headers["x-path"] for r in responses] == [f"/{n}" for n in range(40)]


def test_requests_of_this_thread_go_on_while_the_socket_serves(server, proxy):
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(get, f"{server.url}/{n}") for n in range(20)]
        assert [proxy.get(f"/own{n}").response.status for n in range(20)] == [200] * 20
    assert {future.result().status_code for future in futures} == {200}


def curl(*arguments):
    return subprocess.run(["curl", "-s", "-i", "-m", "20", *arguments], capture_output=True, check=False)


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@needs_curl
@pytest.mark.parametrize(("flags", "first"), [((), b"HTTP/1.1 200 OK"), (("--http2-prior-knowledge",), b"HTTP/2 200")])
def test_curl_gets_a_response_over_both_protocols(server, flags, first):
    result = curl(*flags, "-d", "abc", "-H", "x-a: 1", f"{server.url}/x?y=1")
    assert result.returncode == 0
    assert result.stdout.startswith(first)
    assert result.stdout.endswith(b"\r\n\r\nPOST abc")


@needs_curl
@pytest.mark.parametrize("flags", [(), ("--http2-prior-knowledge",)])
def test_large_bodies_pass_in_both_directions(server, tmp_path, flags):
    (tmp_path / "body").write_bytes(b"x" * 900_000)
    result = curl(*flags, "-o", str(tmp_path / "out"), "--data-binary", f"@{tmp_path / 'body'}", server.url)
    assert result.returncode == 0
    assert (tmp_path / "out").read_bytes().endswith(b"POST " + b"x" * 900_000)


@needs_curl
@pytest.mark.parametrize("flags", [(), ("--http2-prior-knowledge",)])
@pytest.mark.parametrize(("path", "start", "end"), [("/empty", b"204", b""), ("/deny", b"403", b"denied")])
def test_empty_and_local_responses_pass_over_both_protocols(server, flags, path, start, end):
    result = curl(*flags, server.url + path)
    assert start in result.stdout.splitlines()[0]
    assert result.stdout.endswith(b"\r\n\r\n" + end)


@needs_curl
@pytest.mark.parametrize("flags", [(), ("--http2-prior-knowledge",)])
def test_trailers_pass_over_both_protocols(server, flags):
    assert b"x-t: 1" in curl(*flags, server.url + "/trailers").stdout


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"rubbish\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 70_000 + b"\r\n\r\n", b"431")],
)
def test_invalid_request_is_refused_and_the_connection_closed(server, sent, status):
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(sent)
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    assert data.startswith(b"HTTP/1.1 " + status)


def test_client_that_disconnects_does_not_disturb_others(server):
    for sent in (b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"):
        with socket.create_connection((server.host, server.port), timeout=10) as connection:
            connection.sendall(sent)
    assert get(server.url).status_code == 200


def test_expected_continue_is_sent(server):
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"ok")
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    assert data.startswith(b"HTTP/1.1 200 OK")


def test_held_request_gets_504_and_closed_proxy_503():
    with Proxy(Filter.native(SOURCE, "gate"), workers=1) as proxy:
        with proxy.listen() as server:
            assert get(server.url + "/hold").status_code == 504
            proxy.close()
            assert get(server.url + "/").status_code == 503
        with pytest.raises(UsageError, match="closed"):
            proxy.listen()


def test_closed_server_refuses_connections_and_its_proxy_stays_open(proxy):
    server = proxy.listen()
    server.close()
    with pytest.raises(httpx.ConnectError):
        get(server.url)
    assert proxy.get("/").response.status == 200


def test_port_in_use_is_an_error_with_advice(server, proxy):
    with pytest.raises(UsageError, match="Omit port= to use a free port"):
        proxy.listen(server.port)
