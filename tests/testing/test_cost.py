"""assert_fuel: accepted limits and messages of failures."""

import pytest

from wasmnb import Filter, Proxy
from wasmnb.errors import UsageError
from wasmnb.testing import assert_fuel
from wasmnb.traffic import profile

SOURCE = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-a"] = "a"
"""


@pytest.fixture(scope="module")
def proxy():
    with Proxy(Filter.from_source(SOURCE), workers=1, fuel=True) as proxy:
        yield proxy


def test_assert_fuel_passes_within_the_limits(proxy):
    exchange = proxy.get("/")
    used = exchange.fuel["on_http_request_headers"]
    assert_fuel(exchange, {"on_http_request_headers": used, "on_request_headers": used, "on_http_request_body": 0})
    assert_fuel(exchange, exchange.fuel.total)
    assert_fuel(profile(proxy, requests=1), 10**9)


def test_assert_fuel_fails_with_the_instructions_of_each_callback(proxy):
    exchange = proxy.get("/pay")
    used = exchange.fuel["on_request_headers"]
    with pytest.raises(AssertionError) as caught:
        assert_fuel(exchange, {"on_http_request_headers": 100})
    first, *others = str(caught.value).split("\n")
    assert first.startswith(f"on_http_request_headers used {used:,} instructions, limit 100")
    assert "GET /pay" in first
    assert f"    on_request_headers: {used:,}" in others
    with pytest.raises(AssertionError, match="all callbacks used"):
        assert_fuel(exchange, 1)


def test_missing_counts_and_unknown_callbacks_raise_usage_error(proxy):
    with pytest.raises(UsageError, match="Count instructions with Proxy"):
        assert_fuel(object(), 1)
    with pytest.raises(UsageError, match="did you mean 'on_http_request_headers'"):
        assert_fuel(proxy.get("/"), {"on_http_request_header": 1})


def test_fixture_passes_fuel_to_the_proxy(wasm_proxy):
    proxy = wasm_proxy(Filter.from_source(SOURCE), fuel=True)
    assert_fuel(proxy.get("/"), {"on_http_request_headers": 1_000_000})
