"""Lookup of properties (attributes of a stream by path), and the encoding of their values.

In Envoy 1.40, the first part of a path is the name of a group or of a value. Further parts are keys of maps, fields of messages
or indices of lists. Strings and bytes are passed unchanged, numbers, times and durations as 8 bytes, booleans as 1 byte,
messages serialised, maps and lists as pairs, and an empty map as four zero bytes. A whole group, or an empty path, can't be
serialised (SerializationFailure). Attributes from request headers exist while the header map does. Outside streams, only
`xds.node` and the plugin's names exist. Unknown names are looked up in filter state under `wasm.`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...abi import Status, decode_path, encode_pairs
from ...abi.text import encode_text
from .attributes import GROUP, GROUPS, MessageAttribute, metadata_message, node_message

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["GROUPS", "MessageAttribute", "Unserialisable", "attribute", "lookup", "serialise", "top"]


class Unserialisable(Exception):
    """Error for a value that can't be encoded, such as a whole group."""


# -- encoding -------------------------------------------------------------------------------------------------------


def serialise(value: Any) -> bytes:
    """Encode the value of a property in the format that modules read.

    Raises
    ------
    Unserialisable
        The value can't be encoded.
    """
    match value:
        case bytes():
            return value
        case str():
            return encode_text(value)
        case bool():
            return bytes((value,))
        case int():
            return struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF)
        case float():
            return struct.pack("<d", value)
        case MessageAttribute():
            return value.data
        case Mapping():
            pairs = [(serialise(k), serialise(v)) for k, v in value.items()]
            return encode_pairs(pairs) or bytes(4)
        case list() | tuple():
            return encode_pairs([(serialise(v), b"") for v in value]) or bytes(4)
    raise Unserialisable


#: Attributes added by Envoy's Wasm extension.
_PLUGIN: dict[bytes, Callable[[Context], Any]] = {
    b"plugin_name": lambda c: c.plugin.name if c.plugin else None,
    b"plugin_root_id": lambda c: c.plugin.root_id if c.plugin else None,
    b"plugin_vm_id": lambda c: c.plugin.vm_id if c.plugin else None,
}


# -- looking up -----------------------------------------------------------------------------------------------------


def top(context: Context, name: bytes) -> Any:
    """Return the value for the first part of a path. Returns `GROUP` for the name of a group, and None for an unknown name."""
    info = context.log_info or context.info
    text = name.decode("utf-8", "replace")
    if text == "xds" or (info is not None and text in GROUPS):
        return GROUP
    if name in _PLUGIN:
        return _PLUGIN[name](context)
    if info is None:
        return None
    if text in ("filter_state", "upstream_filter_state"):
        return GROUP if text == "filter_state" or info.attempts else None
    if text == "metadata":
        return metadata_message(info.metadata)
    if text == "connection_id":
        return info.connection.id
    return info.filter_state.get(b"wasm." + name)


def attribute(context: Context, group: bytes, name: bytes) -> Any:
    """Return the value of an attribute in a group, or None."""
    info = context.log_info or context.info
    text = name.decode("utf-8", "replace")
    if group == b"xds" and text == "node":
        return node_message(context.vm.server.node)
    if info is None:
        return None
    if info.overrides and (override := info.overrides.find([group, name])) is not None and not override[1]:
        return override[0]
    if group == b"filter_state":
        return info.filter_state.get(name)
    read = GROUPS.get(group.decode("utf-8", "replace"), {}).get(text)
    return None if read is None else read(context, info)


class _Null:
    """A null in metadata, which exists but can't be encoded."""


_NULL = _Null()


def _step(value: Any, part: bytes) -> Any:
    text = part.decode("utf-8", "surrogateescape")
    match value:
        case MessageAttribute():
            return value.fields.get(text)
        case Mapping():
            if text not in value:
                return None
            return value[text] if value[text] is not None else _NULL
        case list() | tuple():
            return value[int(text)] if text.isdecimal() and int(text) < len(value) else None
    return None


def find(context: Context, parts: list[bytes]) -> Any:
    """Return the value at a path, or None. Properties set by a test for the stream replace the proxy's."""
    info = context.log_info or context.info
    override = info.overrides.find(parts) if info is not None else None
    if override is not None:
        value, rest = override
    else:
        value, rest = top(context, parts[0]), parts[1:]
    if value is GROUP and rest:
        value = attribute(context, parts[0], rest[0])
        rest = rest[1:]
    for part in rest:
        if value is None:
            return None
        value = _step(value, part)
    return value


def lookup(context: Context, path: bytes) -> tuple[int, bytes | None]:
    """Look up a property as the hostcall `get_property` does.

    Returns
    -------
    tuple[int, bytes | None]
        The status, and the encoded value (or None).
    """
    parts = decode_path(path)
    if not parts:
        return Status.SERIALIZATION_FAILURE, None
    value = find(context, parts)
    if value is None:
        return Status.NOT_FOUND, None
    try:
        return Status.OK, serialise(value)
    except Unserialisable:
        return Status.SERIALIZATION_FAILURE, None
