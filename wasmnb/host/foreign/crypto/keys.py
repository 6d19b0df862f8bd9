"""Keys from what a filter holds: PEM or DER, with or without the wrapping that names their kind (RFC 5280, 5958)."""

from __future__ import annotations

import base64

from .der import Invalid, integers, item, sequence
from .ecdsa import P256, P384, Curve, EcPrivateKey, EcPublicKey
from .rsa import RsaPrivateKey, RsaPublicKey

__all__ = ["der_of", "private_key", "public_key"]

#: Object identifiers of the kinds of keys, and of the curves.
_RSA, _EC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")
_CURVES = {bytes.fromhex("2a8648ce3d030107"): P256, bytes.fromhex("2b81040022"): P384}

_SEQUENCE, _INTEGER, _PARAMETERS = 0x30, 2, 0xA0


def der_of(data: bytes, pem: bytes) -> bytes:
    """The DER that is given, or else what stands in the PEM."""
    if data:
        return data
    lines = [line for line in pem.split() if b":" not in line]
    body = b"".join(line for line in pem.splitlines() if line and not line.startswith(b"-----"))
    if not lines or not pem.lstrip().startswith(b"-----BEGIN"):
        raise Invalid("no PEM key")
    return base64.b64decode(body)


def public_key(der: bytes) -> RsaPublicKey | EcPublicKey:
    """A key from its SubjectPublicKeyInfo."""
    parts = sequence(item(der)[1])
    if len(parts) < 2:
        raise Invalid("no public key")
    algorithm = sequence(parts[0][1])
    key = parts[1][1][1:]  # without the count of unused bits
    if algorithm and algorithm[0][1] == _RSA:
        n, e = integers(key)[:2]
        return RsaPublicKey(n, e)
    if algorithm and algorithm[0][1] == _EC:
        return _point(_curve(algorithm[1][1]), key)
    raise Invalid("unknown kind of key")


def private_key(der: bytes) -> RsaPrivateKey | EcPrivateKey:
    """A PKCS #8 key, or an RSA or EC key without that wrapping."""
    parts = sequence(item(der)[1])
    if len(parts) >= 3 and parts[1][0] == _SEQUENCE:
        algorithm, inner = sequence(parts[1][1]), parts[2][1]
        if algorithm[0][1] == _EC:
            return EcPrivateKey(_curve(algorithm[1][1]), int.from_bytes(sequence(item(inner)[1])[1][1], "big"))
        parts = sequence(item(inner)[1])
    numbers = [int.from_bytes(content, "big") for tag, content in parts if tag == _INTEGER]
    if len(numbers) >= 4:
        return RsaPrivateKey(numbers[1], numbers[3])
    named = next((content for tag, content in parts if tag == _PARAMETERS), None)
    if named is not None and len(parts) >= 2:
        return EcPrivateKey(_curve(item(named)[1]), int.from_bytes(parts[1][1], "big"))
    raise Invalid("unknown kind of key")


def _curve(oid: bytes) -> Curve:
    curve = _CURVES.get(oid)
    if curve is None:
        raise Invalid("unknown curve")
    return curve


def _point(curve: Curve, key: bytes) -> EcPublicKey:
    if len(key) != 1 + 2 * curve.size or key[0] != 4:
        raise Invalid("no uncompressed point")
    x, y = int.from_bytes(key[1 : 1 + curve.size], "big"), int.from_bytes(key[1 + curve.size :], "big")
    if (y * y - x**3 + 3 * x - curve.b) % curve.p:
        raise Invalid("point not on its curve")
    return EcPublicKey(curve, (x, y))
