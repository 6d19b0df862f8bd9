"""Verification of RSA signatures (PKCS #1 v1.5, RFC 8017) in pure Python.

A verification takes one exponentiation with a small exponent.
"""

from __future__ import annotations

__all__ = ["verify_pkcs1"]

#: Name of a hash -> DER bytes that precede the digest in a signature.
_PREFIXES = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


def verify_pkcs1(modulus: int, exponent: int, hash_name: str, digest: bytes, signature: bytes) -> bool:
    """Return whether an RSA signature of a digest is valid for the public key (`modulus`, `exponent`)."""
    size = (modulus.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= modulus:
        return False
    info = _PREFIXES[hash_name] + digest
    expected = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
    return pow(value, exponent, modulus).to_bytes(size, "big") == expected
