"""Keys and sets of keys (RFC 7517) that verify tokens.

Each key allows only the algorithms for its kind, so that a token can't choose a weaker one: a token with `alg: HS256` is never
verified with an RSA key as its secret, and `alg: none` is never accepted. If the host supports `verify_signature`, it verifies
RSA and ECDSA signatures.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ...abi.protobuf_wire import write_field
from ...abi.text import encode_text
from ..errors import HostcallError
from ..vm import current_vm
from .curves import verify_ed25519, verify_p256
from .der import EC, ED25519, P256, RSA, point_of, public_key_of, read_pem, rsa_key_of, rsa_numbers, signature_to_der
from .rsa import verify_pkcs1
from .tokens import Token, TokenError, check_claims, decode_base64, parse_token

__all__ = ["Key", "KeySet"]

#: Algorithm -> (kind of key, hash).
_ALGORITHMS = {
    **{f"HS{size}": ("oct", f"sha{size}") for size in (256, 384, 512)},
    **{f"RS{size}": ("RSA", f"sha{size}") for size in (256, 384, 512)},
    "ES256": ("EC", "sha256"),
    "EdDSA": ("OKP", ""),
    "Ed25519": ("OKP", ""),
}

#: Accepted sizes of RSA keys in bits. Smaller keys are not secure, and larger ones would block the worker.
_RSA_BITS = range(2048, 8193)

#: Minimum length of a secret, in bytes.
_SECRET = 32


class Key:
    """A key that verifies tokens. Create it with `from_secret`, `from_pem` or `from_jwk`.

    Parameters
    ----------
    kind
        Kind of the key as in a JWK: `RSA`, `EC`, `OKP` or `oct`.
    material
        Modulus and exponent (RSA), coordinates of the point (EC), bytes of the key (OKP), or the secret (oct).
    kid
        Id of the key (default None: no id).
    algorithm
        The only allowed algorithm (default None: all algorithms for this kind of key).

    Raises
    ------
    ValueError
        The algorithm can't be used with this kind of key.
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
        """Return an HMAC key with a shared secret.

        Parameters
        ----------
        secret
            The secret, at least 32 bytes long. Text is encoded as UTF-8.
        kid
            Id of the key (default None: no id).
        algorithm
            "HS256", "HS384" or "HS512" (default "HS256").

        Raises
        ------
        ValueError
            The secret is shorter than 32 bytes.
        """
        data = encode_text(secret) if isinstance(secret, str) else bytes(secret)
        if len(data) < _SECRET:
            raise ValueError(f"secret= has {len(data)} bytes, but an HMAC secret must have at least {_SECRET} bytes")
        return cls("oct", data, kid=kid, algorithm=algorithm)

    @classmethod
    def from_pem(cls, text: str, *, kid: str | None = None, algorithm: str | None = None) -> Key:
        """Return a key from a public RSA, P-256 or Ed25519 key in PEM.

        Parameters
        ----------
        text
            The key in PEM, including its BEGIN and END lines.
        kid
            Id of the key (default None: no id).
        algorithm
            The only allowed algorithm (default None: all algorithms for this kind of key).

        Raises
        ------
        ValueError
            The text is not a public RSA, P-256 or Ed25519 key in PEM.
        """
        kind, curve, contents = public_key_of(read_pem(text))
        if kind == RSA:
            return cls("RSA", _checked_rsa(*rsa_numbers(contents)), kid=kid, algorithm=algorithm)
        if (kind, curve, contents[:1]) == (EC, P256, b"\4"):
            point = int.from_bytes(contents[1:33], "big"), int.from_bytes(contents[33:65], "big")
            return cls("EC", point, kid=kid, algorithm=algorithm)
        if kind == ED25519:
            return cls("OKP", contents, kid=kid, algorithm=algorithm)
        raise ValueError("the key in PEM is of an unsupported kind. Use an RSA, P-256 or Ed25519 key.")

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Key:
        """Return a key from a JSON Web Key (JWK, RFC 7517).

        Parameters
        ----------
        jwk
            The JWK as a mapping, with `kty`, `kid`, `alg` and the members for its kind.

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
            raise ValueError(f"{name} is not supported. Use RSA, EC with P-256, OKP with Ed25519, or oct.")
        return cls(kind, material, kid=jwk.get("kid"), algorithm=jwk.get("alg"))

    def allows(self, algorithm: Any) -> bool:
        """Return whether tokens with the algorithm `algorithm`, such as "RS256", can be verified with this key."""
        kind, _ = _ALGORITHMS.get(algorithm, ("", "")) if isinstance(algorithm, str) else ("", "")
        return kind == self.kind and (self.algorithm is None or self.algorithm in (algorithm, _SAME.get(algorithm)))

    def verifies(self, token: Token) -> bool:
        """Return whether the signature of `token` is valid. Call `allows` with the token's algorithm first."""
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


#: Algorithm that has two names -> its other name.
_SAME = {"EdDSA": "Ed25519", "Ed25519": "EdDSA"}

#: Kind of key -> members of a JWK that contain the key.
_MEMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",), "oct": ("k",)}


def _bytes(jwk: Mapping[str, Any], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        if name == "y":
            return b""  # keys of other curves don't have this member
        raise ValueError(f"the JWK has no member {name!r}, which a key of its kind needs")
    return decode_base64(value.rstrip("="), f"the key's {name}")


def _checked_rsa(modulus: int, exponent: int) -> tuple[int, int]:
    if modulus.bit_length() not in _RSA_BITS:
        raise ValueError(
            f"the RSA key has {modulus.bit_length()} bits, but must have between {_RSA_BITS[0]} and {_RSA_BITS[-1]} bits"
        )
    if not 2 < exponent < 2**32 or not exponent & 1:
        raise ValueError("the RSA key's exponent must be an odd number above 2, of at most 32 bits")
    return modulus, exponent


def _host_verifies(hash_name: str, key: bytes, signature: bytes, text: bytes) -> bool | None:
    """Verify a signature with the host's function `verify_signature`. Returns None if the host doesn't support it."""
    fields = ((1, encode_text(hash_name)), (2, key), (3, signature), (4, text))
    try:
        result = current_vm().call(
            "call_foreign_function", b"verify_signature", b"".join(write_field(*f) for f in fields)
        )
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


class KeySet:
    """A set of keys. A token's signature is valid if one of the keys verifies it.

    Parameters
    ----------
    keys
        The keys.
    skipped
        Reasons why keys of a JWKS document were skipped, such as an unsupported curve (default none).

    Attributes
    ----------
    keys, skipped
        Values of the parameters, as tuples.
    """

    def __init__(self, keys: Iterable[Key], skipped: Iterable[str] = ()) -> None:
        self.keys = tuple(keys)
        self.skipped = tuple(skipped)

    @classmethod
    def from_json(cls, document: str | bytes | Mapping[str, Any]) -> KeySet:
        """Return a set with the keys of a JWKS document (RFC 7517). Keys for encryption are skipped.

        Parameters
        ----------
        document
            The document as text, as bytes, or as a mapping that has already been parsed.

        Raises
        ------
        ValueError
            The document is not a JWKS, or none of its keys can be used.
        """
        data = document if isinstance(document, Mapping) else json.loads(document)
        if not isinstance(data, Mapping) or not isinstance(data.get("keys"), list):
            raise ValueError('a JWKS document must be a JSON object with a list "keys"')  # noqa: TRY004 - a wrong value
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
            The token as text, without "Bearer".
        audience, issuer
            Accepted value or values of the claims `aud` and `iss` (default None: any value).
        leeway
            Tolerance for the times `exp` and `nbf`, in seconds (default 0).

        Returns
        -------
        dict[str, Any]
            The token's claims.

        Raises
        ------
        TokenError
            The token is not valid. The message contains the reason.
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
