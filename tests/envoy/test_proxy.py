"""The real Envoy behind the simulated proxy's interface, with a foreign module."""

import pytest

from wasmnb.envoy import Envoy
from wasmnb.messages import Response

pytestmark = pytest.mark.envoy

SCRIPT = """on_configure: get_buffer_bytes PLUGIN_CONFIGURATION 0 12
on_request_headers: replace_header_map_value REQUEST_HEADERS x-new 1; define_metric COUNTER hits; increment_metric $ 2
on_response_headers: add_header_map_value RESPONSE_HEADERS x-seen yes
"""


@pytest.fixture(scope="module")
def envoy(guest):
    with Envoy(guest, workers=2, config=SCRIPT, root_id="r", vm_id="v", upstream=Response(201, [("x-up", "1")], b"hi")) as envoy:
        yield envoy


def filter_log(exchange):
    return [line.text.partition(" ")[2] for line in exchange.log]


def test_exchange_has_four_messages(envoy):
    exchange = envoy.get("/path?q=1", headers=[("x-a", "1"), ("x-a", "2")])
    assert exchange.request.headers.get_all("x-a") == ["1", "2"]
    assert exchange.upstream_request.path == "/path?q=1"
    assert exchange.upstream_request.authority == "example.com"
    assert exchange.upstream_request.headers["x-new"] == "1"
    assert exchange.upstream_response.status == 201
    assert (exchange.response.status, exchange.response.body) == (201, b"hi")
    assert exchange.response.headers["x-seen"] == "yes"
    assert exchange.state == "done"


def test_exchange_has_its_log_up_to_on_delete(envoy):
    exchange = envoy.get("/")
    assert filter_log(exchange)[0].startswith("on_context_create(")
    assert filter_log(exchange)[-1].startswith("on_delete(")
    assert exchange.worker in (1, 2)


def test_each_chunk_runs_one_body_callback(envoy):
    exchange = envoy.post("/", chunks=[b"aaaa", b"bb"], trailers=[("x-t", "1")])
    assert [s.split("(")[0] for s in filter_log(exchange) if s.startswith("on_request")] == [
        "on_request_headers", "on_request_body", "on_request_body", "on_request_trailers",
    ]  # fmt: skip
    assert exchange.upstream_request.body == b"aaaabb"
    assert exchange.upstream_request.trailers.items() == [("x-t", "1")]


def test_metrics_and_configuration_reach_envoy(envoy):
    before = envoy.metrics.get("hits", 0)
    envoy.get("/")
    assert envoy.metrics["hits"] == before + 2
    assert any("get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 12) -> OK n=12 [on_configure]" in line.text for line in envoy.log)


def test_paused_stream_has_state_paused(guest):
    with Envoy(guest, workers=1, config="on_request_headers: return 1", timeout=0.2) as envoy:
        exchange = envoy.get("/")
        assert (exchange.state, exchange.response, exchange.upstream_request) == ("paused", None, None)
        assert filter_log(exchange)[-1] == "on_delete(2)"


def test_trap_returns_503_and_is_logged(guest):
    with Envoy(guest, workers=1, config="on_request_headers: trap") as envoy:
        assert envoy.get("/").response.status == 503
        assert any(line.text.startswith("Function: proxy_on_request_headers failed") for line in envoy.log)


def test_callout_gets_response_of_its_cluster(guest):
    script = """on_request_headers: http_call auth :method=GET&:path=/check&:authority=a _ _ 500; return 1
on_http_call_response: get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 99; set_effective_context stream; continue_stream REQUEST
"""
    with Envoy(guest, workers=1, config=script, clusters={"auth": Response(200, body=b"ann"), "none": None}) as envoy:
        exchange = envoy.get("/")
        assert exchange.response.status == 200
        assert any("[ann]" in s for s in filter_log(exchange))


def test_chain_runs_in_order(guest):
    from wasmnb.envoy import EnvoyPlugin

    def adds(value):
        return f"on_request_headers: add_header_map_value REQUEST_HEADERS x-who {value}"

    chain = [EnvoyPlugin(guest, n, root_id=n, config=adds(n)) for n in ("a", "b")]
    with Envoy(chain, workers=1) as envoy:
        assert envoy.get("/").upstream_request.headers.get_all("x-who") == ["a", "b"]


def test_repr_has_filter_workers_and_state(envoy):
    assert repr(envoy).startswith("<Envoy ")
    assert "2 workers, running" in repr(envoy)
