"""Configuration of a plugin as a protobuf message other than text or bytes.

In Envoy 1.40, the module receives the value's bytes for a `StringValue` or `BytesValue`. Any other message is serialised: a
`Struct` arrives as protobuf, not as JSON.
"""

from __future__ import annotations

import math
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any, Self

from ...abi.protobuf_wire import write_field
from ...abi.text import encode_text
from ...errors import UsageError
from ...parsing import protobuf
from ...parsing.durations import duration_text, nanoseconds

__all__ = ["TypedConfig"]

_PREFIX = "type.googleapis.com/"


def _integer(low: int, high: int) -> Callable[[Any], bytes]:
    """Return a function that encodes a number from `low` to `high`."""

    def encode(value: Any) -> bytes:
        number = int(value)
        if isinstance(value, float) and number != value:
            raise ValueError("it must be a whole number")
        if not low <= number <= high:
            raise ValueError(f"it must be from {low} to {high}")
        return write_field(1, number) if number else b""

    return encode


def _floating(form: str, wire_type: int) -> Callable[[Any], bytes]:
    """Return a function that encodes a number in a form of `struct`. Only the positive zero is omitted."""

    def encode(value: Any) -> bytes:
        data = struct.pack(form, float(value))
        return bytes((1 << 3 | wire_type,)) + data if any(data) else b""

    return encode


def _duration(value: Any) -> bytes:
    total = nanoseconds(value)
    whole, rest = divmod(abs(total), 10**9)
    sign = -1 if total < 0 else 1
    return b"".join(write_field(number, sign * part) for number, part in ((1, whole), (2, rest)) if part)


def _bytes(value: Any) -> bytes:
    return bytes(memoryview(value))


#: Types whose value is in the field `value` of Envoy's configuration, with functions that return the bytes for the module.
_VALUES: dict[str, Callable[[Any], bytes]] = {
    "google.protobuf.StringValue": encode_text,
    "google.protobuf.BytesValue": _bytes,
    "google.protobuf.Struct": protobuf.struct_message,
    "google.protobuf.BoolValue": lambda value: write_field(1, True) if value else b"",
    "google.protobuf.Int32Value": _integer(-(1 << 31), (1 << 31) - 1),
    "google.protobuf.Int64Value": _integer(-(1 << 63), (1 << 63) - 1),
    "google.protobuf.UInt32Value": _integer(0, (1 << 32) - 1),
    "google.protobuf.UInt64Value": _integer(0, (1 << 64) - 1),
    "google.protobuf.DoubleValue": _floating("<d", 1),
    "google.protobuf.FloatValue": _floating("<f", 5),
    "google.protobuf.Duration": _duration,
}

_TYPED_STRUCTS = ("xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct")


class TypedConfig(bytes):
    """A configuration with a protobuf type, for `Plugin(config=..., vm_config=...)`. The module receives its bytes.

    Use it only for types other than `StringValue` and `BytesValue`, which a `Plugin` uses for plain text, bytes and JSON.

    Parameters
    ----------
    type
        Full name of the type, with or without `type.googleapis.com/`.
    value
        The message: a mapping for `google.protobuf.Struct`, the plain value for wrapper types (`Int64Value`, `BoolValue`, ...)
        and `Duration`, and the fields as in Envoy's YAML for other types (default none).
    data
        The serialised message, for types that wasmnb can't serialise. By default, `value` is serialised.

    Attributes
    ----------
    type
        Full name of the type.
    value
        The value, or None if only `data` was given.

    Raises
    ------
    UsageError
        The value doesn't match the type, or wasmnb can't serialise the type and `data` is missing.
    """

    type: str
    value: Any

    def __new__(cls, type: str, value: Any = None, *, data: bytes | None = None) -> Self:  # noqa: A002 -- Envoy's word
        """Create the bytes for the module, and keep the type and value for Envoy's configuration."""
        name = type.rpartition("/")[2]
        config = super().__new__(cls, _serialised(name, value) if data is None else data)
        config.type, config.value = name, value
        return config

    @classmethod
    def struct(cls, values: Mapping[str, Any]) -> Self:
        """Return a configuration of type `google.protobuf.Struct` with the JSON object `values`."""
        return cls("google.protobuf.Struct", values)

    def as_any(self) -> dict[str, Any]:
        """Return the configuration as a `google.protobuf.Any` in the form of Envoy's YAML.

        Raises
        ------
        UsageError
            Only `data` was given, which can't be written in YAML.
        """
        head = {"@type": _PREFIX + self.type}
        if self.value is None:
            raise UsageError(
                f"Envoy's YAML can't contain a {self.type} if only its bytes (data=) are known. "
                "Pass its fields as well: TypedConfig(type, fields, data=...)."
            )
        if self.type == "google.protobuf.BytesValue":
            return {**head, "value": b64encode(self.value).decode()}
        return {**head, "value": _json_value(self.type, self.value)} if self.type in _VALUES else {**head, **self.value}

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.type, self.value), {"data": bytes(self)}

    def __repr__(self) -> str:
        return f"TypedConfig({self.type!r}, {self.value!r})"


def _json_value(name: str, value: Any) -> Any:
    """Return the value of a wrapper type in protobuf's JSON form."""
    if name == "google.protobuf.Duration":
        return duration_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _serialised(name: str, value: Any) -> bytes:
    encode = _VALUES.get(name)
    try:
        if encode is not None:
            return encode(value)
        if name in _TYPED_STRUCTS:
            inner = protobuf.struct_message(value.get("value") or {})
            return write_field(1, encode_text(value["type_url"])) + (write_field(2, inner) if inner else b"")
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, struct.error) as error:
        raise UsageError(f"{value!r:.80} isn't a valid {name}: {error}.") from None
    raise UsageError(
        f"wasmnb can't serialise a {name}. "
        f"Pass its bytes as well: TypedConfig({name!r}, fields, data=message.SerializeToString())."
    )
