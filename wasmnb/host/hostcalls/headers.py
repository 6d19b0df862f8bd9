"""Hostcalls for header maps.

In Envoy 1.40, a map type of 8 or more returns BadArgument, and so does a map that isn't available now. There are two
exceptions: in `on_log`, reading from a missing map returns NotFound, and reading a whole map that isn't available returns an
empty map. In ABI 0.1.0, a missing header returns OK and an empty value. Names and values are validated later, by the codecs.
Writing request headers clears the route cache.
"""

from __future__ import annotations

from ...abi import AbiVersion, HeaderMapType, Pair, Status, encode_pairs
from ..contexts.base import Context
from ..contexts.phase_lookups import MISSING_IN_LOG, MISSING_MAP, ROOT_MAPS
from ..http.header_map import HeaderMap

__all__ = [
    "add_header_map_value",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "remove_header_map_value",
    "replace_header_map_value",
    "set_header_map_pairs",
]

_REQUEST_HEADERS = int(HeaderMapType.REQUEST_HEADERS)
_LAST = int(max(HeaderMapType))
_BAD = int(Status.BAD_ARGUMENT)
_OK = int(Status.OK)
_NOT_FOUND = int(Status.NOT_FOUND)
_FULL = int(Status.INTERNAL_FAILURE)

#: Maximum size of a header map in bytes (Envoy has no limit and would run out of memory), and approximate size of an entry
#: in Python.
_MOST, _ENTRY = 64 << 20, 200

#: The size is checked for values longer than this and at every 1024th entry, because measuring a map takes long.
_LONG_VALUE, _MEASURED = 1 << 14, 1023


def _readable(context: Context, map_type: int) -> HeaderMap | None:
    if map_type in ROOT_MAPS:
        return context.root.maps[map_type]
    return (context.log_maps or context.maps)[map_type]


def get_header_map_value(context: Context, map_type: int, key: bytes) -> tuple[int, bytes | None]:
    """Return the status and the first value of a header."""
    if map_type < 4 and context.log_maps is None:
        headers = context.maps[map_type]  # nearly all calls take this branch
    elif map_type > _LAST:
        return _BAD, None
    else:
        headers = _readable(context, map_type)
    value = None if headers is None else headers.get(key.lower())
    if value is not None:
        return _OK, value
    missing = _NOT_FOUND
    if headers is None:
        missing = MISSING_MAP if context.log_maps is None else MISSING_IN_LOG
    if missing == _NOT_FOUND and context.vm.abi is AbiVersion.V0_1_0:
        return _OK, b""
    return missing, None


def get_header_map_pairs(context: Context, map_type: int) -> tuple[int, bytes | None]:
    """Return the status and the whole header map, serialised. For a map that is empty or not available, the bytes are empty."""
    if map_type > _LAST:
        return _BAD, None
    headers = _readable(context, map_type)
    return _OK, b"" if headers is None else encode_pairs(headers.items)


def get_header_map_size(context: Context, map_type: int) -> tuple[int, int | None]:
    """Return the status and the size in bytes of a header map that can be changed now."""
    headers = context.writable_map(map_type)
    return (_BAD, None) if headers is None else (_OK, headers.byte_size)


def add_header_map_value(context: Context, map_type: int, key: bytes, value: bytes) -> int:
    """Append an entry to a header map."""
    headers = context.writable_map(map_type)
    if headers is None:
        return _BAD
    if (len(value) > _LONG_VALUE or not len(headers.items) & _MEASURED) and _is_full(headers, value):
        return _FULL
    headers.add(headers.name(key), value)
    return _changed(context, map_type)


def replace_header_map_value(context: Context, map_type: int, key: bytes, value: bytes) -> int:
    """Replace all entries with this name by one entry."""
    headers = context.writable_map(map_type)
    if headers is None:
        return _BAD
    if (len(value) > _LONG_VALUE or not len(headers.items) & _MEASURED) and _is_full(headers, value):
        return _FULL
    headers.replace(headers.name(key), value)
    return _changed(context, map_type)


def remove_header_map_value(context: Context, map_type: int, key: bytes) -> int:
    """Remove all entries with this name."""
    headers = context.writable_map(map_type)
    if headers is None:
        return _BAD
    headers.remove(key.lower())
    return _changed(context, map_type)


def set_header_map_pairs(context: Context, map_type: int, pairs: list[Pair]) -> int:
    """Replace all entries of a header map."""
    headers = context.writable_map(map_type)
    if headers is None:
        return _BAD
    headers.clear()
    for name, value in pairs:
        headers.add(headers.name(name), value)
    return _changed(context, map_type)


def _is_full(headers: HeaderMap, value: bytes) -> bool:
    """Return whether a header map would exceed its size limit with another value."""
    return headers.byte_size + _ENTRY * len(headers.items) + len(value) > _MOST


def _changed(context: Context, map_type: int) -> int:
    if map_type == _REQUEST_HEADERS:
        context.clear_route_cache()
    return _OK
