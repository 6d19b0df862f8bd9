"""Requests and expected outcomes of filters in the gallery, in addition to `tests.example_cases`."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.example_cases import EXAMPLES, bearer
from tests.sdk.jwt_tokens import jwks, token
from wasmnb import Filter, Plugin, Response
from wasmnb.host import TcpReply

JSON = {"content-type": "application/json"}
GRPC = {"content-type": "application/grpc", "te": "trailers"}


@dataclass
class Case:
    """Settings of a filter, and requests as (arguments, status, expected headers at the upstream and at the client).

    `singleton` is the configuration of a second plugin that runs on the main thread. `wait` is the number of seconds until it has
    done its work.
    """

    config: Any
    requests: list[tuple[tuple[Any, ...], int, dict[str, dict[str, str | None]]]]
    upstream: Any = None
    clusters: dict[str, Any] = field(default_factory=dict)
    hold_headers: bool = False
    singleton: Any = None
    wait: float = 0.0

    def plugins(self, name, filter_=None):
        """Return the plugins that run."""
        filter_ = filter_ or Filter.from_file(EXAMPLES / f"{name}.py")
        main = Plugin(
            filter_, name=name, vm_id=name, config=self.config, allow_on_headers_stop_iteration=self.hold_headers
        )
        if self.singleton is None:
            return [main]
        return [Plugin(filter_, name="fetch", kind="singleton", vm_id=name, config=self.singleton), main]


def get(path="/", headers=(), status=200, **expected):
    return (("GET", path, headers), status, expected)


def post(path, body, headers=JSON, status=200, **expected):
    return (("POST", path, headers, body), status, expected)


def signed(body, secret="secret", moment=None, path="/pay"):
    """Return the header of a signed request."""
    moment = str(int(time.time()) if moment is None else moment)
    text = f"POST\n{path}\n{moment}\n".encode() + body
    signature = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"x-signature": f"keyId=a,time={moment},signature={signature}"}


def query(text):
    return json.dumps({"query": text}).encode()


ORIGIN = {"origin": "https://app.example"}
PREFLIGHT = {**ORIGIN, "access-control-request-method": "POST"}
EVENTS = [
    b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\nda',
    b'ta: {"choices": [{"delta": {"content": "lo"}}]}\n\n',
    b'data: {"choices": [], "usage": {"total_tokens": 60}}\n\ndata: [DONE]\n\n',
]
TOKEN = {"iss": "i", "aud": "orders"}

GALLERY = {
    "cors": Case(
        {"origins": ["https://app.example", "https://*.app.example"], "expose": ["x-a"]},
        [
            get(),
            get(headers=ORIGIN, client={"access-control-allow-origin": "https://app.example", "access-control-expose-headers": "x-a"}),
            get(headers={"origin": "https://evil.example"}, client={"access-control-allow-origin": None}),
            (("OPTIONS", "/", PREFLIGHT), 204, {"client": {"access-control-allow-methods": "GET, POST", "access-control-allow-origin": "https://app.example"}}),
            (("OPTIONS", "/", {**PREFLIGHT, "origin": "https://evil.example"}), 403, {}),
            (("OPTIONS", "/", {**PREFLIGHT, "origin": "https://a.app.example"}), 204, {}),
        ],
    ),
    "hmac_signature": Case(
        {"keys": {"a": "secret"}, "tolerance": 1_000_000_000},
        [
            post("/pay", b"amount=3", signed(b"amount=3")),
            post("/pay", b"amount=4", signed(b"amount=3"), 401),
            post("/pay", b"amount=3", signed(b"amount=3", "other"), 401),
            post("/pay", b"amount=3", signed(b"amount=3", moment=0), 401),
            post("/pay", b"amount=3", {}, 401),
            get("/pay", {"x-signature": "nonsense"}, 401),
        ],
        hold_headers=True,
    ),
    "rate_limit_local": Case(
        {"rate": 0.001, "burst": 2},
        [*(get(headers={"x-client": "ann"}, status=s) for s in (200, 200, 429)), get(headers={"x-client": "bob"})],
    ),
    "ab_test": Case(
        {"experiment": "checkout", "variants": {"a": 1, "b": 1}},
        [
            get(upstream={"x-variant": "a"}),
            *(get(headers={"x-user": user}, upstream={"x-variant": v}, client={"x-variant": v}) for user, v in (("ann", "a"), ("bob", "a"), ("eve", "b"))),
            get(headers={"cookie": "uid=eve"}, upstream={"x-variant": "b"}),
        ],
    ),
    "maintenance": Case(
        {"text": "Back <soon>.", "key": "letmein"},
        [
            get(status=503, client={"retry-after": "600", "content-type": "application/json"}),
            get(headers={"accept": "text/html"}, status=503, client={"content-type": "text/html; charset=utf-8"}),
            get("/healthz"),
            get(headers={"x-maintenance-key": "letmein"}, upstream={"x-maintenance-key": None}),
            get(headers={"x-maintenance-key": "wrong"}, status=503),
        ],
    ),
    "normalise_headers": Case(
        {"remove": ["x-internal-*"], "single": ["x-user"], "lower": ["x-tenant"], "language": ["en", "de"]},
        [
            get("/a//b/../c/?q=//", {"x-internal-id": "1", "x-tenant": " AcMe"}, upstream={"x-internal-id": None, "x-tenant": "acme", ":path": None}),
            get(headers={"accept-language": "fr, de-CH;q=0.8, en;q=0.5"}, upstream={"accept-language": "de"}),
            get(upstream={"accept-language": "en"}),
        ],
    ),
    "graphql_depth": Case(
        {"depth": 3, "fields": 6},
        [
            post("/graphql", query('{ user(id: "{{{{") { name # }}}}\n } }')),
            post("/graphql", query("{ a { b { c { d } } } }"), status=400),
            post("/graphql", query("{ a b c d e f g }"), status=400),
            post("/graphql", query("{ __schema { types { name } } }"), status=400),
            post("/graphql", b"{", status=400),
            post("/graphql", query("query Q($a: In = {b: {c: {d: 1}}}) { a }")),
            post("/other", b"{"),
            get("/graphql"),
        ],
        hold_headers=True,
    ),
    "grpc_methods": Case(
        {"allow": ["/shop.Orders/*"], "deny": ["/shop.Orders/Delete*"]},
        [
            post("/shop.Orders/Get", b"\0\0\0\0\0", GRPC),
            post("/shop.Orders/DeleteAll", b"\0\0\0\0\0", GRPC, client={"grpc-status": "12"}),
            post("/shop.Users/Get", b"\0\0\0\0\0", GRPC, client={"grpc-status": "12"}),
            get("/shop.Users/Get"),
        ],
    ),
    "bots": Case(
        {"rules": [{"action": "refuse", "agent": "(?i)scrapy"}, {"action": "mark", "agent": "(?i)bot", "name": "crawler"}, {"action": "refuse", "missing": ["user-agent"]}]},
        [
            get(headers={"user-agent": "Mozilla/5.0", "x-bot": "forged"}, upstream={"x-bot": None}),
            get(headers={"user-agent": "Scrapy/2"}, status=403),
            get(headers={"user-agent": "Googlebot/2.1"}, upstream={"x-bot": "crawler"}),
            get(status=403),
        ],
    ),
    "trace_context": Case(
        {"trust": True},
        [
            get(headers={"x-request-id": "abcdefgh-1"}, upstream={"x-request-id": "abcdefgh-1"}, client={"x-request-id": "abcdefgh-1"}),
            get(),
        ],
    ),
    "cache_headers": Case(
        {"rules": [{"paths": ["/static/"], "control": "public, max-age=60"}, {"paths": ["/account"], "control": "no-store", "force": True}]},
        [
            get("/static/a.js", client={"cache-control": "private"}),
            get("/account", client={"cache-control": "no-store", "etag": None}),
            get("/plain/x", client={"cache-control": "no-cache"}),
            get("/missing", status=404, client={"cache-control": None}),
        ],
        upstream=lambda request: Response(404) if request.path == "/missing" else Response(200, {} if request.path == "/plain/x" else {"cache-control": "private", "etag": "x"}),
    ),
    "deny_list": Case(
        {},
        [get(headers={"x-user": "bob"}, status=403), get(headers={"x-user": "ann"}), get()],
        clusters={"denied": Response(200, body=b'["bob"]')},
        singleton={"refresh": 30},
        wait=2.5,
    ),
    "jwks_cache": Case(
        {"issuer": "i", "audience": "orders"},
        [
            get(headers=bearer(token("RS256", **TOKEN)), upstream={"x-user": "ann", "authorization": None}),
            get(headers=[*bearer(token("HS256", **TOKEN)), ("x-user", "root")], upstream={"x-user": "ann"}),
            get(headers=bearer(token("RS256", iss="other", aud="orders")), status=401),
            get(status=401),
        ],
        clusters={"issuer": Response(200, JSON, json.dumps(jwks()).encode())},
        singleton={"issuer": "i", "audience": "orders", "fetch": True},
        wait=2.5,
    ),
    "sse_tokens": Case(
        {"limit": 100},
        [get(headers={"x-user": "ann"}), get(headers={"x-user": "ann"}), get(headers={"x-user": "ann"}, status=429), get(headers={"x-user": "bob"})],
        upstream=Response(200, {"content-type": "text/event-stream"}, chunks=EVENTS),
    ),
    "geo": Case(
        {"networks": {"198.51.0.0/16": "DE", "198.51.100.0/24": "AT", "203.0.113.0/24": "FR", "2001:db8::/32": "US"}, "refuse": ["FR"], "forwarded": 1},
        [
            *(get(headers={"x-forwarded-for": f"10.0.0.1, {address}"}, upstream={"x-country": country}) for address, country in (
                ("198.51.100.7", "AT"), ("198.51.99.7", "DE"), ("198.51.101.1", "DE"), ("2001:db8::1", "US"), ("192.0.2.1", "ZZ"), ("nonsense", "ZZ"),
            )),
            get(headers={"x-forwarded-for": "203.0.113.9"}, status=451),
        ],
    ),
    "policy": Case(
        {
            "rules": [
                {"effect": "allow", "methods": ["GET"], "paths": ["/public/*"]},
                {"effect": "allow", "paths": ["/users/{user}/*"], "where": {"user": "x-user"}},
                {"effect": "deny", "paths": ["/admin/*"], "without_roles": ["admin"]},
                {"effect": "allow", "roles": ["admin"]},
            ]
        },
        [
            get("/public/a"),
            post("/public/a", b"", {}, 403),
            get("/users/ann/orders", {"x-user": "ann"}),
            get("/users/bob/orders", {"x-user": "ann"}, 403),
            get("/admin/x", {"x-roles": "user"}, 403),
            get("/admin/x", {"x-roles": "user, admin"}),
        ],
    ),
    "json_access_log": Case({"headers": {"user": "x-user"}, "fields": {"path": "request.path", "status": "response.code"}}, [get("/a?b", {"x-user": "ann"}), get("/b")]),
}  # fmt: skip

#: Network filters: configuration, and connections as (chunks, whether they pass).
CONNECTIONS = {
    "sniff_protocol": (
        {"allow": ["http", "tls"]},
        [([b"GET / HTTP/1.1\r\n"], True), ([b"GE", b"T / HTTP/1.1\r\n"], True), ([b"\x16\x03\x01"], True), ([b"SSH-2.0-x\r\n"], False), ([b"hello\r\n"], False)],
    ),
}  # fmt: skip


def tcp_echo(data):
    """Respond to the bytes of a connection."""
    return TcpReply(b"seen " + data) if data else TcpReply(close=True)
