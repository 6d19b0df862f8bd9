"""Configuration as bytes, and as JSON that is parsed on first use.

Facts: a StringValue or BytesValue arrives as its inner bytes; a protobuf Struct arrives serialised rather than as JSON, and
is read as a dict. The plugin configuration is available only while the plugin starts, the VM configuration always.
"""

import json
from typing import Any

from ...abi.struct_wire import read_struct
from ..errors import ConfigurationError
from .settings import build, declared_settings

__all__ = ["JsonConfig", "parse_json"]


def parse_json(data: bytes, title: str) -> Any:
    """Parse a configuration.

    Parameters
    ----------
    data
        The configuration.
    title
        Name of the configuration in error messages.

    Returns
    -------
    Any
        The JSON value; an empty dict for an empty configuration.

    Raises
    ------
    ConfigurationError
        The configuration is not JSON. The message gives the line and the column.
    """
    if not data.strip():
        return {}
    if data.startswith(_STRUCT) and (struct := _struct(data)) is not None:
        return struct
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{title} is not JSON: its {len(data)} bytes are not UTF-8; {_HINT}") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise ConfigurationError(f"{title} is not JSON: {where}; {_HINT}") from None
    except RecursionError:
        raise ConfigurationError(f"{title} is nested too deeply") from None
    except ValueError:  # Python does not read whole numbers of more than 4300 digits
        raise ConfigurationError(f"{title} has a number with too many digits") from None


#: First byte of a serialised Struct with an entry; in JSON it is a line break.
_STRUCT = b"\n"


def _struct(data: bytes) -> dict[str, Any] | None:
    """Return the values of a serialised `google.protobuf.Struct`; None if the bytes are something else."""
    try:
        values = read_struct(data)
    except ValueError:
        return None
    return values or None


_HINT = "`configuration` has the bytes"


class JsonConfig:
    """The attribute `config`: parses `configuration` on first use, to the type that the class annotates.

    It has no `__set__`, so the value is stored in the object itself, where later reads find it.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None:
            return self
        value, settings = parse_json(owner.configuration, self._title), declared_settings(type(owner))
        if settings is not None:
            value = build(settings, value, self._title)
        owner.__dict__["config"] = value
        return value
