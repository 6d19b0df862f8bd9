"""Keys and sets of keys (RFC 7517), and the algorithms that each kind of key allows.

The key decides which algorithms are allowed, never the token alone: a token with `alg: HS256` must not be verified with
the text of an RSA key as its secret, and `none` is not an algorithm. RSA and ECDSA run in the host (`verify_signature`) if it
offers that.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...abi.text import encode_text
from ..errors import HostcallError
from ..vm import current_vm
from .curves import verify_ed25519, verify_p256
from .der import EC, ED25519, P256, RSA, point_of, public_key_of, read_pem, rsa_key_of, rsa_numbers, signature_to_der
from .rsa import verify_pkcs1
from .tokens import Token, TokenError, check_claims, decode_base64, parse_token

__all__ = ["Key", "KeySet"]

#: Algorithm -> kind of key and hash.
_ALGORITHMS = {
    **{f"HS{size}": ("oct", f"sha{size}") for size in (256, 384, 512)},
    **{f"RS{size}": ("RSA", f"sha{size}") for size in (256, 384, 512)},
    "ES256": ("EC", "sha256"),
    "EdDSA": ("OKP", ""),
    "Ed25519": ("OKP", ""),
}

#: Sizes of RSA keys in bits: smaller ones are broken, larger ones would block the worker.
_RSA_BITS = range(2048, 8193)

#: Shortest secret in bytes.
_SECRET = 32


class Key:
    """A key that verifies tokens. Create it with `from_secret`, `from_pem` or `from_jwk`.

    Parameters
    ----------
    kind
        `RSA`, `EC`, `OKP` or `oct`, as in a JWK.
    material
        Modulus and exponent (RSA), the point's coordinates (EC), the key's bytes (OKP), or the secret (oct).
    kid
        Id of the key (default None: no id).
    algorithm
        The only algorithm that the key verifies (default None: every algorithm for its kind).

    Raises
    ------
    ValueError
        The algorithm isn't for this kind of key.
    """

    def __init__(self, kind: str, material: Any, *, kid: str | None = None, algorithm: str | None = None) -> None:
        self.kind, self.kid, self.algorithm = kind, kid, algorithm
        self._material = material
        if algorithm is not None and _ALGORITHMS.get(algorithm, ("",))[0] != kind:
            raise ValueError(
                f"algorithm {algorithm!r} can't be used with a key of kind {kind}: use {', '.join(self._known())}"
            )

    def _known(self) -> list[str]:
        return [name for name, (kind, _) in _ALGORITHMS.items() if kind == self.kind]

    @classmethod
    def from_secret(cls, secret: str | bytes, *, kid: str | None = None, algorithm: str = "HS256") -> Key:
        """Return a key for HMAC from a shared secret.

        Parameters
        ----------
        secret
            At least 32 bytes; text is encoded as UTF-8.
        kid
            Id of the key (default None: no id).
        algorithm
            "HS256", "HS384" or "HS512" (default "HS256").

        Raises
        ------
        ValueError
            The secret is too short.
        """
        data = encode_text(secret) if isinstance(secret, str) else bytes(secret)
        if len(data) < _SECRET:
            raise ValueError(f"the secret has {len(data)} bytes; it must have at least {_SECRET}")
        return cls("oct", data, kid=kid, algorithm=algorithm)

    @classmethod
    def from_pem(cls, text: str, *, kid: str | None = None, algorithm: str | None = None) -> Key:
        """Return the key of a `PUBLIC KEY` in PEM: RSA, P-256 or Ed25519.

        Parameters
        ----------
        text
            The key in PEM, including the lines BEGIN and END.
        kid
            Id of the key (default None: no id).
        algorithm
            The only algorithm that the key verifies (default None: every algorithm for its kind).

        Raises
        ------
        ValueError
            The text isn't such a key.
        """
        kind, curve, contents = public_key_of(read_pem(text))
        if kind == RSA:
            return cls("RSA", _checked_rsa(*rsa_numbers(contents)), kid=kid, algorithm=algorithm)
        if (kind, curve, contents[:1]) == (EC, P256, b"\4"):
            point = int.from_bytes(contents[1:33], "big"), int.from_bytes(contents[33:65], "big")
            return cls("EC", point, kid=kid, algorithm=algorithm)
        if kind == ED25519:
            return cls("OKP", contents, kid=kid, algorithm=algorithm)
        raise ValueError("the key is not RSA, P-256 or Ed25519")

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Key:
        """Return the key of a JSON Web Key.

        Parameters
        ----------
        jwk
            The key as a mapping: `kty`, `kid`, `alg` and the members of its kind.

        Raises
        ------
        ValueError
            A member is missing or invalid, or the kind isn't supported.
        """
        kind = str(jwk.get("kty"))
        number = {name: _bytes(jwk, name) for name in _MEMBERS.get(kind, ())}
        if kind == "RSA":
            material: Any = _checked_rsa(*(int.from_bytes(number[n], "big") for n in ("n", "e")))
        elif kind == "EC" and jwk.get("crv") == "P-256":
            material = tuple(int.from_bytes(number[n], "big") for n in ("x", "y"))
        elif kind == "OKP" and jwk.get("crv") == "Ed25519":
            material = number["x"]
        elif kind == "oct":
            return cls.from_secret(number["k"], kid=jwk.get("kid"), algorithm=jwk.get("alg") or "HS256")
        else:
            name = f"a key of type {kind} {jwk.get('crv') or ''}".rstrip()
            raise ValueError(f"{name} is not supported; use RSA, EC with P-256, OKP with Ed25519, or oct")
        return cls(kind, material, kid=jwk.get("kid"), algorithm=jwk.get("alg"))

    def allows(self, algorithm: Any) -> bool:
        """Return whether the key verifies tokens with this algorithm."""
        kind, _ = _ALGORITHMS.get(algorithm, ("", "")) if isinstance(algorithm, str) else ("", "")
        return kind == self.kind and (self.algorithm is None or self.algorithm in (algorithm, _SAME.get(algorithm)))

    def verifies(self, token: Token) -> bool:
        """Return whether a token's signature is valid. The key must allow the token's algorithm."""
        _, hash_name = _ALGORITHMS[token.header["alg"]]
        if self.kind == "oct":
            return hmac.compare_digest(hmac.digest(self._material, token.signed, hash_name), token.signature)
        if self.kind == "OKP":
            return verify_ed25519(self._material, token.signed, token.signature)
        if self.kind == "EC":
            x, y = self._material
            return _verify_ec(x, y, token)
        modulus, exponent = self._material
        return _verify_rsa(modulus, exponent, hash_name, token)


#: Two names of one algorithm.
_SAME = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}

#: Kind of key -> members of a JWK that hold it.
_MEMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",), "oct": ("k",)}


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        if name == "y":
            return b""  # keys of other curves don't have it
        raise ValueError(f"the key has no member {name!r}")
    return decode_base64(value.rstrip("="), f"the key's {name}")


def _checked_rsa(modulus: int, exponent: int) -> tuple[int, int]:
    if modulus.bit_length() not in _RSA_BITS:
        raise ValueError(
            f"the RSA key has {modulus.bit_length()} bits; it must have between {_RSA_BITS[0]} and {_RSA_BITS[-1]}"
        )
    if not 2 < exponent < 2**32 or not exponent & 1:
        raise ValueError("the RSA key's exponent must be an odd number above 2, of at most 32 bits")
    return modulus, exponent


def _host_verifies(hash_name: str, key: bytes, signature: bytes, text: bytes) -> bool | None:
    """Return what the host's `verify_signature` says, or None if the host doesn't offer it."""
    fields = ((1, encode_text(hash_name)), (2, key), (3, signature), (4, text))
    try:
        result = current_vm().call("call_foreign_function", b"verify_signature", b"".join(_field(*f) for f in fields))
    except (HostcallError, RuntimeError):
        return None
    return bool(result[:2] == b"\x08\x01")


def _verify_ec(x: int, y: int, token: Token) -> bool:
    if len(token.signature) != 64:
        return False
    valid = _host_verifies("sha256", point_of(x, y), signature_to_der(token.signature), token.signed)
    if valid is None:
        return verify_p256(x, y, hashlib.sha256(token.signed).digest(), token.signature)
    return valid


def _verify_rsa(modulus: int, exponent: int, hash_name: str, token: Token) -> bool:
    valid = _host_verifies(hash_name, rsa_key_of(modulus, exponent), token.signature, token.signed)
    if valid is None:
        return verify_pkcs1(
            modulus, exponent, hash_name, hashlib.new(hash_name, token.signed).digest(), token.signature
        )
    return valid


def _field(number: int, data: bytes) -> bytes:
    """Encode one field of a message: bytes with their length."""
    size, length = len(data), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((number << 3 | 2, *length, size)) + data


class KeySet:
    """A set of keys. A token is valid if one of them verifies it.

    Parameters
    ----------
    keys
        The keys.
    skipped
        Reasons why keys of a JWKS document were left out, such as an unsupported curve (default none).

    Attributes
    ----------
    keys, skipped
        The parameters, as tuples.
    """

    def __init__(self, keys: Iterable[Key], skipped: Iterable[str] = ()) -> None:
        self.keys = tuple(keys)
        self.skipped = tuple(skipped)

    @classmethod
    def from_json(cls, document: str | bytes | Mapping[str, Any]) -> KeySet:
        """Return the keys of a JWKS document, except the keys for encryption.

        Parameters
        ----------
        document
            The document as text, bytes or a parsed mapping.

        Raises
        ------
        ValueError
            The document isn't a JWKS, or none of its keys can be used.
        """
        data = document if isinstance(document, Mapping) else json.loads(document)
        if not isinstance(data, Mapping) or not isinstance(data.get("keys"), list):
            raise ValueError('a JWKS document must be a JSON object with a list "keys"')  # noqa: TRY004 - it is about text
        keys, skipped = [], []
        for jwk in data["keys"]:
            try:
                if jwk.get("use", "sig") == "sig":
                    keys.append(Key.from_jwk(jwk))
            except (ValueError, TypeError, AttributeError) as error:
                skipped.append(str(error))
        if not keys:
            raise ValueError(f"no key of the JWKS document can be used{': ' if skipped else ''}{'; '.join(skipped)}")
        return cls(keys, skipped)

    def verify(
        self,
        token: str,
        *,
        audience: str | Iterable[str] | None = None,
        issuer: str | Iterable[str] | None = None,
        leeway: float = 0.0,
    ) -> dict[str, Any]:
        """Verify a token's signature, and then its claims `exp`, `nbf`, `iss` and `aud`.

        Parameters
        ----------
        token
            The token.
        audience, issuer
            Accepted value or values of `aud` and `iss`; the token must have one of them (default None: any).
        leeway
            Tolerance for the times `exp` and `nbf`, in seconds (default 0).

        Returns
        -------
        dict[str, Any]
            The claims.

        Raises
        ------
        TokenError
            The token isn't valid.
        """
        parsed = parse_token(token)
        candidates = self._candidates(parsed.header)
        if not any(key.verifies(parsed) for key in candidates):
            raise TokenError("the token's signature is wrong")
        return check_claims(parsed.payload, audience, issuer, leeway)

    def _candidates(self, header: Mapping[str, Any]) -> list[Key]:
        algorithm, kid = header.get("alg"), header.get("kid")
        known = [key for key in self.keys if kid is None or key.kid in (None, kid)]
        if not known:
            raise TokenError("the token names a key (kid) that is not in the set")
        candidates = [key for key in known if key.allows(algorithm)]
        if not candidates:
            raise TokenError(f"no key of the set verifies tokens with algorithm {algorithm!r:.40}")
        return candidates
