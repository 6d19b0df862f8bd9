"""Conversion of public keys and ECDSA signatures to and from DER, the format of the host's `verify_signature`."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

__all__ = ["point_of", "public_key_of", "read_pem", "rsa_key_of", "rsa_numbers", "signature_to_der"]

_INTEGER, _BITS, _SEQUENCE, _OID = 0x02, 0x03, 0x30, 0x06

#: Object identifiers of key types and curves.
RSA, EC, P256, ED25519 = (
    bytes.fromhex(text) for text in ("2a864886f70d010101", "2a8648ce3d0201", "2a8648ce3d030107", "2b6570")
)


def _item(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _integer(value: int) -> bytes:
    return _item(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def signature_to_der(signature: bytes) -> bytes:
    """Convert an ECDSA signature, which consists of r and s in 32 bytes each, to DER."""
    return _item(_SEQUENCE, b"".join(_integer(int.from_bytes(h, "big")) for h in (signature[:32], signature[32:])))


def point_of(x: int, y: int) -> bytes:
    """Encode a public key on P-256 as SubjectPublicKeyInfo in DER."""
    algorithm = _item(_SEQUENCE, _item(_OID, EC) + _item(_OID, P256))
    point = b"\0\4" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    return _item(_SEQUENCE, algorithm + _item(_BITS, point))


def rsa_key_of(modulus: int, exponent: int) -> bytes:
    """Encode an RSA public key as SubjectPublicKeyInfo in DER."""
    algorithm = _item(_SEQUENCE, _item(_OID, RSA) + b"\5\0")
    return _item(_SEQUENCE, algorithm + _item(_BITS, b"\0" + _item(_SEQUENCE, _integer(modulus) + _integer(exponent))))


# -- reading ----------------------------------------------------------------------------------------------------------


def read_pem(text: str) -> bytes:
    """Convert a public key in PEM to DER.

    Raises
    ------
    ValueError
        The text is not a `PUBLIC KEY` in PEM.
    """
    begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
    if begin not in text or end not in text:
        raise ValueError(
            f"the text is not a public key in PEM, which begins with {begin}. Certificates and private keys are not supported."
        )
    return b64decode("".join(text.split(begin)[1].split(end, maxsplit=1)[0].split()), validate=True)


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        tag, size, position = data[position], data[position + 1], position + 2
        if size >= 0x80:
            count = size & 0x7F
            size, position = int.from_bytes(data[position : position + count], "big"), position + count
        if position + size > len(data):
            raise ValueError("the public key ends too early. Check that the PEM text is complete.")
        yield tag, data[position : position + size]
        position += size


def public_key_of(der: bytes) -> tuple[bytes, bytes, bytes]:
    """Parse a public key in DER (SubjectPublicKeyInfo). Returns its type, its curve (empty for RSA), and its contents.

    Raises
    ------
    ValueError
        The DER is not a public key.
    """
    try:
        ((_, body),) = _items(der)
        (_, algorithm), (_, bits) = _items(body)
        kind, *parameters = [content for tag, content in _items(algorithm) if tag == _OID]
        return kind, parameters[0] if parameters else b"", bits[1:]
    except (IndexError, ValueError):
        raise ValueError("the key is not a public key in DER (SubjectPublicKeyInfo)") from None


def rsa_numbers(contents: bytes) -> tuple[int, int]:
    """Return modulus and exponent of an RSA key. `contents` is the third result of `public_key_of`."""
    ((_, body),) = _items(contents)
    (_, modulus), (_, exponent) = _items(body)
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
