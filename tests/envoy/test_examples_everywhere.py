"""Every example in both proxies: the expected responses, and no difference."""

import json

import pytest

from tests.example_cases import CARD, CASES, EXAMPLES, JSON
from wasmnb import Envoy, Filter, Proxy, Response

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

#: Differ from run to run, or are about the connection rather than the filter.
PASSING = {"date", "x-request-id", "x-envoy-upstream-service-time", "host", "content-length", "transfer-encoding"}


def headers_of(message):
    return None if message is None else sorted((n, v) for n, v in message.headers.items() if n not in PASSING)


def run(side, requests):
    views = []
    for arguments, status, expected in requests:
        exchange = side.request(*arguments)
        assert exchange.response.status == status, (arguments, exchange.response)
        for name, value in expected.get("upstream", {}).items():
            assert exchange.upstream_request.headers.get(name) == value
        for name, value in expected.get("client", {}).items():
            assert exchange.response.headers.get(name) == value
        # Envoy may already have forwarded the headers of a refused request (a race).
        upstream = headers_of(exchange.upstream_request) if status == 200 else None
        views.append((exchange.response.status, exchange.response.body, headers_of(exchange.response), upstream))
    return views


@pytest.mark.parametrize("name", CASES)
def test_example_behaves_the_same_in_both_proxies(name):
    config, upstream, clusters, requests = CASES[name]
    example = Filter.from_file(EXAMPLES / f"{name}.py")
    options = {"workers": 2, "config": json.dumps(config), "upstream": upstream, "clusters": clusters}
    with Proxy(example, **options) as proxy:
        simulated = run(proxy, requests)
    with Envoy(example, **options) as envoy:
        assert run(envoy, requests) == simulated


def test_redacted_bodies_have_no_secret():
    with Proxy(
        Filter.from_file(EXAMPLES / "redact.py"), config={"fields": ["password"]}, upstream=Response(200, JSON, CARD)
    ) as proxy:
        body = json.loads(proxy.get("/").response.body)
    assert body == {"user": "ann", "password": "[redacted]", "card": "[redacted]"}
