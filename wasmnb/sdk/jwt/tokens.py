"""Parsing of tokens, and checks of their claims, according to RFC 7515 and RFC 7519."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ...abi.text import encode_text

__all__ = ["Token", "TokenError", "bearer_token", "check_claims", "decode_base64", "parse_token"]

#: Maximum length of a token in characters. Longer tokens are rejected before they are parsed.
_LONGEST = 16384

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class TokenError(ValueError):
    """A token isn't valid. The message contains the reason, but never the token."""


class Token(NamedTuple):
    """A parsed token whose signature hasn't been verified yet.

    Attributes
    ----------
    header
        The token's header. Its item `alg` is the algorithm, and `kid` the id of the key.
    payload
        The claims as JSON bytes.
    signed
        Bytes of the token that are signed.
    signature
        The signature.
    """

    header: dict[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes


def bearer_token(authorization: str | None) -> str:
    """Return the bearer token from the value of an `authorization` header.

    Raises
    ------
    TokenError
        The header is missing, contains no token, or its scheme is not Bearer.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenError("the authorization header has no bearer token")
    return token.strip()


def decode_base64(text: str, name: str) -> bytes:
    """Decode base64url text without padding. Raises TokenError, whose message begins with `name`, if the text is invalid."""
    if not _ALPHABET.issuperset(text) or len(text) % 4 == 1:
        raise TokenError(f"{name} is not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parse_token(token: str) -> Token:
    """Split a token into header, payload and signature, and decode them. Doesn't verify the signature.

    Raises
    ------
    TokenError
        The text is not a signed token.
    """
    if len(token) > _LONGEST:
        raise TokenError(f"the token has more than {_LONGEST} characters")
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError(f"the token has {len(parts)} parts instead of 3")
    header = _json_object(decode_base64(parts[0], "the token's header"), "the token's header")
    if "crit" in header:
        raise TokenError("the token's header requires extensions (`crit`), which are not supported")
    payload = decode_base64(parts[1], "the token's payload")
    signature = decode_base64(parts[2], "the token's signature")
    return Token(header, payload, encode_text(f"{parts[0]}.{parts[1]}"), signature)


def _json_object(data: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise TokenError(f"{name} is not JSON") from None
    if not isinstance(value, dict):
        raise TokenError(f"{name} is not a JSON object")
    return value


def check_claims(
    payload: bytes, audience: str | Iterable[str] | None, issuer: str | Iterable[str] | None, leeway: float
) -> dict[str, Any]:
    """Check a token's times, issuer and audience, and return its claims.

    Parameters
    ----------
    payload
        The claims as JSON bytes.
    audience, issuer
        Accepted value or values of `aud` and `iss`, or None for any value.
    leeway
        Tolerance for `exp` and `nbf`, in seconds.
    """
    claims = _json_object(payload, "the token's payload")
    now = time.time()
    if _seconds(claims, "exp", now + 1) <= now - leeway:
        raise TokenError("the token has expired")
    if _seconds(claims, "nbf", now) > now + leeway:
        raise TokenError("the token is not valid yet")
    if issuer is not None and claims.get("iss") not in _names(issuer):
        raise TokenError("the token has another issuer")
    if audience is not None and not _names(audience) & _names(claims.get("aud") or ()):
        raise TokenError("the token is for another audience")
    return claims


def _seconds(claims: Mapping[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenError(f"the token's {name} is not a number")
    return value


def _names(names: Any) -> set[str]:
    if isinstance(names, str):
        return {names}
    return (
        {name for name in names if isinstance(name, str)}
        if isinstance(names, list | tuple | set | frozenset)
        else set()
    )
