"""Requests of internal clients are told apart from callouts, which Envoy marks with the same header."""

import pytest

from wasmnb import Cluster, Envoy, Filter

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

SOURCE = """
from wasmnb.sdk import HttpContext

class Asks(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        response = await self.http_call("other", path="/callout")
        self.request_headers["x-internal"] = self.request_headers.get("x-envoy-internal", "no")
"""

INTERNAL = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}


@pytest.fixture(scope="module")
def envoy():
    asks = Filter.from_source(SOURCE, "asks")
    with Envoy(asks, workers=1, connection_manager=INTERNAL, clusters={"other": Cluster()}) as proxy:
        yield proxy


@pytest.mark.parametrize(("client", "internal"), [("10.0.0.1", "true"), ("8.8.8.8", "no"), (None, "no")])
def test_upstream_request_is_the_clients_request(envoy, client, internal):
    exchange = envoy.get("/x", {} if client is None else {"x-forwarded-for": client})
    request = exchange.upstream_request
    assert request is not None
    assert (request.path, request.headers["x-internal"]) == ("/x", internal)
