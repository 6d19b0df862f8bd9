"""The attribute `config` of contexts, which parses a configuration as JSON on first use.

Envoy passes the text of a StringValue or the bytes of a BytesValue. It passes a Struct as serialised protobuf, which is
converted to a dict. The plugin configuration can be read only while the plugin starts, and the VM configuration at any time.
"""

import json
from typing import Any

from ...abi.struct_wire import read_struct
from ..errors import ConfigurationError
from .settings import build, declared_settings

__all__ = ["JsonConfig", "parse_json"]


def parse_json(data: bytes, title: str) -> Any:
    """Parse a configuration as JSON, or as a serialised `google.protobuf.Struct`.

    Parameters
    ----------
    data
        The configuration as bytes.
    title
        Name of the configuration in error messages.

    Returns
    -------
    Any
        The JSON value, or an empty dict if the configuration is empty.

    Raises
    ------
    ConfigurationError
        The configuration is not JSON. The message contains the line and column of the error.
    """
    if not data.strip():
        return {}
    if data.startswith(_STRUCT) and (struct := _struct(data)) is not None:
        return struct
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{title} is not JSON: its {len(data)} bytes are not UTF-8. {_HINT}") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise ConfigurationError(f"{title} is not JSON: {where}. {_HINT}") from None
    except RecursionError:
        raise ConfigurationError(f"{title} is nested too deeply to be parsed as JSON. {_HINT}") from None
    except ValueError:  # Python doesn't parse ints of more than 4300 digits
        raise ConfigurationError(f"{title} has a number with too many digits (limit: 4300). {_HINT}") from None


#: First byte of a serialised Struct that is not empty. In JSON, this byte is a line break.
_STRUCT = b"\n"


def _struct(data: bytes) -> dict[str, Any] | None:
    """Parse a serialised `google.protobuf.Struct`. Returns None if the bytes are not a Struct."""
    try:
        values = read_struct(data)
    except ValueError:
        return None
    return values or None


_HINT = "Read the bytes from `self.configuration` if it is not meant to be JSON"


class JsonConfig:
    """Descriptor of the attribute `config`, which parses `configuration` on first use.

    If the class annotates `config` with a dataclass, the value is converted to it. The descriptor has no `__set__`, so the
    parsed value is stored in the object, and later reads return it directly.
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
