"""Wire formats of header maps, property paths and property values.

All numbers are little endian, without alignment or padding.

* A header map begins with the number of pairs (u32), followed by the length of the name and the length of the value (u32)
  for each pair. Then each pair follows as the name, a zero byte, the value and a zero byte. The lengths don't include the
  zero bytes. Envoy reads a map as empty if its total length or a zero byte is wrong, if it is larger than 1 MiB, or if it
  has more than 1024 pairs.
* An empty map is passed as pointer 0 and size 0, and not as a count of zero.
* A property path consists of its parts, joined by NUL bytes. A trailing NUL is allowed.
* Property values are strings or bytes (unchanged), integers, doubles, timestamps and durations (8 bytes, the last two in
  nanoseconds), booleans (1 byte), or maps and lists (in the format of header maps).
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

#: Name and value of a header, as bytes.
Pair = tuple[bytes, bytes]

#: Maximum size in bytes of a serialised map from the guest. Envoy reads a larger map as empty.
MAX_PAIRS_BYTES = 1024 * 1024

#: Maximum number of pairs in a serialised map from the guest. Envoy reads a map with more pairs as empty.
MAX_PAIRS = 1024


def encode_pairs(pairs: Sequence[Pair]) -> bytes:
    """Serialise a header map. An empty map is serialised as empty bytes, in the same way as in Envoy."""
    if not pairs:
        return b""
    parts = [struct.pack("<I", len(pairs))]
    parts.extend(struct.pack("<II", len(name), len(value)) for name, value in pairs)
    for name, value in pairs:
        parts += (name, b"\0", value, b"\0")
    return b"".join(parts)


def decode_pairs(data: bytes) -> list[Pair] | None:
    """Parse a serialised header map. Returns None if its layout is invalid. (Envoy reads such a map as empty.)"""
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
    """Join the parts of a property path with NUL bytes: `("request", "path")` becomes 12 bytes."""
    return b"\0".join(encode_text(p) if isinstance(p, str) else p for p in parts)


def decode_path(data: bytes) -> list[bytes]:
    """Split a property path into its parts. A trailing NUL is ignored, and an empty path has no parts."""
    return data.removesuffix(b"\0").split(b"\0") if data else []
