"""Comparison of the same requests in both proxies."""

import pytest

from tests.foreign.toolchain import scripted_guest
from wasmnb.compiler import Filter
from wasmnb.compiler.dependencies.filter_source import Part
from wasmnb.envoy import Envoy, EnvoyPlugin, Parity, compare
from wasmnb.errors import UsageError
from wasmnb.host import Cluster, Listener, Plugin, Proxy, RouteMatch
from wasmnb.messages import Headers, Request, Response

pytestmark = pytest.mark.envoy

UPSTREAM = Response(200, [("x-up", "1")], b"hello")


def plugin(script, **options):
    return Plugin(Filter.from_file(scripted_guest()), name="plug", config=script, **options)


def proxy(script, *others, **options):
    return Proxy([plugin(script), *others], workers=1, **{"upstream": UPSTREAM, **options})


CHANGES = """on_request_headers: replace_header_map_value REQUEST_HEADERS x-new 1; define_metric COUNTER hits; increment_metric $ 2
on_response_headers: remove_header_map_value RESPONSE_HEADERS content-length
on_response_body#1: set_buffer_bytes HTTP_RESPONSE_BODY 0 99 changed
"""


def without_instances(parity: Parity):
    """The scripted guest begins its lines with a random number: its log is never the same."""
    return [d for d in parity.differences if not d.where.endswith("log")]


def test_requests_so_far_are_compared_by_default():
    with proxy(CHANGES) as simulated:
        simulated.get("/a", headers=[("x", "1"), ("x", "2")])
        simulated.post("/b", body=b"abc")
        simulated.request("POST", "/c", chunks=[b"a", b"b"], trailers=[("t", "1")])
        parity = compare(simulated)
    assert [p.real.response.body for p in parity.pairs] == [b"changed"] * 3
    assert without_instances(parity) == []
    assert parity.compared > 20


@pytest.mark.parametrize("release", [False, True])
def test_traceback_of_a_cell_is_the_same_in_both_proxies(release):
    source = "class Boom(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        raise ValueError(1)\n"
    boom = Filter.from_parts([Part(source, "Cell In[3]")], "boom")
    with Proxy(boom.release() if release else boom, workers=1, deadline=60) as simulated:
        simulated.get("/")
        parity = compare(simulated)
    assert parity.differences == []
    assert 'File "Cell In[3]", line 3' in parity.pairs[0].real.log[0].text


def test_client_that_left_leaves_both_proxies():
    with proxy(CHANGES, upstream=Response(200, body=b"late", latency=1.0)) as simulated:
        simulated.get("/", timeout=0.3)
        parity = compare(simulated)
    assert without_instances(parity) == []
    assert [parity.pairs[0].simulated.response, parity.pairs[0].real.response] == [None, None]


def test_given_requests_are_compared():
    with proxy("") as simulated:
        parity = compare(simulated, [Request("GET", "/x", Headers([("a", "b")])), Request("POST", body=b"q")])
        assert [p.simulated.request.path for p in parity.pairs] == ["/x", "/"]
        assert without_instances(parity) == []


def test_difference_has_field_values_and_hint():
    with proxy("", upstream=Response(200, body=b"simulated")) as simulated:
        simulated.get("/")
        parity = compare(simulated, upstream=Response(200, [("x-other", "1")], b"real"))
    differences = {d.where: d for d in parity.differences}
    assert differences["request 1: client body"].real == b"real"
    assert differences["request 1: client body"].simulated == b"simulated"
    assert "request 1: client headers" in differences
    assert 0 < parity.agreement < 100
    assert "Envoy      b'real'" in str(parity)
    assert repr(parity).startswith("<Parity of plug: 1 requests")


def test_paused_stream_is_paused_in_both_proxies():
    with proxy("on_request_headers: return 1") as simulated:
        simulated.request("GET", "/", wait=1.0)
        parity = compare(simulated, timeout=0.3)
    assert without_instances(parity) == []
    assert parity.pairs[0].real.state == "paused"


def test_envoy_gets_clusters_routes_and_listener():
    script = """on_request_headers: get_property xds/listener_direction; http_call auth :method=GET&:path=/&:authority=a _ _ 500; return 1
on_http_call_response: get_buffer_bytes HTTP_CALL_RESPONSE_BODY 0 9; set_effective_context stream; continue_stream REQUEST
on_response_headers: get_property xds/route_name; get_property xds/virtual_host_name
"""
    options = {
        "clusters": {"auth": Cluster(Response(200, body=b"ann")), "dead": Cluster(alive=False), "other": Response(418)},
        "routes": [RouteMatch("/tea", cluster="other", name="tea"), RouteMatch(name="all")],
        "listener": Listener(direction=1, virtual_host="vh"),
    }
    with proxy(script, **options) as simulated:
        simulated.get("/tea")
        simulated.get("/")
        parity = compare(simulated)
    assert [p.real.response.status for p in parity.pairs] == [418, 200]
    assert without_instances(parity) == []
    texts = [[line.text.partition(" ")[2] for line in exchange.log] for p in parity.pairs for exchange in (p.simulated, p.real)]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3]


def test_envoy_gets_failure_policies_and_chains():
    chain = [plugin("on_request_headers: trap", failure_policy="FAIL_OPEN", vm_id="a"), plugin(CHANGES, vm_id="b")]
    with Proxy(chain, workers=1, upstream=UPSTREAM) as simulated:
        simulated.get("/1")
        simulated.get("/2")
        parity = compare(simulated)
    assert [p.real.response.status for p in parity.pairs] == [503, 200]
    assert without_instances(parity) == []


def test_comparison_without_requests_is_refused():
    with proxy("") as simulated, pytest.raises(UsageError, match="nothing to compare"):
        compare(simulated)


def test_tcp_bytes_pass_the_network_filter():
    script = "on_downstream_data: set_buffer_bytes DOWNSTREAM_DATA 0 0 IN:"
    with Envoy(EnvoyPlugin(scripted_guest(), config=script, kind="network"), workers=1) as envoy:
        connection = envoy.connect()
        connection.send(b"hello")
        assert connection.read() == b"IN:hello"
        exchange = connection.close()
        assert exchange.upstream_received.startswith(b"IN:hello")
        assert [line.text.partition(" ")[2].partition("(")[0] for line in exchange.log][-1] == "on_delete"


def test_connect_without_network_filter_is_refused():
    with Envoy(scripted_guest(), workers=1) as envoy, pytest.raises(UsageError, match="network filter"):
        envoy.connect()
