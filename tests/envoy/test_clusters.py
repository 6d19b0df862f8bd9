"""Every form of a cluster means the same in both proxies."""

import pytest

from wasmnb import Envoy, Filter, Proxy, Response
from wasmnb.host import Cluster, RouteMatch

SOURCE = """
from wasmnb.sdk import HttpContext

class Nothing(HttpContext):
    pass
"""
ROUTES = [RouteMatch("/none", cluster="none"), RouteMatch("/echo", cluster="echo"), RouteMatch("/fixed", cluster="fixed")]
PATHS = ["/none", "/echo", "/fixed", "/"]


def responses(side):
    clusters = {"none": None, "echo": Cluster(), "fixed": Response(418)}
    with side(Filter.from_source(SOURCE), workers=1, clusters=clusters, routes=[*ROUTES, RouteMatch()]) as proxy:
        results = [proxy.get(path).response for path in PATHS]
    return [(r.status, r.headers.get("x-echo-path"), r.body) for r in results]


def test_none_means_no_endpoints_and_for_the_main_cluster_an_echo():
    assert responses(Proxy) == [(503, None, b"no healthy upstream"), (200, "/echo", b""), (418, None, b""), (200, "/", b"")]


@pytest.mark.envoy
@pytest.mark.slow
def test_envoy_treats_none_the_same():
    assert responses(Envoy) == responses(Proxy)
