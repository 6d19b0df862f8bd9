"""RSA signatures, PKCS #1 v1.5 (RFC 8017, section 8.2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from .der import Invalid

__all__ = ["RsaPrivateKey", "RsaPublicKey"]

#: DigestInfo in front of a digest (RFC 8017, section 9.2).
_DIGEST_INFO = {
    "sha1": "3021300906052b0e03021a05000414",
    "sha224": "302d300d06096086480165030402040500041c",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}

#: Bits of keys that are taken: larger ones, or larger exponents, would keep the host busy.
_MAX_BITS = 8192


@dataclass(frozen=True)
class RsaPublicKey:
    """Modulus and public exponent."""

    n: int
    e: int

    def verify(self, hash_name: str, text: bytes, signature: bytes) -> bool:
        """Whether the signature is of this text."""
        n, e = self.n, self.e
        size = (n.bit_length() + 7) // 8
        if n.bit_length() > _MAX_BITS or e.bit_length() > 64 or len(signature) != size or not n:
            return False
        return pow(int.from_bytes(signature, "big"), e, n) == _padded(hash_name, text, size)


@dataclass(frozen=True)
class RsaPrivateKey:
    """Modulus and private exponent."""

    n: int
    d: int

    def sign(self, hash_name: str, text: bytes) -> bytes:
        """The signature of a text."""
        if not self.d.bit_length() <= self.n.bit_length() <= _MAX_BITS or not self.n:
            raise Invalid("key too large")
        size = (self.n.bit_length() + 7) // 8
        return pow(_padded(hash_name, text, size), self.d, self.n).to_bytes(size, "big")


def _padded(hash_name: str, text: bytes, size: int) -> int:
    """The digest as a number of the key's size (RFC 8017, section 9.2)."""
    info = bytes.fromhex(_DIGEST_INFO[hash_name]) + hashlib.new(hash_name, text).digest()
    if size < len(info) + 11:
        raise Invalid("key too small")
    return int.from_bytes(b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info, "big")
