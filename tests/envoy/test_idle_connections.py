"""A request that is refused while its body arrives reaches the upstream only if a connection is already open."""

import pytest

from wasmnb import Envoy, Filter, Proxy, Response

SOURCE = """
from wasmnb.sdk import HttpContext

class Refuse(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        if bytes(self.request_body).startswith(b"bad"):
            self.send_local_response(403)
"""
BODIES = [b"bad", b"good", b"bad", b"bad", b"good", b"good", b"bad"]


def reached(side):
    with side(Filter.from_source(SOURCE), workers=1, upstream=Response(200, body=b"ok")) as proxy:
        return [proxy.post("/", body=body).upstream_request is not None for body in BODIES]


def test_refused_request_reaches_the_upstream_over_an_idle_connection_only():
    assert reached(Proxy) == [False, True, True, False, True, True, True]


@pytest.mark.envoy
@pytest.mark.slow
def test_envoy_forwards_refused_requests_the_same():
    assert reached(Envoy) == reached(Proxy)
