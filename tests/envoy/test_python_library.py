"""Python's library and the SDK's dicts behave the same in both proxies."""

import json

import pytest

from wasmnb import Envoy, Filter, Proxy
from wasmnb.host import Plugin
from wasmnb.host.http.route_table.route import RouteMatch

SOURCE = """
import json
import os
import time
from datetime import datetime

TOKEN = os.environ["TOKEN"]

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        p = self.properties
        facts = {
            "token": TOKEN,
            "parsed": str(datetime.strptime("29.11.2026", "%d.%m.%Y")),
            "decoded": bytes([0xcf, 0xf0, 0xe8]).decode(self.request_headers.get("x-charset", "windows-1251")),
            "node": p.xds.node.metadata,
            "list": p["xds.node.metadata.LIST.1.a"],
            "route": p.xds.route_metadata["filter_metadata"],
            "leaf": p["xds.route_metadata.filter_metadata.my.lb.canary"],
            "dynamic": p.metadata["filter_metadata"],
            "missing": p.get("xds.route_metadata.filter_metadata.nope", "default"),
            "groups": [p.get("request", "d"), p.get("filter_state", "d"), p.get("nothing.here", "d")],
        }
        return self.send_local_response(200, json=facts)
"""

NODE = {"id": "n", "cluster": "c", "metadata": {"ROLE": "edge", "LIST": [1, {"a": None}], "DEEP": {"x": 1.5, "y": True}}}
ROUTES = [RouteMatch(name="r", metadata={"filter_metadata": {"my.lb": {"canary": True, "text": "ü"}}})]

EXPECTED = {
    "token": "secret",
    "parsed": "2026-11-29 00:00:00",
    "decoded": "При",
    "node": NODE["metadata"],
    "list": None,
    "route": {"my.lb": {"canary": True, "text": "ü"}},
    "leaf": True,
    "dynamic": {},
    "missing": "default",
    "groups": ["d", "d", "d"],
}


@pytest.mark.envoy
def test_library_and_metadata_are_the_same_in_both_proxies():
    module = Filter.from_source(SOURCE)
    options = {"workers": 1, "node": NODE, "routes": ROUTES}
    for proxy_class in (Proxy, Envoy):
        with proxy_class(Plugin(module, environment={"TOKEN": "secret"}), **options) as proxy:
            exchange = proxy.get("/")
            assert exchange.response.status == 200, exchange.log
            assert json.loads(exchange.response.body) == EXPECTED, proxy_class
