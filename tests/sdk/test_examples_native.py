"""Every example on a proxy in plain Python: its effect, and its response to hostile clients."""

import ast
import hashlib
import json
from pathlib import Path

import pytest
from tests.example_cases import CASES
from tests.gallery_cases import GALLERY
from tests.sdk.fake_proxy import FakeProxy

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name, config=None, **options):
    text = (EXAMPLES / f"{name}.py").read_text()
    return FakeProxy(text, b"" if config is None else config, **options)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_every_example_has_a_docstring_and_starts(path):
    first = ast.get_docstring(ast.parse(path.read_text())).splitlines()
    assert first[0].endswith(".") and first[1] == "" and any(line.startswith("Configuration") for line in first)
    config = GALLERY[path.stem].config if path.stem in GALLERY else CASES.get(path.stem, [b""])[0]
    assert FakeProxy(path.read_text(), config).started


def test_header_rewriting_applies_its_rules():
    rules = {
        "request": {"remove": ["X-Internal"], "set": {"x-env": "prod", "x-was": "{:path}{nope}"}, "add": {"via": "gw"}},
        "response": {"remove": ["server"], "set": {"x-path": "{:path}"}},
    }
    result = example("header_rewriting", rules).exchange(
        path="/a", headers=[("x-internal", "1"), ("via", "x"), ("x-env", "a"), ("x-env", "b")], response=(200, {"server": "s"}, [b"."])
    )
    names = [n for n, _ in result.upstream[0]]
    assert b"x-internal" not in names and names.count(b"x-env") == 1 and names.count(b"via") == 2
    assert result.upstream_header(b"x-was") == b"/a"
    assert result.header(b"server") is None and result.header(b"x-path") == b"/a"


KEYS = {"clients": {"ann": hashlib.sha256(b"secret").hexdigest()}, "query": "key", "open": ["/healthz"]}


@pytest.mark.parametrize(
    ("path", "headers", "status", "client"),
    [
        ("/", {"x-api-key": "secret"}, 200, b"ann"),
        ("/?key=secret", {}, 200, b"ann"),
        ("/?key=a&key=b", {}, 403, None),
        ("/", {}, 401, None),
        ("/", {"x-api-key": ""}, 403, None),
        ("/", {"x-api-key": b"\xff\x00".decode("utf-8", "surrogateescape")}, 403, None),
        ("/", {"x-client": "ann"}, 401, None),
        ("/healthz?x", {"x-client": "ann"}, 200, None),
    ],
)
def test_api_key_checks_clients(path, headers, status, client):
    result = example("api_key", KEYS).exchange(path=path, headers=headers)
    assert result.status == status
    if result.upstream:
        assert result.upstream_header(b"x-client") == client and result.upstream_header(b"x-api-key") is None


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("api_key", {}, "config.clients is missing"),
        ("api_key", {"clients": {}}, "clients needs a name"),
        ("auth_await", {"cluster": "auth"}, "config.path is missing"),
        ("auth_callout", {"timeout": "1s"}, "config.timeout: expected float"),
        ("header_rewriting", {"requests": {}}, "requests"),
        ("header_rewriting", {"request": {"set": {"a": 1}}}, "config.request.set.a: expected str"),
        ("jwt_auth", {"keys": [], "issuer": "i", "audience": "a"}, "no key of the JWKS document can be used"),
        ("metrics", {"routes": ["/api/"]}, "config.routes: expected dict"),
        ("redact", {"patterns": ["("]}, "config.patterns[0]: invalid regular expression"),
        ("validate_json", {"methods": "POST"}, "config.methods: expected list"),
    ],
)
def test_filter_with_an_invalid_configuration_does_not_start(name, config, message):
    proxy = example(name, config)
    assert not proxy.started and message in proxy.logs[0][1]


@pytest.mark.parametrize(
    ("percent", "path", "headers", "release", "cookie"),
    [
        (100, "/", {}, b"canary", True),
        (0, "/", {}, b"stable", True),
        (0, "/", {"cookie": "a=b; release=canary"}, b"canary", False),
        (100, "/?release=stable", {"cookie": "release=canary"}, b"stable", True),
        (0, "/", {"cookie": "release=evil"}, b"stable", True),
        (0, "/?release=evil", {"cookie": "\xff;;;=,"}, b"stable", True),
        (0, "/?x", {"cookie": "release=stable"}, b"stable", False),
    ],
)
def test_canary_routes_by_header(percent, path, headers, release, cookie):
    result = example("canary", {"percent": percent}).exchange(path=path, headers=headers)
    assert result.upstream_header(b"x-release") == release
    assert (result.header(b"set-cookie") is not None) == cookie


def test_canary_routes_a_share_of_users():
    proxy = example("canary", {"percent": 30})
    canaries = sum(proxy.exchange().upstream_header(b"x-release") == b"canary" for _ in range(1000))
    assert 230 < canaries < 370


SCHEMA = {
    "max_bytes": 100,
    "schema": {
        "type": "object",
        "required": ["amount"],
        "properties": {
            "amount": {"type": "number", "minimum": 0},
            "currency": {"enum": ["EUR"]},
            "lines": {"type": "array", "maxItems": 2, "items": {"type": "integer"}},
            "note": {"type": "string", "maxLength": 3},
        },
        "additionalProperties": False,
    },
}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ('{"amount": 1}', 200, ""),
        ('{"amount": 1.5, "currency": "EUR", "lines": [1, 2], "note": "abc"}', 200, ""),
        ('{"amount": "1"}', 400, "$.amount: expected number, got string"),
        ('{"amount": true}', 400, "$.amount: expected number, got boolean"),
        ('{"amount": -1}', 400, "$.amount: less than 0"),
        ("{}", 400, "$: amount is missing"),
        ("[]", 400, "$: expected object, got array"),
        ("null", 400, "$: expected object, got null"),
        ('{"amount": 1, "x": 1}', 400, "$: x is not known"),
        ('{"amount": 1, "currency": "USD"}', 400, "$.currency: 'USD' is not one of ['EUR']"),
        ('{"amount": 1, "lines": [1, "2"]}', 400, "$.lines[1]: expected integer, got string"),
        ('{"amount": 1, "lines": [1, 2, 3]}', 400, "$.lines: more than 2 items"),
        ('{"amount": 1, "note": "abcd"}', 400, "$.note: longer than 3 characters"),
        ("{nope", 400, "not JSON: "),
        (b"\xff\xfe", 400, "not JSON: "),
        (" " * 101, 413, "body too large"),
    ],
)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("trailers", [{}, {"x": "y"}])
def test_validate_json_refuses_invalid_bodies(body, status, error, count, trailers):
    body = body if isinstance(body, bytes) else body.encode()
    size = -(-len(body) // count)
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    result = example("validate_json", SCHEMA).exchange("POST", headers={"content-type": "application/json"}, chunks=chunks, trailers=trailers)
    assert result.status == status
    if status == 200:
        assert result.upstream[1] == body
    else:
        assert json.loads(result.body)["error"].startswith(error)


def test_validate_json_ignores_other_requests():
    proxy = example("validate_json", SCHEMA)
    assert proxy.exchange("GET", chunks=[b"x"]).status == 200
    assert proxy.exchange("POST", chunks=[b"x"]).status == 415
    assert proxy.exchange("POST", headers={"content-type": "application/json"}).status == 400
    deep = example("validate_json", {"max_bytes": 10**6}).exchange(
        "POST", headers={"content-type": "application/json"}, chunks=[b"[" * 100_000]
    )
    assert deep.status == 400


CARD, NO_CARD = "4111 1111 1111 1111", "4111 1111 1111 1112"


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("text/plain", f"pay {CARD} or {NO_CARD}", f"pay [redacted] or {NO_CARD}"),
        ("text/plain", "ssn 123-45-6789", "ssn [redacted]"),
        ("image/png", CARD, CARD),
        ("application/json", '{"Password": {"a": 1}, "b": ["4111111111111111", 4111111111111111, 5, null]}',
         '{"Password": "[redacted]", "b": ["[redacted]", "[redacted]", 5, null]}'),
        ("application/json", f"not json {CARD}", "not json [redacted]"),
    ],
)
@pytest.mark.parametrize("trailers", [[], [{"x": "y"}]])
def test_redact_replaces_patterns(kind, body, expected, trailers):
    proxy = example("redact", {"fields": ["password"], "patterns": [r"\b\d{3}-\d{2}-\d{4}\b"]})
    head = {"content-type": kind, "content-length": str(len(body))}
    half = len(body) // 2
    chunks = [body[:half].encode(), body[half:].encode()]
    result = proxy.exchange(headers={"accept-encoding": "gzip"}, response=(200, head, chunks, *trailers))
    assert result.body.decode() == expected
    assert result.upstream_header(b"accept-encoding") is None
    assert (result.header(b"content-length") is None) == (kind != "image/png")


def test_redact_keeps_binary_bytes():
    result = example("redact", {}).exchange(response=(200, {"content-type": "text/x"}, [b"\xff\x00 4111111111111111"]))
    assert result.body == b"\xff\x00 [redacted]"


def test_rate_limit_counts_over_workers(monkeypatch):
    shared, now = {}, [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    workers = [example("rate_limit", {"rate": 2, "burst": 4}, shared=shared) for _ in range(2)]

    def statuses(n, client="ann"):
        return [workers[i % 2].exchange(headers={"x-client": client}).status for i in range(n)]

    assert statuses(6) == [200] * 4 + [429] * 2
    assert statuses(2, "bob") == [200, 200], "another client has a bucket of its own"
    now[0] += 1
    assert statuses(3) == [200, 200, 429]
    refused = workers[0].exchange(headers={"x-client": "ann"})
    assert refused.header(b"retry-after") == b"1" and refused.details == b"rate_limited"
    assert workers[0].tick_period == 10_000
    workers[0].tick()
    assert "refused 3 requests" in workers[0].logs[-1][1]
    assert len(shared) == 2


def test_rate_limit_refuses_an_invalid_configuration():
    assert not example("rate_limit", {"rate": 0}).started


def auth(headers, body):
    if headers.get("authorization") == b"good":
        assert headers["x-original-path"] == b"/pay" and headers["x-original-method"] == b"GET"
        return 200, {"x-user": "ann", "server": "auth"}, b""
    return 401, {"www-authenticate": "Basic", "server": "auth"}, b"who?"


def test_auth_callout_asks_the_service():
    proxy = example("auth_callout", {}, clusters={"auth": auth})
    good = proxy.exchange(path="/pay", headers={"authorization": "good", "x-user": "root"})
    assert good.upstream_header(b"x-user") == b"ann"
    bad = proxy.exchange(path="/pay", headers={"x-user": "root"})
    assert (bad.status, bad.body, bad.upstream) == (401, b"who?", None)
    assert bad.header(b"www-authenticate") == b"Basic" and bad.header(b"server") is None


@pytest.mark.parametrize("service", [None, lambda headers, body: None, lambda headers, body: (504, {}, b"upstream request timeout")])
@pytest.mark.parametrize("fail_open", [True, False])
def test_auth_callout_returns_503_without_the_service(service, fail_open):
    result = example("auth_callout", {"fail_open": fail_open}, clusters={"auth": service}).exchange()
    assert result.status == (200 if fail_open else 503)
    assert (result.upstream is not None) == fail_open


def test_auth_await_asks_the_service():
    def service(headers, body):
        return (200, {"x-user": "ann"}, b"") if headers["authorization"] == b"good" else (401, {}, b"")

    proxy = example("auth_await", {"cluster": "auth", "path": "/check"}, clusters={"auth": service})
    assert proxy.exchange(headers={"authorization": "good", "x-user": "root"}).upstream_header(b"x-user") == b"ann"
    assert proxy.exchange().status == 403
    proxy.clusters["auth"] = lambda headers, body: None
    assert proxy.exchange().status == 503 and "CalloutReset" in proxy.logs[-1][1]


def test_metrics_counts_requests():
    proxy = example("metrics", {"routes": {"/api/": "api"}})
    proxy.exchange(path="/api/x")
    proxy.exchange(path="/api/y", response=(503, {}, [b""]))
    proxy.exchange(path="/")
    assert proxy.metrics[0, b"route.api.class.2xx.responses"] == 1
    assert proxy.metrics[0, b"route.api.class.5xx.responses"] == 1
    assert proxy.metrics[1, b"route.api.active"] == proxy.metrics[1, b"route.other.active"] == 0
    assert len(proxy.metrics[2, b"route.api.milliseconds"]) == 2
    i = proxy.create()
    proxy.call("on_log", i)  # refused by the proxy before any filter saw it
    assert len(proxy.metrics[2, b"route.other.milliseconds"]) == 1
