"""Why the SDK refuses line breaks in headers: Envoy writes them to the client, where what follows is a header of its own."""

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


def test_a_plain_hostcall_writes_what_it_is_given():
    with Proxy(Filter.from_source(PLAIN)) as proxy:
        assert proxy.get("/").response.headers["x-a"] == "1\r\nx-evil: 2"  # messages, not bytes on a wire


@pytest.mark.envoy
@pytest.mark.slow
def test_in_envoy_it_brings_a_header():
    with Envoy(Filter.from_source(PLAIN)) as envoy:
        headers = envoy.get("/").response.headers
        assert headers["x-a"] == "1" and headers["x-evil"] == "2"


@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.parametrize("side", [Proxy, Envoy])
def test_a_header_by_name_does_not(side):
    with side(Filter.from_source(BY_NAME)) as proxy:
        x = proxy.get("/")
        assert "x-a" not in x.response.headers and "x-evil" not in x.response.headers
        assert "a line break would end it" in x.log[-1].message
