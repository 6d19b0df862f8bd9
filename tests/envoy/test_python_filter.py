"""A filter from a notebook cell in the real Envoy: its effect, its endurance, and the same in the simulated proxy."""

import os

import pytest

from tests.envoy.hammer import hammer
from wasmnb.compiler import Filter
from wasmnb.envoy import Envoy
from wasmnb.envoy.start_cost.measure import resident_memory
from wasmnb.host import Proxy
from wasmnb.messages import Response

pytestmark = [pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(600)]

CELL = '''
from wasmnb.sdk import Action, HttpContext

class Cell(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers.get(":path") == "/print":
            print("realm", self.plugin.config["realm"])
        self.request_headers["x-seen"] = self.request_headers.get("x-user", "nobody")
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-resp"] = "yes"
        return Action.CONTINUE
'''

OPTIONS = {"workers": 2, "config": '{"realm": "demo"}', "upstream": Response(200, [("x-up", "1")], b"ok")}


@pytest.fixture(scope="module")
def cell():
    return Filter.from_source(CELL, name="cell")


@pytest.fixture(scope="module")
def envoy(cell):
    with Envoy(cell, timeout=20.0, **OPTIONS) as envoy:
        yield envoy


#: Requests that are measured; `make attack` sends more.
REQUESTS = int(os.environ.get("WASMNB_REQUESTS", "15_000"))


def test_filter_changes_request_and_response_headers(envoy):
    exchange = envoy.get("/", headers=[("x-user", "ann")])
    assert exchange.upstream_request.headers["x-seen"] == "ann"
    assert exchange.response.headers["x-resp"] == "yes"


def test_filter_gets_configuration_and_print_reaches_the_log(envoy):
    exchange = envoy.get("/print")
    assert [line.text for line in exchange.log] == ["realm demo"]


def test_saved_file_is_the_module_that_envoy_runs(cell, envoy, tmp_path):
    path = tmp_path / "cell.wasm"
    cell.save(path)
    assert path.read_bytes() == cell.release().wasm == envoy.plugins[0].module


def test_simulated_proxy_returns_the_same_exchange(cell, envoy):
    with Proxy(cell, **OPTIONS) as proxy:
        ours = proxy.post("/x?y=1", body=b"abc", headers=[("x-user", "bob")])
    theirs = envoy.post("/x?y=1", body=b"abc", headers=[("x-user", "bob")])
    rng = ("date", "x-request-id", "x-envoy-upstream-service-time")

    def plain(headers):
        return [(n, "" if n in rng else v) for n, v in headers.items()]

    assert plain(ours.response.headers) == plain(theirs.response.headers)
    assert (ours.response.status, ours.response.body) == (theirs.response.status, theirs.response.body)
    assert plain(ours.upstream_request.headers) == plain(theirs.upstream_request.headers)
    assert ours.upstream_request.body == theirs.upstream_request.body


def test_many_requests_run_without_failure_or_growth(envoy):
    warm = hammer(envoy.address, 5_000)
    assert warm.bad == 0
    before = resident_memory(envoy.process.pid) // 2**20
    tally = hammer(envoy.address, REQUESTS)
    after = resident_memory(envoy.process.pid) // 2**20
    assert (tally.good, tally.bad) == (REQUESTS, 0)
    assert after - before <= 8, f"{before} MB before, {after} MB after"
