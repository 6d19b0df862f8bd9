"""ECDSA on the NIST curves P-256 and P-384 (FIPS 186-5), with the nonces of RFC 6979."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from .der import Invalid, integer, integers, sequence_of

__all__ = ["P256", "P384", "Curve", "EcPrivateKey", "EcPublicKey"]

Point = tuple[int, int]


@dataclass(frozen=True)
class Curve:
    """y^2 = x^3 - 3x + b over p, with generator g of order n."""

    size: int
    p: int
    b: int
    n: int
    g: Point

    def add(self, one: Point | None, two: Point | None) -> Point | None:
        """The sum of two points; None is the one at infinity."""
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, self.p) if one == two else (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def times(self, k: int, point: Point | None) -> Point | None:
        """A multiple of a point."""
        result: Point | None = None
        while k:
            if k & 1:
                result = self.add(result, point)
            point = self.add(point, point)
            k >>= 1
        return result


def _hex(text: str) -> int:
    return int(text.replace(" ", ""), 16)


P256 = Curve(
    32,
    _hex("ffffffff 00000001 00000000 00000000 00000000 ffffffff ffffffff ffffffff"),
    _hex("5ac635d8 aa3a93e7 b3ebbd55 769886bc 651d06b0 cc53b0f6 3bce3c3e 27d2604b"),
    _hex("ffffffff 00000000 ffffffff ffffffff bce6faad a7179e84 f3b9cac2 fc632551"),
    (
        _hex("6b17d1f2 e12c4247 f8bce6e5 63a440f2 77037d81 2deb33a0 f4a13945 d898c296"),
        _hex("4fe342e2 fe1a7f9b 8ee7eb4a 7c0f9e16 2bce3357 6b315ece cbb64068 37bf51f5"),
    ),
)
P384 = Curve(
    48,
    _hex("ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff fffffffe ffffffff 00000000 00000000 ffffffff"),
    _hex("b3312fa7 e23ee7e4 988e056b e3f82d19 181d9c6e fe814112 0314088f 5013875a c656398d 8a2ed19d 2a85c8ed d3ec2aef"),
    _hex("ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff c7634d81 f4372ddf 581a0db2 48b0a77a ecec196a ccc52973"),
    (
        _hex(
            "aa87ca22 be8b0537 8eb1c71e f320ad74 6e1d3b62 8ba79b98 59f741e0 82542a38 5502f25d bf55296c 3a545e38 72760ab7"
        ),
        _hex(
            "3617de4a 96262c6f 5d9e98bf 9292dc29 f8f41dbd 289a147c e9da3113 b5f0b8c0 0a60b1ce 1d7e819d 7a431d7c 90ea0e5f"
        ),
    ),
)


@dataclass(frozen=True)
class EcPublicKey:
    """A point on its curve."""

    curve: Curve
    point: Point

    def verify(self, hash_name: str, text: bytes, signature: bytes) -> bool:
        """Whether the signature is of this text."""
        curve = self.curve
        r, s = (*integers(signature), 0, 0)[:2]
        if not (0 < r < curve.n and 0 < s < curve.n):
            return False
        number = _digest_number(curve, hashlib.new(hash_name, text).digest())
        inverse = pow(s, -1, curve.n)
        made = curve.times(number * inverse % curve.n, curve.g)
        found = curve.add(made, curve.times(r * inverse % curve.n, self.point))
        return found is not None and found[0] % curve.n == r


@dataclass(frozen=True)
class EcPrivateKey:
    """A secret number."""

    curve: Curve
    d: int

    def sign(self, hash_name: str, text: bytes) -> bytes:
        """The signature of a text, the same each time."""
        curve, digest = self.curve, hashlib.new(hash_name, text).digest()
        if not 0 < self.d < curve.n:
            raise Invalid("no private key of this curve")
        number = _digest_number(curve, digest)
        for k in _nonces(curve, self.d, hash_name, digest):
            point = curve.times(k, curve.g) if 0 < k < curve.n else None
            r = point[0] % curve.n if point else 0
            s = pow(k, -1, curve.n) * (number + r * self.d) % curve.n if r else 0
            if s:
                return sequence_of(integer(r), integer(s))
        raise Invalid("no nonce")  # the candidates never end


def _digest_number(curve: Curve, digest: bytes) -> int:
    number = int.from_bytes(digest, "big")
    return number >> max(0, 8 * len(digest) - curve.n.bit_length())


def _nonces(curve: Curve, d: int, name: str, digest: bytes) -> Iterator[int]:
    """Candidates for k, made from key and digest (RFC 6979, section 3.2)."""
    size = (curve.n.bit_length() + 7) // 8
    seed = d.to_bytes(size, "big") + (_digest_number(curve, digest) % curve.n).to_bytes(size, "big")
    k, v = bytes(len(digest)), b"\1" * len(digest)

    def mac(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, name).digest()

    for mark in (b"\0", b"\1"):
        k = mac(k, v + mark + seed)
        v = mac(k, v)
    while True:
        made = b""
        while len(made) < size:
            v = mac(k, v)
            made += v
        yield _digest_number(curve, made[:size])
        k = mac(k, v + b"\0")
        v = mac(k, v)
