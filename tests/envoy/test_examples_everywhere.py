"""Every example in the simulated proxy and in the real Envoy: the answers expected, and the same from both."""

import hashlib
import json
from pathlib import Path

import pytest

from wasmnb import Envoy, Filter, Proxy, Response

pytestmark = [pytest.mark.envoy, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"
JSON = [("content-type", "application/json")]
KEY = {"clients": {"ann": hashlib.sha256(b"secret").hexdigest()}, "open": ["/healthz"]}
SCHEMA = {"schema": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}}
CARD = json.dumps({"user": "ann", "password": "x", "card": "4111 1111 1111 1111"}).encode()


def service(request):
    """The authorisation service of two examples."""
    good = request.headers.get("authorization") == "Bearer good"
    return Response(200, [("x-user", "ann")]) if good else Response(401, body=b"who are you?\n")


#: name -> configuration, upstream, clusters, and requests as (arguments, status, what to look for in both sides' view).
CASES = {
    "header_rewriting": (
        {"request": {"remove": ["x-internal"], "set": {"x-was": "{:path}"}}, "response": {"set": {"x-frame-options": "DENY"}}},
        None, {},
        [(("GET", "/a?b", [("x-internal", "1")]), 200, {"upstream": {"x-was": "/a?b", "x-internal": None}, "client": {"x-frame-options": "DENY"}})],
    ),
    "api_key": (
        KEY, None, {},
        [
            (("GET", "/", [("x-api-key", "secret")]), 200, {"upstream": {"x-client": "ann", "x-api-key": None}}),
            (("GET", "/"), 401, {}),
            (("GET", "/", [("x-api-key", "wrong")]), 403, {}),
            (("GET", "/healthz"), 200, {}),
        ],
    ),
    "canary": (
        {"percent": 0}, None, {},
        [
            (("GET", "/?release=canary"), 200, {"upstream": {"x-release": "canary"}}),
            (("GET", "/"), 200, {"upstream": {"x-release": "stable"}}),
            (("GET", "/", [("cookie", "a=b; release=canary")]), 200, {"upstream": {"x-release": "canary"}}),
        ],
    ),
    "validate_json": (
        SCHEMA, None, {},
        [
            (("POST", "/", JSON, b'{"amount": 3}'), 200, {}),
            (("POST", "/", JSON, b'{"amount": "3"}'), 400, {}),
            (("POST", "/", JSON, b"{"), 400, {}),
            (("GET", "/"), 200, {}),
        ],
    ),
    "redact": (
        {"fields": ["password"]}, Response(200, JSON, CARD), {},
        [(("GET", "/"), 200, {"upstream": {"accept-encoding": None}})],
    ),
    "rate_limit": (
        {"rate": 0.001, "burst": 2}, None, {},
        [((("GET", "/", [("x-client", "ann")])), status, {}) for status in (200, 200, 429)]
        + [(("GET", "/", [("x-client", "bob")]), 200, {})],
    ),
    "auth_callout": (
        {"cluster": "auth"}, None, {"auth": service},
        [
            (("GET", "/", [("authorization", "Bearer good")]), 200, {"upstream": {"x-user": "ann"}}),
            (("GET", "/", [("authorization", "Bearer bad")]), 401, {}),
        ],
    ),
    "auth_await": (
        {"cluster": "auth", "path": "/check"}, None, {"auth": service},
        [
            (("GET", "/", [("authorization", "Bearer good")]), 200, {"upstream": {"x-user": "ann"}}),
            (("GET", "/"), 403, {}),
        ],
    ),
    "metrics": ({"routes": {"/api/": "api"}}, None, {}, [(("GET", "/api/x"), 200, {}), (("GET", "/"), 200, {})]),
}  # fmt: skip

#: Differ from run to run, or are about the connection rather than the filter.
PASSING = {"date", "x-request-id", "x-envoy-upstream-service-time", "host", "content-length", "transfer-encoding"}


def seen(message):
    return None if message is None else sorted((n, v) for n, v in message.headers.items() if n not in PASSING)


def run(side, requests):
    views = []
    for arguments, status, wanted in requests:
        x = side.request(*arguments)
        assert x.response.status == status, (arguments, x.response)
        for name, value in wanted.get("upstream", {}).items():
            assert x.upstream_request.headers.get(name) == value
        for name, value in wanted.get("client", {}).items():
            assert x.response.headers.get(name) == value
        # A refused request's headers may be on their way upstream already: a race, in Envoy.
        upstream = seen(x.upstream_request) if status == 200 else None
        views.append((x.response.status, x.response.body, seen(x.response), upstream))
    return views


@pytest.mark.parametrize("name", CASES)
def test_an_example_does_the_same_in_both(name):
    config, upstream, clusters, requests = CASES[name]
    made = Filter.from_file(EXAMPLES / f"{name}.py")
    options = {"workers": 2, "config": json.dumps(config), "upstream": upstream, "clusters": clusters}
    with Proxy(made, **options) as proxy:
        simulated = run(proxy, requests)
    with Envoy(made, **options) as envoy:
        assert run(envoy, requests) == simulated


def test_every_example_is_here():
    assert set(CASES) == {path.stem for path in EXAMPLES.glob("*.py")}


def test_redacted_bodies_hold_no_secret():
    with Proxy(Filter.from_file(EXAMPLES / "redact.py"), config={"fields": ["password"]}, upstream=Response(200, JSON, CARD)) as proxy:
        body = json.loads(proxy.get("/").response.body)
    assert body == {"user": "ann", "password": "[redacted]", "card": "[redacted]"}
