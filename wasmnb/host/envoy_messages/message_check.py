"""Check of messages. A checked message contains only values that Envoy accepts.

Reference: https://protobuf.dev/programming-guides/json. Null means that a field isn't set. Numbers can be written as text, and
values of enumerations as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from ...abi.text import encode_text
from ...parsing.durations import duration_text
from ...parsing.yaml_lines import Located
from .fields import ArgumentFields, Fields
from .schema import ENUMERATIONS, FIELDS, REQUIRED

__all__ = ["Checked", "checked", "checked_argument"]

_UINT32 = 1 << 32
_INT64 = 1 << 63


class Checked(Located):
    """A message whose fields have been checked."""


def checked_argument(name: str, value: Mapping[str, Any], kind: str) -> Checked:
    """Check a message that was passed as a parameter of a proxy, and convert its values. Messages from files are already
    checked.

    Parameters
    ----------
    name
        Name of the parameter, for errors.
    value
        The message.
    kind
        Name of the message in `schema.FIELDS`.

    Raises
    ------
    UsageError
        The message, or a message inside it, contains a field that is unknown or has the wrong type.
    """
    return value if isinstance(value, Checked) else checked(ArgumentFields(name, value), value, kind)


def checked(fields: Fields, message: Mapping[str, Any], kind: str, field: str = "") -> Checked:
    """Check a message and return it with the types of Envoy's API: without nulls, and with numbers as numbers.

    Parameters
    ----------
    fields
        Reader of fields, which also creates errors.
    message
        The message to check.
    kind
        Name of the message in `schema.FIELDS`.
    field
        Name of the field that contains the message, for errors. Empty (the default) if there is none.

    Raises
    ------
    UsageError
        A field has the wrong type, or a required field is missing.
    """
    result = Checked.like(message, {})
    types = FIELDS[kind]
    for name, value in message.items():
        if value is None:
            continue
        if name in types:
            result[name] = _value(fields, message, name, types[name])
        else:
            if name != "@type":
                fields.unknown(message, name, kind)
            result[name] = value
    missing = REQUIRED.get(kind)
    if missing is not None and missing not in result:
        raise fields.fail(f"{field or kind} must have the field {missing}.", message)
    return result


def _value(fields: Fields, holder: Mapping[str, Any], name: str, kind: str) -> Any:
    if kind in _CHECKS:
        return _CHECKS[kind](fields, holder, name)
    if kind in ENUMERATIONS:
        return _enumeration(fields, holder, name, ENUMERATIONS[kind])
    if kind in FIELDS:
        return checked(fields, fields.mapping(holder, name), kind, name)
    return [checked(fields, item, kind.strip("[]"), name) for item in fields.mappings(holder, name)]


def _per_filter(fields: Fields, holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a route's filter configurations by filter name. Only those of simulated filters are checked."""
    configs = fields.mapping(holder, name)
    return {key: _for_filter(fields, fields.mapping(configs, key)) for key in configs}


def _for_filter(fields: Fields, message: Mapping[str, Any]) -> Mapping[str, Any]:
    default = "HeaderMutationPerRoute" if "mutations" in message else "FilterConfig"
    kind = str(message.get("@type", default)).rpartition(".")[2]
    return checked(fields, message, kind) if kind in ("HeaderMutationPerRoute", "FilterConfig") else message


def _texts(fields: Fields, holder: Mapping[str, Any], name: str) -> list[str]:
    values = fields.sequence(holder, name)
    for value in values:
        if not isinstance(value, str):
            raise fields.wrong(holder, name, "a list of strings", value)
    return list(values)


def _numbers(fields: Fields, holder: Mapping[str, Any], name: str) -> list[int]:
    values = fields.sequence(holder, name)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _UINT32:
            raise fields.wrong(holder, name, "a list of whole numbers", value)
    return list(values)


def _duration(fields: Fields, holder: Mapping[str, Any], name: str) -> str:
    return duration_text(fields.seconds(holder, name, "0s"))


def _enumeration(fields: Fields, holder: Mapping[str, Any], name: str, values: list[str]) -> str:
    value = holder[name]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(values):
        return values[value]
    if fields.text(holder, name) not in values:
        raise fields.wrong(holder, name, " or ".join(sorted(values)), value)
    return str(value)


def _regex(fields: Fields, holder: Mapping[str, Any], name: str) -> str:
    text = fields.text(holder, name)
    try:
        re.compile(encode_text(text))
    except (re.error, OverflowError, RecursionError) as error:
        raise fields.fail(f"{name} isn't a valid regular expression: {error}.", holder, name) from None
    return text


def _address(fields: Fields, holder: Mapping[str, Any], name: str) -> str:
    text = fields.text(holder, name)
    try:
        ip_network(f"{text}/{holder.get('prefix_len') or 0}", strict=False)
    except ValueError as error:
        raise fields.fail(f"{name} and prefix_len aren't a valid range of addresses: {error}.", holder, name) from None
    return text


#: Functions that check a field, by type.
_CHECKS: dict[str, Callable[[Fields, Mapping[str, Any], str], Any]] = {
    "text": Fields.text,
    "[text]": _texts,
    "bool": Fields.boolean,
    "uint": Fields.integer,
    "[uint]": _numbers,
    "int": lambda fields, holder, name: fields.integer(holder, name, -_INT64, _INT64 - 1),
    "duration": _duration,
    "regex": _regex,
    "address": _address,
    "mapping": Fields.mapping,
    "[mapping]": Fields.mappings,
    "per filter": _per_filter,
    "any": lambda _fields, holder, name: holder[name],
}
