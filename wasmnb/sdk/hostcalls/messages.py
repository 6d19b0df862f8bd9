"""Hostcalls that read and change header maps and buffers."""

from typing import NamedTuple

from ...abi import BufferType, HeaderMapType, Pair, decode_pairs
from ..messages.bodies import WHOLE
from ..messages.encoding import PairsLike, Text, Value, encode
from ..messages.pairs import serialised
from ..vm import current_vm

__all__ = [
    "BufferStatus",
    "add_header_map_value",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "remove_header_map_value",
    "replace_header_map_value",
    "set_buffer_bytes",
    "set_header_map_pairs",
]


class BufferStatus(NamedTuple):
    """Length of a buffer in bytes, and its flags, which are always 0."""

    length: int
    flags: int


def get_header_map_value(map_type: HeaderMapType, name: Text) -> bytes:
    """Return the first value of a header (`proxy_get_header_map_value`).

    Parameters
    ----------
    map_type
        The header map.
    name
        Name of the header.

    Returns
    -------
    bytes
        The value.

    Raises
    ------
    NotFound
        The map contains no header with this name.
    BadArgument
        The map isn't available in the running callback.
    """
    subject = f"{map_type.name}, {name!r}"
    return current_vm().call("get_header_map_value", int(map_type), encode(name), subject=subject)  # type: ignore[no-any-return]


def add_header_map_value(map_type: HeaderMapType, name: Text, value: Value) -> None:
    """Append an entry to a header map, and keep existing entries of the same name (`proxy_add_header_map_value`).

    Parameters
    ----------
    map_type
        The header map.
    name, value
        Name and value of the entry.

    Raises
    ------
    BadArgument
        The running callback can't change the map.
    """
    subject = f"{map_type.name}, {name!r}"
    current_vm().call("add_header_map_value", int(map_type), encode(name), encode(value), subject=subject)


def replace_header_map_value(map_type: HeaderMapType, name: Text, value: Value) -> None:
    """Replace all values of a header by one value (`proxy_replace_header_map_value`).

    Parameters
    ----------
    map_type
        The header map.
    name, value
        Name and value of the entry.

    Raises
    ------
    BadArgument
        The running callback can't change the map.
    """
    subject = f"{map_type.name}, {name!r}"
    current_vm().call("replace_header_map_value", int(map_type), encode(name), encode(value), subject=subject)


def remove_header_map_value(map_type: HeaderMapType, name: Text) -> None:
    """Remove all values of a header (`proxy_remove_header_map_value`). A missing header is not an error.

    Parameters
    ----------
    map_type
        The header map.
    name
        Name of the header.

    Raises
    ------
    BadArgument
        The running callback can't change the map.
    """
    subject = f"{map_type.name}, {name!r}"
    current_vm().call("remove_header_map_value", int(map_type), encode(name), subject=subject)


def get_header_map_pairs(map_type: HeaderMapType) -> list[Pair]:
    """Return all entries of a header map (`proxy_get_header_map_pairs`).

    Parameters
    ----------
    map_type
        The header map.

    Returns
    -------
    list[Pair]
        Names and values. The list is empty if the map is not available in the running callback.

    Raises
    ------
    BadArgument
        The number of the map is unknown.
    """
    return decode_pairs(current_vm().call("get_header_map_pairs", int(map_type), subject=map_type.name)) or []


def set_header_map_pairs(map_type: HeaderMapType, pairs: PairsLike) -> None:
    """Replace all entries of a header map (`proxy_set_header_map_pairs`).

    Parameters
    ----------
    map_type
        The header map.
    pairs
        The new entries, as a mapping or as pairs.

    Raises
    ------
    BadArgument
        The running callback can't change the map.
    """
    current_vm().call("set_header_map_pairs", int(map_type), serialised(current_vm().abi, pairs), subject=map_type.name)


def get_header_map_size(map_type: HeaderMapType) -> int:
    """Return the total size of all names and values of a header map (`proxy_get_header_map_size`).

    Parameters
    ----------
    map_type
        The header map.

    Returns
    -------
    int
        The size in bytes.

    Raises
    ------
    BadArgument
        The running callback can't change the map. Envoy returns the size only of maps that can be changed.
    """
    return current_vm().call("get_header_map_size", int(map_type), subject=map_type.name)  # type: ignore[no-any-return]


def get_buffer_bytes(buffer_type: BufferType, start: int = 0, length: int = WHOLE) -> bytes:
    """Return bytes of a buffer (`proxy_get_buffer_bytes`).

    Parameters
    ----------
    buffer_type
        The buffer.
    start
        Offset of the first byte (default 0).
    length
        Maximum number of bytes to return (default: all).

    Returns
    -------
    bytes
        The bytes, fewer than `length` if the buffer ends earlier. Bodies are empty outside their callbacks.

    Raises
    ------
    BadArgument
        The number of the buffer is unknown.
    NotFound
        The buffer is a callout's response or the plugin configuration, and isn't available in the running callback.
    """
    return current_vm().call("get_buffer_bytes", int(buffer_type), start, length, subject=buffer_type.name)  # type: ignore[no-any-return]


def get_buffer_status(buffer_type: BufferType) -> BufferStatus:
    """Return the length of a buffer, and its flags (`proxy_get_buffer_status`).

    Parameters
    ----------
    buffer_type
        The buffer.

    Returns
    -------
    BufferStatus
        The length in bytes, and the flags, which are always 0.

    Raises
    ------
    BadArgument
        The number of the buffer is unknown.
    NotFound
        The buffer is a callout's response or the plugin configuration, and isn't available in the running callback.
    """
    return BufferStatus(*current_vm().call("get_buffer_status", int(buffer_type), subject=buffer_type.name))


def set_buffer_bytes(buffer_type: BufferType, start: int, length: int, data: Value) -> None:
    """Replace bytes at the start of a buffer, or append bytes (`proxy_set_buffer_bytes`).

    Parameters
    ----------
    buffer_type
        The buffer.
    start
        0 to replace or prepend bytes, or the buffer's length or more to append bytes.
    length
        Number of bytes to replace. With 0, `data` is only inserted.
    data
        Bytes or text to write.

    Raises
    ------
    BadArgument
        The buffer can't be written, or `start` is between its first byte and its end.
    NotFound
        The buffer isn't available in the running callback.
    """
    subject = f"{buffer_type.name}, {start}, {length}"
    current_vm().call("set_buffer_bytes", int(buffer_type), start, length, encode(data), subject=subject)
