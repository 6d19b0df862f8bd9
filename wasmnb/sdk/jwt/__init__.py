"""Verification of JSON Web Tokens: RS256, RS384, RS512, ES256, HS256, HS384, HS512 and Ed25519 (EdDSA), with keys as JWKS.

    from wasmnb.sdk.jwt import KeySet, TokenError

    keys = KeySet.from_json(text)          # a JWKS document
    claims = keys.verify(token, audience="orders", issuer="https://login.example")

Only filters that import this module have it in their runtime. It can't sign tokens, and requests for a
JWKS document are made with `wasmnb.sdk.callouts`.
"""

from .keys import Key, KeySet
from .tokens import TokenError, bearer_token

__all__ = ["Key", "KeySet", "TokenError", "bearer_token"]
