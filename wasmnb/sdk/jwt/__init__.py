"""Verification of JSON Web Tokens. Supports RS256, RS384, RS512, ES256, HS256, HS384, HS512, EdDSA (Ed25519) and JWKS::

    from wasmnb.sdk.jwt import KeySet, TokenError

    keys = KeySet.from_json(text)          # a JWKS document
    claims = keys.verify(token, audience="orders", issuer="https://login.example")

Tokens can't be created or signed. To download a JWKS document, use `self.http_call`. Only filters that import this package have
it in their runtime.
"""

from .keys import Key, KeySet
from .tokens import TokenError, bearer_token

__all__ = ["Key", "KeySet", "TokenError", "bearer_token"]
