"""`async def` callbacks: the same filter as Wasm in the simulated proxy, natively, and in the real Envoy."""

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from wasmnb.compiler import Filter
from wasmnb.messages import Response

SOURCE = """
class Plugin(PluginContext):
    def on_plugin_start(self, size):
        self.jobs = register_queue("jobs")

class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        case = self.request.path.strip("/")
        method = getattr(self, case, None)
        if method is not None:
            return await method()

    async def on_http_response_headers(self, num_headers, end_of_stream):
        if self.response_headers.get("x-chunks"):
            self.response_headers.remove("content-length")
            async for chunk in self.response_body:
                await sleep(0.01)
                self.response_body = chunk.upper()
            return None
        response = await self.http_call("auth", headers={"x-user": "response"})
        self.response_headers["x-late"] = response.headers["x-name"]

    async def callout(self):
        response = await self.http_call("auth", headers={"x-user": self.request_headers.get("x-user", "")})
        if not response.ok:
            return self.send_local_response(403, "no " + response.text)
        self.request_headers["x-name"] = response.headers["x-name"]

    async def many(self):
        responses = await gather(*(self.http_call("auth", headers={"x-user": str(i)}) for i in range(5)))
        self.request_headers["x-name"] = "".join(a.headers["x-name"] for a in responses)

    async def sleeps(self):
        await gather(sleep(0.05), sleep(0.02))
        async with timeout(5):
            await sleep(0.01)
        self.request_headers["x-name"] = "rested"

    async def times_out(self):
        try:
            async with timeout(0.05):
                await sleep(60)
        except TimeoutError as error:
            return self.send_local_response(504, str(error))

    async def body(self):
        body = await self.request_body()
        if b"bad" in body:
            return self.send_local_response(400, f"{len(body)} bytes")
        await sleep(0.01)

    async def changed(self):
        self.request_headers.remove("content-length")
        body = await self.request_body()
        response = await self.http_call("auth", headers={"x-user": "x"})
        self.request_body = body.upper() + response.headers["x-name"].encode()

    async def forever(self):
        log_info("waits")
        try:
            await sleep(3600)
        finally:
            log_info("cleaned up")

    async def raises(self):
        await sleep(0.01)
        raise ValueError("after a wait")
"""


def auth(request):
    user = request.headers.get("x-user", "")
    if not user:
        return Response(401, body=b"who?")
    return Response(200, headers={"x-name": f"<{user}>"}, latency=0.02 * (int(user) % 4) if user.isdigit() else 0)


def upstream(request):
    if request.path == "/chunks":
        return Response(200, headers={"x-chunks": "1"}, chunks=[b"ab", b"cd"])
    return Response(200, body=request.body or request.headers.get("x-name", "").encode())


@pytest.fixture(scope="module", params=["simulated", "native", pytest.param("envoy", marks=pytest.mark.envoy)])
def proxy(request):
    waits = Filter.from_source(SOURCE, name="waits")
    options = {"workers": 1, "upstream": upstream, "clusters": {"auth": auth}}
    if request.param != "envoy":
        waits = Filter.native(waits) if request.param == "native" else waits
        from wasmnb.host import Proxy

        kind = Proxy
    else:
        from wasmnb.envoy import Envoy as kind  # noqa: N813
    with kind(waits, **options) as running:
        yield running


def test_callouts_are_awaited_for_request_and_response(proxy):
    exchange = proxy.get("/callout", headers=[("x-user", "ann")])
    assert exchange.response.status == 200
    assert exchange.upstream_request.headers.get("x-name") == "<ann>"
    assert exchange.response.headers.get("x-late") == "<response>"


def test_local_response_passes_the_filters_response_callback(proxy):
    exchange = proxy.get("/callout")
    assert (exchange.response.status, exchange.response.body) == (403, b"no who?")
    assert exchange.response.headers.get("x-late") == "<response>" and exchange.upstream_request is None


def test_gather_makes_several_callouts(proxy):
    exchange = proxy.get("/many")
    assert exchange.upstream_request.headers.get("x-name") == "<0><1><2><3><4>"


def ask(proxy, user):
    """Send one request on a separate connection, and return the body of the response."""
    with closing(http.client.HTTPConnection(*proxy.address, timeout=30)) as connection:
        connection.request("GET", "/callout", headers={"x-user": user})
        return connection.getresponse().read()


def test_simultaneous_waits_keep_their_own_state(proxy):
    users = [str(n) for n in range(40)]
    if hasattr(proxy, "open"):
        streams = [proxy.open("GET", "/callout", {"x-user": user}, end=True) for user in users]
        responses = [stream.wait().response.body for stream in streams]
    else:
        with ThreadPoolExecutor(20) as threads:
            responses = list(threads.map(lambda user: ask(proxy, user), users))
    assert responses == [f"<{user}>".encode() for user in users]


def test_sleep_takes_virtual_time(proxy):
    assert proxy.get("/sleeps").upstream_request.headers.get("x-name") == "rested"
    exchange = proxy.get("/times_out")
    assert (exchange.response.status, exchange.response.body) == (504, b"not done after 0.05 s")


@pytest.mark.parametrize("chunks", [None, [b"go", b"od"]])
def test_whole_body_is_awaited(proxy, chunks):
    good = proxy.request("POST", "/body", body=b"good", chunks=chunks)
    assert (good.response.status, good.upstream_request.body) == (200, b"good")
    assert proxy.post("/body", body=b"bad").response.status == 400
    assert proxy.get("/body").response.status == 200


def test_body_is_changed_after_a_wait(proxy):
    exchange = proxy.post("/changed", body=b"text")
    assert exchange.upstream_request.body == b"TEXT<x>" and exchange.response.body == b"TEXT<x>"


def test_response_chunks_are_iterated(proxy):
    assert proxy.get("/chunks").response.body == b"ABCD"


def logged(proxy, part):
    """Wait for a log line that contains this text, and return it."""
    deadline = time.monotonic() + 5
    while True:
        lines = [line.text for line in proxy.log if part in line.text]
        if lines or time.monotonic() > deadline:
            return lines[0]
        time.sleep(0.05)


def test_client_reset_cancels_the_streams_waits(proxy):
    if hasattr(proxy, "open"):
        stream = proxy.open("GET", "/forever", end=True)
        logged(proxy, "waits")
        stream.reset()
    else:
        with socket.create_connection(proxy.address) as client:
            client.sendall(b"GET /forever HTTP/1.1\r\nhost: x\r\n\r\n")
            logged(proxy, "waits")
    assert logged(proxy, "cleaned up")


def test_exception_after_a_wait_ends_one_stream(proxy):
    exchange = proxy.get("/raises")
    assert exchange.response.status == 503
    text = logged(proxy, "after a wait")
    assert "in raises" in text and 'raise ValueError("after a wait")' in text and "wasmnb/sdk" not in text
    assert proxy.get("/sleeps").response.status == 200, "the VM lives on"
