"""The foreign functions `verify_signature` and `sign`.

In Envoy 1.40, the key must be passed either as DER or as PEM; otherwise the status is BadArgument. All other errors are
reported in the result, whose first field is the success of the call. The name of the hash is checked before the key. Keys are
RSA or ECDSA on P-224, P-256, P-384 and P-521. A private key in DER must be PKCS #8. Bytes after the DER are ignored.

The first call imports the package `cryptography`. There are two differences from Envoy. ECDSA signatures are deterministic (RFC
6979), so that a simulation can be repeated. Keys of more than `_MAX_KEY` bytes are rejected, because checking them would block
the host for seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import Status
from ...abi.protobuf_wire import write_field
from ...abi.text import encode_text
from ...parsing import protobuf

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

    from ..contexts.base import Context

__all__ = ["sign", "verify"]

_HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")
_CURVES = ("secp224r1", "secp256r1", "secp384r1", "secp521r1")

#: Maximum size of a key in bytes. An RSA key of 4096 bits has about 2400 bytes in PKCS #8.
_MAX_KEY = 2600

_NO_PUBLIC_KEY = "Failed to initialize digest verify."
_WRONG_SIGNATURE = "Failed to verify digest. Error code: 0"
_NO_PRIVATE_KEY = "Invalid key type: private key required for signing operation."
_OTHER_PRIVATE_KEY = "Invalid private key: key data is corrupted or malformed."
_NOT_SIGNED = "Failed to create signature."


class _CallRefused(Exception):
    """Error for a call that fails and returns the error's message in its result."""


@dataclass(frozen=True)
class _Request:
    """Arguments of a call to `verify_signature` or `sign`."""

    hash_name: str
    der: bytes
    pem: bytes
    text: bytes
    signature: bytes = b""


def verify(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Verify a signature, as the foreign function `verify_signature`.

    Parameters
    ----------
    data
        A message with the fields 1 hash, 2 DER key, 3 signature, 4 text, 5 PEM key.

    Returns
    -------
    tuple[int, bytes]
        The status, and a message with the fields 1 valid, 2 error.
    """
    fields = _fields(data)
    if fields is None or bool(fields.get(2)) == bool(fields.get(5)):
        return Status.BAD_ARGUMENT, b""
    try:
        _verify(
            _Request(_hash_name(fields), fields.get(2, b""), fields.get(5, b""), fields.get(4, b""), fields.get(3, b""))
        )
    except _CallRefused as error:
        return Status.OK, write_field(2, encode_text(str(error)))
    return Status.OK, write_field(1, 1)


def sign(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Sign a text, as the foreign function `sign`.

    Parameters
    ----------
    data
        A message with the fields 1 hash, 2 DER key, 3 text, 4 PEM key.

    Returns
    -------
    tuple[int, bytes]
        The status, and a message with the fields 1 signed, 2 signature, 3 error.
    """
    fields = _fields(data)
    if fields is None or bool(fields.get(2)) == bool(fields.get(4)):
        return Status.BAD_ARGUMENT, b""
    try:
        signature = _sign(_Request(_hash_name(fields), fields.get(2, b""), fields.get(4, b""), fields.get(3, b"")))
    except _CallRefused as error:
        return Status.OK, write_field(3, encode_text(str(error)))
    return Status.OK, write_field(1, 1) + write_field(2, signature)


def _fields(data: bytes) -> dict[int, bytes] | None:
    """Return the fields of a message that contain bytes, or None if the message can't be parsed."""
    try:
        last = {number: values[-1] for number, values in protobuf.read(data).items()}
    except protobuf.ParseError:
        return None
    return {number: value for number, value in last.items() if isinstance(value, bytes)}


def _hash_name(fields: dict[int, bytes]) -> str:
    name = fields.get(1, b"").decode("utf-8", "replace").lower()
    if name not in _HASHES:
        raise _CallRefused(f"{name} is not supported.")
    return name


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    algorithm: HashAlgorithm = getattr(hashes, name.upper())()
    return algorithm


def _without_tail(der: bytes) -> bytes:
    """Return the first DER value, without any bytes after it."""
    if len(der) < 2 or der[1] < 0x80:
        return der[: 2 + der[1]] if len(der) > 1 else der
    start = 2 + (der[1] & 0x7F)
    return der[: start + int.from_bytes(der[2:start], "big")]


def _verify(request: _Request) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, algorithm = _public_key(request), _hash(request.hash_name)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(request.signature, request.text, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
            key.verify(request.signature, request.text, ec.ECDSA(algorithm))
        else:
            raise _CallRefused(_NO_PUBLIC_KEY)
    except (InvalidSignature, ValueError):
        raise _CallRefused(_WRONG_SIGNATURE) from None


def _sign(request: _Request) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    key, algorithm = _private_key(request), _hash(request.hash_name)
    try:
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(request.text, padding.PKCS1v15(), algorithm)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            if key.curve.name not in _CURVES:
                raise _CallRefused(_NO_PRIVATE_KEY)
            return key.sign(request.text, ec.ECDSA(algorithm, deterministic_signing=True))
    except ValueError:  # the digest is longer than the key
        raise _CallRefused(_NOT_SIGNED) from None
    raise _CallRefused(_OTHER_PRIVATE_KEY)


def _public_key(request: _Request) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    if len(request.der or request.pem) > 2 * _MAX_KEY:
        raise _CallRefused(_NO_PUBLIC_KEY)
    try:
        if request.pem:
            return serialization.load_pem_public_key(request.pem)
        return serialization.load_der_public_key(_without_tail(request.der))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _CallRefused(_NO_PUBLIC_KEY) from None


def _private_key(request: _Request) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    if len(request.der) > _MAX_KEY or len(request.pem) > 2 * _MAX_KEY:
        raise _CallRefused(f"{_NO_PRIVATE_KEY} Keys above 4096 bits are not simulated.")
    try:
        if request.pem:
            return serialization.load_pem_private_key(request.pem, None)
        return serialization.load_der_private_key(_pkcs8(_without_tail(request.der)), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _CallRefused(_NO_PRIVATE_KEY) from None


def _pkcs8(der: bytes) -> bytes:
    """Return the key if it is in PKCS #8 format: an ASN.1 sequence that begins with version 0 and the algorithm identifier.

    Raises
    ------
    ValueError
        The key is in another format, such as PKCS #1 or SEC 1.
    """
    start = 2 + (der[1] & 0x7F if len(der) > 1 and der[1] & 0x80 else 0)
    if der[start : start + 4] != b"\x02\x01\x00\x30":
        raise ValueError("not PKCS #8")
    return der
