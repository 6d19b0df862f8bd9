"""Encoding of translated code for the cache. The code is cached because translating a runtime takes about ten seconds."""

from __future__ import annotations

import marshal

from .cold_code import ColdCode

__all__ = ["read_cold", "write_cold"]

_FORMAT = 2


def write_cold(cold: ColdCode) -> bytes:
    """Encode cold code as bytes. Only the same version of Python can decode the result."""
    points = {function: dict(places) for function, places in cold.points.items()}
    fields = (_FORMAT, dict(cold.starts), dict(cold.links), points, sorted(cold.callees), cold.chunks, cold.data)
    return marshal.dumps(fields)


def read_cold(data: bytes) -> ColdCode:
    """Decode cold code from the result of `write_cold`. The caller must verify the data first, because decoding isn't safe.

    Raises
    ------
    ValueError
        The data was encoded in another format.
    """
    fields = marshal.loads(data)  # noqa: S302
    if not isinstance(fields, tuple) or len(fields) != 7 or fields[0] != _FORMAT:
        raise ValueError("the cold code was encoded in another format")
    _, starts, links, points, callees, chunks, code = fields
    return ColdCode(starts, links, points, frozenset(callees), chunks, code)
