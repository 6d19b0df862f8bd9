"""The foreign functions `verify_signature` and `sign`: RSA (PKCS #1 v1.5) and ECDSA on the NIST curves P-256 and P-384.

Facts (Envoy 1.40): a key comes as DER or as PEM; none or both is BadArgument. Everything else that is wrong is told in the
result, whose first field says whether it worked. The arithmetic here is plain and takes no care of timing: it is for
filters under test, not for secrets.

References: RFC 8017 (RSA), FIPS 186-5 and RFC 6979 (ECDSA with a nonce made from key and digest), RFC 5280 and 5958 (keys).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..abi import Status
from . import protobuf

if TYPE_CHECKING:
    from .contexts import Context

__all__ = ["sign", "verify"]

_HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")

#: DigestInfo in front of a digest (RFC 8017, section 9.2).
_DIGEST_INFO = {
    "sha1": "3021300906052b0e03021a05000414",
    "sha224": "302d300d06096086480165030402040500041c",
    "sha256": "3031300d060960864801650304020105000420",
    "sha384": "3041300d060960864801650304020205000430",
    "sha512": "3051300d060960864801650304020305000440",
}

_RSA, _EC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")

#: Bits of RSA keys that are taken: larger ones would keep the host busy.
_MAX_BITS = 8192


class _Invalid(Exception):
    """A key or signature that is none; the message is for the result."""


# -- DER ------------------------------------------------------------------------------------------------------------


def _item(data: bytes, at: int = 0) -> tuple[int, bytes, int]:
    """Tag, content and end of one DER value."""
    if at + 2 > len(data):
        raise _Invalid("truncated DER")
    tag, size, at = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[at : at + count], "big"), at + count
    if at + size > len(data):
        raise _Invalid("truncated DER")
    return tag, data[at : at + size], at + size


def _sequence(data: bytes) -> list[tuple[int, bytes]]:
    """The parts of a DER sequence's content."""
    found, at = [], 0
    while at < len(data):
        tag, content, at = _item(data, at)
        found.append((tag, content))
    return found


def _integers(data: bytes) -> list[int]:
    """A DER sequence of integers."""
    return [int.from_bytes(content, "big") for tag, content in _sequence(_item(data)[1]) if tag == 2]


def _der_integer(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(raw))) + raw


def _der_of(data: bytes, pem: bytes) -> bytes:
    if data:
        return data
    lines = [line for line in pem.split() if b":" not in line]
    body = b"".join(line for line in pem.splitlines() if line and not line.startswith(b"-----"))
    if not lines or not pem.lstrip().startswith(b"-----BEGIN"):
        raise _Invalid("no PEM key")
    return base64.b64decode(body)


# -- keys -----------------------------------------------------------------------------------------------------------

Point = "tuple[int, int] | None"


@dataclass(frozen=True)
class _Curve:
    """y^2 = x^3 - 3x + b over p, with generator g of order n."""

    size: int
    p: int
    b: int
    n: int
    g: tuple[int, int]

    def add(self, one: tuple[int, int] | None, two: tuple[int, int] | None) -> tuple[int, int] | None:
        """The sum of two points; None is the one at infinity."""
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, self.p) if one == two else (y2 - y1) * pow(x2 - x1, -1, self.p)
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def times(self, k: int, point: tuple[int, int] | None) -> tuple[int, int] | None:
        """A multiple of a point."""
        result: tuple[int, int] | None = None
        while k:
            if k & 1:
                result = self.add(result, point)
            point = self.add(point, point)
            k >>= 1
        return result


def _hex(text: str) -> int:
    return int(text.replace(" ", ""), 16)


_P256 = _Curve(
    32,
    _hex("ffffffff 00000001 00000000 00000000 00000000 ffffffff ffffffff ffffffff"),
    _hex("5ac635d8 aa3a93e7 b3ebbd55 769886bc 651d06b0 cc53b0f6 3bce3c3e 27d2604b"),
    _hex("ffffffff 00000000 ffffffff ffffffff bce6faad a7179e84 f3b9cac2 fc632551"),
    (
        _hex("6b17d1f2 e12c4247 f8bce6e5 63a440f2 77037d81 2deb33a0 f4a13945 d898c296"),
        _hex("4fe342e2 fe1a7f9b 8ee7eb4a 7c0f9e16 2bce3357 6b315ece cbb64068 37bf51f5"),
    ),
)
_P384 = _Curve(
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
_CURVES = {bytes.fromhex("2a8648ce3d030107"): _P256, bytes.fromhex("2b81040022"): _P384}


def _curve(oid: bytes) -> _Curve:
    curve = _CURVES.get(oid)
    if curve is None:
        raise _Invalid("unknown curve")
    return curve


def _public(der: bytes) -> tuple[str, Any]:
    """A SubjectPublicKeyInfo: `rsa` with (n, e), or `ec` with (curve, point)."""
    parts = _sequence(_item(der)[1])
    if len(parts) < 2:
        raise _Invalid("no public key")
    algorithm = _sequence(parts[0][1])
    key = parts[1][1][1:]
    if algorithm and algorithm[0][1] == _RSA:
        n, e = _integers(key)[:2]
        return "rsa", (n, e)
    if algorithm and algorithm[0][1] == _EC:
        curve = _curve(algorithm[1][1])
        if len(key) != 1 + 2 * curve.size or key[0] != 4:
            raise _Invalid("no uncompressed point")
        x, y = int.from_bytes(key[1 : 1 + curve.size], "big"), int.from_bytes(key[1 + curve.size :], "big")
        if (y * y - x**3 + 3 * x - curve.b) % curve.p:
            raise _Invalid("point not on its curve")
        return "ec", (curve, (x, y))
    raise _Invalid("unknown kind of key")


def _private(der: bytes) -> tuple[str, Any]:
    """A PKCS #8 key, or an RSA or EC key of its own: `rsa` with (n, d), or `ec` with (curve, d)."""
    parts = _sequence(_item(der)[1])
    if len(parts) >= 3 and parts[1][0] == 0x30:
        algorithm, inner = _sequence(parts[1][1]), parts[2][1]
        if algorithm[0][1] == _EC:
            return "ec", (_curve(algorithm[1][1]), int.from_bytes(_sequence(_item(inner)[1])[1][1], "big"))
        parts = _sequence(_item(inner)[1])
    numbers = [int.from_bytes(content, "big") for tag, content in parts if tag == 2]
    if len(numbers) >= 4:
        return "rsa", (numbers[1], numbers[3])
    named = next((content for tag, content in parts if tag == 0xA0), None)
    if named is not None and len(parts) >= 2:
        return "ec", (_curve(_item(named)[1]), int.from_bytes(parts[1][1], "big"))
    raise _Invalid("unknown kind of key")


# -- RSA ------------------------------------------------------------------------------------------------------------


def _padded(name: str, text: bytes, size: int) -> int:
    info = bytes.fromhex(_DIGEST_INFO[name]) + hashlib.new(name, text).digest()
    if size < len(info) + 11:
        raise _Invalid("key too small")
    return int.from_bytes(b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info, "big")


def _rsa_verify(key: tuple[int, int], name: str, text: bytes, signature: bytes) -> bool:
    n, e = key
    size = (n.bit_length() + 7) // 8
    if n.bit_length() > _MAX_BITS or e.bit_length() > 64 or len(signature) != size or not n:
        return False
    return pow(int.from_bytes(signature, "big"), e, n) == _padded(name, text, size)


def _rsa_sign(key: tuple[int, int], name: str, text: bytes) -> bytes:
    n, d = key
    if not 0 < n.bit_length() <= _MAX_BITS:
        raise _Invalid("key too large")
    size = (n.bit_length() + 7) // 8
    return pow(_padded(name, text, size), d, n).to_bytes(size, "big")


# -- ECDSA ----------------------------------------------------------------------------------------------------------


def _digest_number(curve: _Curve, digest: bytes) -> int:
    number = int.from_bytes(digest, "big")
    return number >> max(0, 8 * len(digest) - curve.n.bit_length())


def _ec_verify(key: tuple[_Curve, tuple[int, int]], name: str, text: bytes, signature: bytes) -> bool:
    curve, point = key
    r, s = (*_integers(signature), 0, 0)[:2]
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    number = _digest_number(curve, hashlib.new(name, text).digest())
    inverse = pow(s, -1, curve.n)
    found = curve.add(curve.times(number * inverse % curve.n, curve.g), curve.times(r * inverse % curve.n, point))
    return found is not None and found[0] % curve.n == r


def _nonces(curve: _Curve, d: int, name: str, digest: bytes) -> Any:
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


def _ec_sign(key: tuple[_Curve, int], name: str, text: bytes) -> bytes:
    curve, d = key
    digest = hashlib.new(name, text).digest()
    for k in _nonces(curve, d, name, digest):
        point = curve.times(k, curve.g) if 0 < k < curve.n else None
        r = point[0] % curve.n if point else 0
        s = pow(k, -1, curve.n) * (_digest_number(curve, digest) + r * d) % curve.n if r else 0
        if s:
            body = _der_integer(r) + _der_integer(s)
            return bytes((0x30, len(body))) + body
    raise _Invalid("no nonce")  # the candidates never end


# -- hostcalls ------------------------------------------------------------------------------------------------------


def _arguments(data: bytes, der: int, pem: int) -> dict[int, bytes] | None:
    """The fields of the message, or None unless exactly one key is there."""
    try:
        fields = {n: v[-1] for n, v in protobuf.read(data).items() if isinstance(v[-1], bytes)}
    except protobuf.ParseError:
        return None
    found: dict[int, bytes] = {n: v for n, v in fields.items() if isinstance(v, bytes)}
    return found if bool(found.get(der)) != bool(found.get(pem)) else None


def _hash_name(found: dict[int, bytes]) -> str:
    name = found.get(1, b"").decode("utf-8", "replace").lower()
    if name not in _HASHES:
        raise _Invalid(f"{name} is not supported.")
    return name


def _answer(work: Callable[[], bytes], error_field: int) -> tuple[int, bytes]:
    try:
        return Status.OK, work()
    except _Invalid as error:
        return Status.OK, protobuf.field(error_field, str(error).encode())
    except (ValueError, IndexError) as error:
        return Status.OK, protobuf.field(error_field, f"the key cannot be read: {error}".encode())


def verify(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Check a signature."""
    found = _arguments(data, der=2, pem=5)
    if found is None:
        return Status.BAD_ARGUMENT, b""

    def work() -> bytes:
        name = _hash_name(found)
        kind, key = _public(_der_of(found.get(2, b""), found.get(5, b"")))
        check = _rsa_verify if kind == "rsa" else _ec_verify
        if not check(key, name, found.get(4, b""), found.get(3, b"")):
            raise _Invalid("Failed to verify digest. Error code: 0")
        return protobuf.field(1, 1)

    return _answer(work, 2)


def sign(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Make a signature."""
    found = _arguments(data, der=2, pem=4)
    if found is None:
        return Status.BAD_ARGUMENT, b""

    def work() -> bytes:
        name = _hash_name(found)
        kind, key = _private(_der_of(found.get(2, b""), found.get(4, b"")))
        make = _rsa_sign if kind == "rsa" else _ec_sign
        return protobuf.field(1, 1) + protobuf.field(2, make(key, name, found.get(3, b"")))

    return _answer(work, 3)
