"""Verified tokens: every algorithm, keys in every form, forged and malformed tokens, in Python and in a filter."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from tests.sdk.jwt_tokens import EC_KEY, ED_KEY, RSA_KEY, b64, jwks, signature, token

from wasmnb.compiler import Filter
from wasmnb.host import Proxy
from wasmnb.sdk.jwt import Key, KeySet, TokenError, bearer_token
from wasmnb.sdk.jwt.curves import verify_ed25519, verify_p256

KEYS = KeySet.from_json(json.dumps(jwks()))


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r"), ("RS512", None), ("RS384", "r"), ("ES256", "e"), ("EdDSA", "o"), ("Ed25519", None), ("HS256", "h")])
def test_valid_token_returns_its_claims(algorithm, kid):
    assert KEYS.verify(token(algorithm, kid))["sub"] == "ann"
    assert KEYS.skipped == ("a key of type EC P-384 is not supported. Use RSA, EC with P-256, OKP with Ed25519, or oct.",)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "HS256"])
def test_changed_token_is_refused(algorithm):
    head, payload, sign = token(algorithm).split(".")
    other = b64(json.dumps({"sub": "root", "exp": time.time() + 9}).encode())
    data = base64.urlsafe_b64decode(sign + "==")
    flipped = bytes([data[0] ^ 1]) + data[1:]
    for forged in (f"{head}.{other}.{sign}", f"{head}.{payload}.{b64(flipped)}", f"{head}.{payload}.", f"{head}.{payload}.{b64(data[:-1])}", f"{head}.{payload}.{b64(bytes(len(data)))}"):
        with pytest.raises(TokenError, match="signature is wrong"):
            KEYS.verify(forged)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1 parts"), ("a.b", "2 parts"), ("?.b.c", "header is not base64url"), ("a.b.c", "header is not base64url"),
        (f"{b64(b'[]')}.e30.AA", "not a JSON object"), (f"{b64(b'{')}.e30.AA", "not JSON"),
        (f"{b64(b'[' * 9000)}.e30.AA", "not JSON"), ("a" * 20000, "more than 16384"),
        (f"{b64(json.dumps({'alg': 'none'}).encode())}.e30.", "algorithm 'none'"),
        (f"{b64(json.dumps({'alg': None}).encode())}.e30.", "algorithm None"),
        (f"{b64(json.dumps({'alg': ['HS256']}).encode())}.e30.", "algorithm"),
        (f"{b64(json.dumps({'alg': 'HS256', 'crit': ['b64']}).encode())}.e30.AA", "crit"),
        (token("HS256", "nobody"), "not in the set"),
        (token("HS256", "r"), "algorithm 'HS256'"),
        (token("RS256", "e"), "algorithm 'RS256'"),
    ],
)
def test_malformed_token_is_refused_with_its_cause(text, problem):
    with pytest.raises(TokenError, match=problem) as caught:
        KEYS.verify(text)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("claims", "options", "problem"),
    [
        ({"exp": time.time() - 5}, {}, "expired"), ({"exp": "soon"}, {}, "exp is not a number"), ({"exp": True}, {}, "exp is not"),
        ({"nbf": time.time() + 100_000}, {}, "not valid yet"), ({"iss": "x"}, {"issuer": "y"}, "another issuer"),
        ({}, {"issuer": "y"}, "another issuer"), ({"aud": ["a", "b"]}, {"audience": "c"}, "another audience"),
        ({}, {"audience": "c"}, "another audience"), ({"aud": 5}, {"audience": "c"}, "another audience"),
    ],
)
def test_claims_are_checked(claims, options, problem):
    with pytest.raises(TokenError, match=problem):
        KEYS.verify(token("HS256", **claims), **options)


def test_verify_accepts_leeway_and_lists_of_claims():
    text = token("HS256", exp=time.time() - 5, iss="i", aud=["a", "b"])
    assert KEYS.verify(text, leeway=30, issuer=["i", "j"], audience="b")["iss"] == "i"


@pytest.mark.parametrize("key", [RSA_KEY, EC_KEY, ED_KEY])
def test_key_in_pem_verifies_tokens(key):
    text = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[Key.from_pem(text).kind]
    assert KeySet([Key.from_pem(text, kid="k")]).verify(token(algorithm, "k"))["sub"] == "ann"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Key.from_secret("short"), "at least 32"),
        (lambda: Key.from_pem("-----BEGIN CERTIFICATE-----"), "Certificates"),
        (lambda: Key.from_pem("-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----"), "not a public key"),
        (lambda: KeySet.from_json("[]"), "JWKS"), (lambda: KeySet.from_json("{"), "Expecting"),
        (lambda: KeySet.from_json({"keys": []}), "no key"), (lambda: KeySet.from_json({"keys": [1, {}]}), "no key.*: "),
        (lambda: Key.from_jwk({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "17 bits"),
        (lambda: Key.from_jwk({"kty": "RSA", "e": "AQAB"}), "no member 'n'"),
        (lambda: Key.from_jwk({**jwks()["keys"][0], "alg": "HS256"}), "algorithm 'HS256' can't be used with a key of kind RSA: use RS256"),
    ],
)
def test_unusable_key_is_refused(make, problem):
    with pytest.raises(ValueError, match=problem):
        make()


@pytest.mark.parametrize(("header", "ok"), [("Bearer abc", True), ("bearer  abc ", True), ("Basic abc", False), ("Bearer", False), (None, False)])
def test_bearer_token_is_read_from_the_header(header, ok):
    if ok:
        assert bearer_token(header) == "abc"
    else:
        with pytest.raises(TokenError, match="no bearer token"):
            bearer_token(header)


def test_curves_agree_with_another_implementation():
    """Random signatures, right and wrong, on keys of the package `cryptography`."""
    import hashlib

    numbers = EC_KEY.public_key().public_numbers()
    raw = ED_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    for i in range(8):
        text = bytes([i]) * i * 7
        for name, verify in (
            ("ES256", lambda t, s: verify_p256(numbers.x, numbers.y, hashlib.sha256(t).digest(), s)),
            ("EdDSA", lambda t, s: verify_ed25519(raw, t, s)),
        ):
            good = signature(name, text)
            assert verify(text, good)
            assert not verify(text + b"x", good)
            assert not verify(text, good[:32] + bytes(32))
            assert not verify(text, bytes(32) + good[32:])
            assert not verify(text, b"\xff" * 64)
    with pytest.raises(ValueError, match="not a point on the curve P-256"):
        verify_p256(numbers.x, numbers.y + 1, bytes(32), bytes(64))
    assert not verify_ed25519(b"\xff" * 32, b"", bytes(64))


def test_rfc_8032_vectors_are_verified():
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    sign = bytes.fromhex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")
    assert verify_ed25519(key, b"", sign)
    assert not verify_ed25519(key, b"x", sign)


SOURCE = """
from wasmnb.sdk.jwt import KeySet, TokenError, bearer_token

class Plugin(PluginContext):
    def on_plugin_start(self, size):
        self.keys = KeySet.from_json(self.configuration)

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            claims = self.plugin.keys.verify(bearer_token(self.request_headers.get("authorization")))
        except TokenError as error:
            return self.send_local_response(401, str(error))
        self.request_headers["x-user"] = claims["sub"]
"""

#: Instructions of the first verification at most: some percent more than measured.
BUDGET = {"HS256": 390_000, "RS256": 630_000, "ES256": 580_000, "EdDSA": 66_400_000}


@pytest.fixture(scope="module")
def module():
    return Filter.from_source(SOURCE)


@pytest.mark.parametrize("algorithm", BUDGET)
@pytest.mark.slow
@pytest.mark.full  # a release module unpacks code at its first verification
def test_filter_verifies_tokens_within_its_budget(module, algorithm):
    with Proxy(module, config=jwks(), fuel=True, workers=1) as proxy:
        proxy.get("/")
        exchange = proxy.get("/", {"authorization": f"Bearer {token(algorithm)}"})
        assert exchange.upstream_request.headers["x-user"] == "ann"
        assert exchange.fuel["on_http_request_headers"] < BUDGET[algorithm]
        refused = proxy.get("/", {"authorization": f"Bearer {token(algorithm)[:-3]}AAA"})
        assert (refused.response.status, refused.response.body) == (401, b"the token's signature is wrong")
