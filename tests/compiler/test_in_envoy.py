"""A filter's file in the real Envoy: the standard library, failures, hostile bodies. The simulated proxy does the same."""

import json

import pytest

from wasmnb.compiler import Filter
from wasmnb.envoy import Envoy
from wasmnb.host import Proxy
from wasmnb.messages import Response

pytestmark = [pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(300)]

CELL = """
import hashlib, json, re, time, uuid, zlib

print("loaded", uuid.uuid4().version)

class Cell(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        path = self.request_headers[":path"]
        if path == "/fail":
            raise LookupError("no such thing")
        if path.startswith("/sum/"):
            try:
                reply = str(eval("+".join("x" * int(path[5:])), {"x": 2}))
            except RecursionError as error:
                reply = type(error).__name__
            return self.send_local_response(200, reply)
        self.request_headers["x-digits"] = ",".join(re.findall(r"[0-9]+", path))
        self.request_headers["x-hash"] = hashlib.sha256(zlib.compress(path.encode())).hexdigest()[:8]
        self.request_headers.pop("content-length", None)  # the body is going to change
        self.request_headers["x-now"] = str(time.time() > 1_700_000_000)

    def on_http_request_body(self, body_size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        try:
            values = json.loads(bytes(self.request_body))
        except (ValueError, RecursionError) as error:
            self.send_local_response(400, body=type(error).__name__)
            return Action.PAUSE
        self.request_body.set(json.dumps({"keys": sorted(values)}))
        return Action.CONTINUE
"""

OPTIONS = {"workers": 1, "upstream": Response(200, body=b"ok")}
DEEP = b"[" * 100_000


@pytest.fixture(scope="module")
def cell():
    return Filter.from_source(CELL, "cell", filename="cell.py")


@pytest.fixture(params=["envoy", "simulated"])
def proxy(request, cell):
    with Envoy(cell, timeout=30.0, **OPTIONS) if request.param == "envoy" else Proxy(cell, **OPTIONS) as proxy:
        yield proxy


def test_standard_library_works_in_envoy(proxy):
    sent = proxy.get("/a1b22").upstream_request
    assert (sent.headers["x-digits"], sent.headers["x-now"], len(sent.headers["x-hash"])) == ("1,22", "True", 8)


def test_hostile_body_is_refused_and_next_request_succeeds(proxy):
    assert proxy.post("/", body=b"{").response.body == b"JSONDecodeError"
    assert proxy.post("/", body=DEEP).response.body == b"RecursionError"
    exchange = proxy.post("/", body=b'{"b": 1, "a": 2}')
    assert exchange.response.status == 200
    assert json.loads(exchange.upstream_request.body) == {"keys": ["a", "b"]}


@pytest.mark.parametrize("terms", [2_000, 6_500, 200_000])
def test_overlong_expression_is_refused_and_next_one_is_computed(proxy, terms):
    assert proxy.get(f"/sum/{terms}").response.body == b"RecursionError"
    assert proxy.get("/sum/500").response.body == b"1000"


def test_exception_is_logged_with_its_line_and_fails_the_stream(proxy):
    exchange = proxy.get("/fail")
    assert exchange.response.status == 503
    lines = [line.text for line in proxy.log]
    assert any('File "cell.py", line 10, in on_http_request_headers' in text for text in lines)
    assert sum("LookupError: no such thing" in text for text in lines) == 1
