"""Wire formats: header maps, property paths and property values as bytes.

Facts (little endian, unaligned, no alignment padding):

* Pairs: u32 count; then for each pair u32 name length and u32 value length; then for each pair the name, a zero byte,
  the value, a zero byte. Lengths don't include the zero bytes. The total length and the zero bytes must be exact; Envoy reads
  anything else, more than 1 MiB, and more than 1024 pairs as zero pairs.
* An empty map is passed as pointer 0 and size 0, never as a four-byte zero count.
* Property paths are parts joined by NUL; one trailing NUL is tolerated.
* Property values: strings and bytes unchanged; integers, doubles, timestamps and durations in 8 bytes (the last two
  in nanoseconds); booleans in 1 byte; maps and lists as pairs.
"""

import struct
from collections.abc import Iterable, Sequence

from .text import encode_text

__all__ = [
    "MAX_PAIRS",
    "MAX_PAIRS_BYTES",
    "Pair",
    "decode_pairs",
    "decode_path",
    "encode_pairs",
    "encode_path",
]

#: A header: name and value, in bytes.
Pair = tuple[bytes, bytes]

#: Envoy reads a larger serialised map of the guest, in bytes, as empty.
MAX_PAIRS_BYTES = 1024 * 1024

#: Envoy reads a serialised map of the guest with more pairs as empty.
MAX_PAIRS = 1024


def encode_pairs(pairs: Sequence[Pair]) -> bytes:
    """Serialise a header map; an empty map becomes empty bytes, as Envoy passes it."""
    if not pairs:
        return b""
    parts = [struct.pack("<I", len(pairs))]
    parts.extend(struct.pack("<II", len(name), len(value)) for name, value in pairs)
    for name, value in pairs:
        parts += (name, b"\0", value, b"\0")
    return b"".join(parts)


def decode_pairs(data: bytes) -> list[Pair] | None:
    """Parse a serialised header map; return None if its layout is invalid (Envoy reads it as zero pairs)."""
    if not data:
        return []
    if len(data) < 4:
        return None
    (count,) = struct.unpack_from("<I", data)
    position = 4 + 8 * count
    if position > len(data):
        return None
    lengths = struct.unpack_from(f"<{2 * count}I", data, 4)
    pairs: list[Pair] = []
    for name_size, value_size in zip(lengths[::2], lengths[1::2], strict=True):
        value_at = position + name_size + 1
        end = value_at + value_size + 1
        if end > len(data) or data[value_at - 1] or data[end - 1]:
            return None
        pairs.append((data[position : value_at - 1], data[value_at : end - 1]))
        position = end
    return pairs if position == len(data) else None


def encode_path(parts: Iterable[str | bytes]) -> bytes:
    """Join the parts of a property path with NUL: `("request", "path")` becomes 12 bytes."""
    return b"\0".join(encode_text(p) if isinstance(p, str) else p for p in parts)


def decode_path(data: bytes) -> list[bytes]:
    """Split a property path into its parts, without a trailing NUL; an empty path has zero parts."""
    return data.removesuffix(b"\0").split(b"\0") if data else []
