"""Line breaks in header values: Envoy writes them to the client, so the rest becomes another header. The SDK refuses them."""

import pytest

from wasmnb import Envoy, Filter, Proxy

PLAIN = """
from wasmnb.sdk import HeaderMapType, HttpContext, hostcalls

class Breaks(HttpContext):
    def on_http_response_headers(self, num_headers, end_of_stream):
        hostcalls.replace_header_map_value(HeaderMapType.RESPONSE_HEADERS, "x-a", "1\\r\\nx-evil: 2")
"""

BY_NAME = """
from wasmnb.sdk import HttpContext

class Breaks(HttpContext):
    def on_http_response_headers(self, num_headers, end_of_stream):
        try:
            self.response_headers["x-a"] = "1\\r\\nx-evil: 2"
        except ValueError as error:
            print(error)
"""


SIDES = [Proxy, pytest.param(Envoy, marks=(pytest.mark.envoy, pytest.mark.slow))]


@pytest.mark.parametrize("side", SIDES)
def test_line_break_in_a_value_adds_a_header_by_hostcall(side):
    with side(Filter.from_source(PLAIN)) as proxy:
        headers = proxy.get("/").response.headers
        assert headers["x-a"] == "1" and headers["x-evil"] == "2"


@pytest.mark.parametrize("side", SIDES)
def test_sdk_refuses_a_line_break_in_a_header_value(side):
    with side(Filter.from_source(BY_NAME)) as proxy:
        exchange = proxy.get("/")
        assert "x-a" not in exchange.response.headers and "x-evil" not in exchange.response.headers
        assert "a line break would end it" in str(exchange.log[-1])
