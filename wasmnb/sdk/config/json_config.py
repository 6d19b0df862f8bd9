"""Configuration: bytes as they came, and JSON read when it is first asked for.

Facts: a StringValue or BytesValue arrives as its inner bytes; a protobuf Struct arrives serialised, not as JSON. The
plugin configuration exists only while the plugin starts, the VM configuration always.
"""

import json
from typing import Any

from ..errors import ConfigurationError
from .settings import build, declared_settings

__all__ = ["JsonConfig", "parse_json"]


def parse_json(data: bytes, what: str) -> Any:
    """JSON, or an empty dict if there is nothing; `ConfigurationError` with line and column if it is not JSON."""
    if not data.strip():
        return {}
    try:
        return json.loads(data)
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} is not JSON but {len(data)} bytes that are no UTF-8 text; {_HINT}") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise ConfigurationError(f"{what} is not JSON: {where}; {_HINT}") from None
    except RecursionError:
        raise ConfigurationError(f"{what} is nested too deeply") from None
    except ValueError:  # Python reads no whole numbers of more than 4300 digits
        raise ConfigurationError(f"{what} has a number of more digits than can be read") from None


_HINT = "the bytes themselves are in `configuration` (a protobuf Struct arrives serialised: use a StringValue)"


class JsonConfig:
    """The attribute `config`: reads `configuration` as JSON on first use, as what the class annotates it with.

    It has no `__set__`, so that the value lands in the object itself, and the next read does not come here.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None:
            return self
        value, settings = parse_json(owner.configuration, self._what), declared_settings(type(owner))
        if settings is not None:
            value = build(settings, value, self._what)
        owner.__dict__["config"] = value
        return value
