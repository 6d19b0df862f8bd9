"""The foreign functions `verify_signature` and `sign`.

Facts (Envoy 1.40): a key comes as DER or as PEM; none or both is BadArgument. Everything else that is wrong is told in the
result, whose first field says whether it worked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...abi import Status
from ...formats import protobuf
from .crypto import Invalid, der_of, private_key, public_key

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["sign", "verify"]

#: Field of the key, if it is DER.
_DER = 2

_HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")


def verify(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Check a signature: fields hash, DER key, signature, text, PEM key; gives worked or why not."""

    def work(found: dict[int, bytes], name: str, key: bytes) -> bytes:
        if not public_key(key).verify(name, found.get(4, b""), found.get(3, b"")):
            raise Invalid("Failed to verify digest. Error code: 0")
        return protobuf.field(1, 1)

    return _answer(data, work, pem=5, why=2)


def sign(_context: Context, data: bytes) -> tuple[int, bytes]:
    """Make a signature: fields hash, DER key, text, PEM key; gives worked, the signature, or why not."""

    def work(found: dict[int, bytes], name: str, key: bytes) -> bytes:
        return protobuf.field(1, 1) + protobuf.field(2, private_key(key).sign(name, found.get(3, b"")))

    return _answer(data, work, pem=4, why=3)


def _arguments(data: bytes, pem: int) -> dict[int, bytes] | None:
    """The fields of the message, or None unless exactly one key is there."""
    try:
        last = {number: values[-1] for number, values in protobuf.read(data).items()}
    except protobuf.ParseError:
        return None
    found = {number: value for number, value in last.items() if isinstance(value, bytes)}
    return found if bool(found.get(_DER)) != bool(found.get(pem)) else None


def _hash_name(found: dict[int, bytes]) -> str:
    name = found.get(1, b"").decode("utf-8", "replace").lower()
    if name not in _HASHES:
        raise Invalid(f"{name} is not supported.")
    return name


def _answer(
    data: bytes, work: Callable[[dict[int, bytes], str, bytes], bytes], *, pem: int, why: int
) -> tuple[int, bytes]:
    """Have the fields, the hash's name and the key worked on; what is wrong with them is told in the field `why`."""
    found = _arguments(data, pem)
    if found is None:
        return Status.BAD_ARGUMENT, b""
    try:
        return Status.OK, work(found, _hash_name(found), der_of(found.get(_DER, b""), found.get(pem, b"")))
    except Invalid as error:
        return Status.OK, protobuf.field(why, str(error).encode())
    except (ValueError, IndexError) as error:
        return Status.OK, protobuf.field(why, f"the key cannot be read: {error}".encode())
