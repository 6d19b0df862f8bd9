"""Messages for mistakes of authors, inside Wasm: the last line of the log."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.host import Proxy
from wasmnb.messages import Response

SOURCE = """
import asyncio, socket, threading, urllib.request

class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        self.case = self.request.path.strip("/")
        if not self.case.startswith("response_"):
            return await getattr(self, self.case)()

    async def on_http_response_headers(self, num_headers, end_of_stream):
        if self.case.startswith("response_"):
            getattr(self, self.case)()

    async def a_sleep(self): await asyncio.sleep(1)
    async def a_wait_for(self): await asyncio.wait_for(None, 2)
    async def a_future(self): await asyncio.Future()
    async def a_queue(self): await asyncio.Queue().get()
    async def a_connection(self): await asyncio.open_connection("example.com", 80)
    async def a_socket(self): await socket.socket()
    async def a_request(self): urllib.request.urlopen("http://example.com/")
    async def a_thread(self): threading.Thread(target=print).start()
    async def a_list(self): await [1]
    async def forgotten(self): return self.http_call("service")
    async def nonsense(self): return "continue"
    async def a_number(self): return 77
    async def too_early(self): self.response_headers["x"] = "1"
    async def after_body(self):
        await self.request_body()
        self.request_headers["x"] = "1"
    def response_too_late(self): self.request_headers["x"] = "1"
    def response_body_gone(self): self.request_body = b"x"
    async def property_too_early(self): self.properties.response.code
    async def property_misspelt(self): self.properties.source.adress
    async def property_set(self): self.properties.request.path = "/x"
    async def half_a_request(self): Counter("c").increment(0.5)
"""

WHEN = "Request headers can be written in on_http_request_headers and while the stream is paused there."
CASES = {
    "a_sleep": "asyncio.sleep() can't be used in a filter: the proxy doesn't run an event loop. Use `await sleep(seconds)`.",
    "a_wait_for": "Use `await wait_for(awaitable, seconds)`.",
    "a_future": "Use sleep(), gather(), timeout() and wait_for() of wasmnb.sdk, self.http_call()",
    "a_queue": "queue.get()",
    "a_connection": "use `await self.http_call(cluster, ...)`",
    "a_socket": "Sockets don't exist inside the proxy: use self.http_call(cluster, ...)",
    "a_request": "Sockets don't exist inside the proxy",
    "a_thread": "Threads don't exist inside the proxy",
    "a_list": "A filter can await sleep()",
    "forgotten": "returned <HttpCall 4: under way>; it may return nothing (which means continue) or a member of Action or a "
    "member of HeadersStatus. Write it as `async def`, and await that",
    "nonsense": "F.on_http_request_headers (line 5) returned 'continue'; it may return nothing",
    "a_number": "returned 77",
    "too_early": "BAD_ARGUMENT (2) in on_http_request_headers. Response headers can be written in on_http_response_headers",
    "after_body": (
        f"BAD_ARGUMENT (2) in on_http_request_body. {WHEN} They are sent on before the body arrives: change them before you "
        "await it, or set allow_on_headers_stop_iteration (%%wasmfilter --hold-headers), with which the await holds them."
    ),
    "response_too_late": f"BAD_ARGUMENT (2) in on_http_response_headers. {WHEN}",
    "response_body_gone": "The request body can be written in on_http_request_body and while the stream is paused there.",
    "property_too_early": "response.code is available from on_http_response_headers on",
    "property_misspelt": "property 'source.adress' is not known",
    "property_set": "'request.path' can't be set, because it is a read-only attribute of the proxy",
    "half_a_request": "increment_metric('c', 0.5): a metric's value is a whole number",
}


@pytest.fixture(scope="module")
def wrong():
    return Filter.from_source(SOURCE, name="wrong")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("mode", [pytest.param("wasm", marks=pytest.mark.slow), "native"])  # its imports need a runtime of their own
@pytest.mark.filterwarnings("ignore")
def test_mistake_is_explained_in_the_log(request, case, mode):
    if mode == "native" and case in ("a_connection", "a_socket", "a_request", "a_thread"):
        pytest.skip("natively there are sockets and threads")
    filter_ = request.getfixturevalue("wrong") if mode == "wasm" else Filter.native(SOURCE, "wrong")
    with Proxy(filter_, workers=1, clusters={"service": Response(200)}) as proxy:
        exchange = proxy.post(f"/{case}", body=b"body")
        logged = [line.text for line in proxy.log if line.level.name == "CRITICAL"]
    assert exchange.response.status == 503
    assert CASES[case] in logged[0].splitlines()[-1], logged[0]
