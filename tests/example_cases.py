"""Requests and expected responses of every example, for the tests that run all examples."""

import hashlib
import json
from pathlib import Path

from tests.sdk.jwt_tokens import jwks, token
from wasmnb import Response

EXAMPLES = Path(__file__).parents[1] / "examples"
JSON = [("content-type", "application/json")]
KEY = {"clients": {"ann": hashlib.sha256(b"secret").hexdigest()}, "open": ["/healthz"]}
SCHEMA = {"schema": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}}
CARD = json.dumps({"user": "ann", "password": "x", "card": "4111 1111 1111 1111"}).encode()


def service(request):
    """Respond as the authorisation service of two examples."""
    good = request.headers.get("authorization") == "Bearer good"
    return Response(200, [("x-user", "ann")]) if good else Response(401, body=b"who are you?\n")


TOKENS = {name: token(name, iss="i", aud="orders") for name in ("RS256", "ES256", "HS256", "EdDSA")}


def bearer(text):
    return [("authorization", f"Bearer {text}")]


#: name -> configuration, upstream, clusters, and requests as (arguments, status, expected headers at the upstream and at the client).
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
    "jwt_auth": (
        {**jwks(), "issuer": "i", "audience": "orders"}, None, {},
        [
            *((("GET", "/", bearer(text)), 200, {"upstream": {"x-user": "ann", "authorization": None}}) for text in TOKENS.values()),
            (("GET", "/"), 401, {"client": {"www-authenticate": "Bearer"}}),
            (("GET", "/", bearer(token("RS256", iss="other", aud="orders"))), 401, {}),
            *((("GET", "/", bearer(f"{text[:-8]}AAAAAAAA")), 401, {}) for text in TOKENS.values()),
        ],
    ),
    "metrics": ({"routes": {"/api/": "api"}}, None, {}, [(("GET", "/api/x"), 200, {}), (("GET", "/"), 200, {})]),
}  # fmt: skip
