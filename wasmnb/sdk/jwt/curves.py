"""Verification of elliptic-curve signatures in pure Python: ECDSA on P-256 (FIPS 186-5), and Ed25519 (RFC 8032).

Verification uses only public values, so its running time may depend on them. Points are in projective coordinates. The sum of
two multiples of points is computed with one chain of doublings.
"""

from __future__ import annotations

from hashlib import sha512

__all__ = ["verify_ed25519", "verify_p256"]

# -- P-256 ------------------------------------------------------------------------------------------------------------

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)

Point = tuple[int, int, int]

_INFINITY: Point = (1, 1, 0)


def _double(point: Point) -> Point:
    """Double a point of P-256 in Jacobian coordinates."""
    x, y, z = point
    if not z or not y:
        return _INFINITY
    zz = z * z % _P
    yy = y * y % _P
    s = 4 * x * yy % _P
    m = 3 * (x - zz) * (x + zz) % _P
    x3 = (m * m - 2 * s) % _P
    return x3, (m * (s - x3) - 8 * yy * yy) % _P, 2 * y * z % _P


def _add(a: Point, b: Point) -> Point:
    """Add two points of P-256 in Jacobian coordinates."""
    x1, y1, z1 = a
    x2, y2, z2 = b
    if not z1:
        return b
    if not z2:
        return a
    zz1, zz2 = z1 * z1 % _P, z2 * z2 % _P
    u1, u2 = x1 * zz2 % _P, x2 * zz1 % _P
    s1, s2 = y1 * z2 * zz2 % _P, y2 * z1 * zz1 % _P
    h, r = (u2 - u1) % _P, (s2 - s1) % _P
    if not h:
        return _INFINITY if r else _double(a)
    hh = h * h % _P
    hhh, v = h * hh % _P, u1 * hh % _P
    x3 = (r * r - hhh - 2 * v) % _P
    return x3, (r * (v - x3) - s1 * hhh) % _P, z1 * z2 * h % _P


def verify_p256(x: int, y: int, digest: bytes, signature: bytes) -> bool:
    """Return whether an ECDSA signature on P-256 is valid.

    Parameters
    ----------
    x, y
        Coordinates of the point that is the public key.
    digest
        Hash of the signed message.
    signature
        The numbers r and s, in 32 bytes each.

    Raises
    ------
    ValueError
        The public key isn't a point on the curve.
    """
    if not (0 <= x < _P and 0 <= y < _P) or (y * y - x * x * x + 3 * x - _B) % _P:
        raise ValueError("the public key is not a point on the curve P-256. Check x and y of the key.")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not (0 < r < _N and 0 < s < _N):
        return False
    w = pow(s, -1, _N)
    u1, u2 = int.from_bytes(digest[:32], "big") * w % _N, r * w % _N
    key: Point = (x, y, 1)
    sums = (_INFINITY, _G, key, _add(_G, key))
    total = _INFINITY
    for bit in range(255, -1, -1):
        total = _double(total)
        chosen = (u1 >> bit & 1) | (u2 >> bit & 1) << 1
        if chosen:
            total = _add(total, sums[chosen])
    if not total[2]:
        return False
    inverse = pow(total[2], -1, _P)
    return total[0] * inverse * inverse % _P % _N == r


# -- Ed25519 ----------------------------------------------------------------------------------------------------------

_Q = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _Q) % _Q
_ROOT_OF_MINUS_1 = pow(2, (_Q - 1) // 4, _Q)

#: A point in extended coordinates (X, Y, Z, T), where x = X/Z, y = Y/Z and xy = T/Z.
EdwardsPoint = tuple[int, int, int, int]

_NEUTRAL: EdwardsPoint = (0, 1, 1, 0)


def _decompress(data: bytes) -> EdwardsPoint | None:
    """Decode a point from 32 bytes. Returns None if they are invalid."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(data) != 32 or y >= _Q:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _Q) % _Q
    x = pow(square, (_Q + 3) // 8, _Q)
    if (x * x - square) % _Q:
        x = x * _ROOT_OF_MINUS_1 % _Q
    if (x * x - square) % _Q or (not x and sign):
        return None
    x = _Q - x if x & 1 != sign else x
    return x, y, 1, x * y % _Q


def _add_edwards(a: EdwardsPoint, b: EdwardsPoint) -> EdwardsPoint:
    p, q = (a[1] - a[0]) * (b[1] - b[0]) % _Q, (a[1] + a[0]) * (b[1] + b[0]) % _Q
    c, d = 2 * a[3] * b[3] * _D % _Q, 2 * a[2] * b[2] % _Q
    e, f, g, h = q - p, d - c, d + c, q + p
    return e * f % _Q, g * h % _Q, f * g % _Q, e * h % _Q


def _double_edwards(a: EdwardsPoint) -> EdwardsPoint:
    x, y, z, _ = a
    aa, bb = x * x % _Q, y * y % _Q
    h, e = aa + bb, aa + bb - (x + y) * (x + y)
    g = aa - bb
    f = 2 * z * z % _Q + g
    return e * f % _Q, g * h % _Q, f * g % _Q, e * h % _Q


_BASE_Y = 4 * pow(5, -1, _Q) % _Q


def verify_ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether an Ed25519 signature of a message is valid. `key` is the public key in 32 bytes."""
    base, point, commitment = _decompress(_BASE_Y.to_bytes(32, "little")), _decompress(key), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if base is None or point is None or commitment is None or len(signature) != 64 or s >= _L:
        return False
    h = int.from_bytes(sha512(signature[:32] + key + message).digest(), "little") % _L
    negative = (_Q - point[0], point[1], 1, _Q - point[3])
    sums = (_NEUTRAL, base, negative, _add_edwards(base, negative))
    total = _NEUTRAL
    for bit in range(252, -1, -1):
        total = _double_edwards(total)
        chosen = (s >> bit & 1) | (h >> bit & 1) << 1
        if chosen:
            total = _add_edwards(total, sums[chosen])
    # s B - h A = R
    return not (
        (total[0] * commitment[2] - commitment[0] * total[2]) % _Q
        or (total[1] * commitment[2] - commitment[1] * total[2]) % _Q
    )
