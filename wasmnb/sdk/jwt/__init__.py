"""Verification of JSON Web Tokens. Supports RS256, RS384, RS512, ES256, HS256, HS384, HS512, EdDSA (Ed25519) and JWKS::

    from wasmnb.sdk.jwt import KeySet, TokenError

    keys = KeySet.from_json(text)          # a JWKS document
    claims = keys.verify(token, audience="orders", issuer="https://login.example")

Only filters that import this package have it in their runtime. It can't sign tokens. To download a JWKS
document, use the HTTP calls in `wasmnb.sdk.callouts`.
"""

from .keys import Key, KeySet
from .tokens import TokenError, bearer_token

__all__ = ["Key", "KeySet", "TokenError", "bearer_token"]
