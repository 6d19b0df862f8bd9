"""A Lua filter before the chain, which sets the filter state and dynamic metadata that a client passes with a request.

The client sends the values as a Lua table in a header with a random name. The filter removes this header.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ...abi.text import encode_text
from ...errors import UsageError
from ...host.properties.property_overrides import PropertyOverrides
from .bootstrap import Config

__all__ = ["RequestState"]

_LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"

_CODE = """
function envoy_on_request(handle)
  local text = handle:headers():get("NAME")
  if text == nil then return end
  handle:headers():remove("NAME")
  local values = loadstring("return " .. text)()
  local info = handle:streamInfo()
  for namespace, fields in pairs(values.metadata) do
    for key, value in pairs(fields) do info:dynamicMetadata():set(namespace, key, value) end
  end
  for key, value in pairs(values.filter_state) do info:filterState():set(key, "envoy.string", value) end
end
"""

_FILTER_STATE = "filter_state."


class RequestState:
    """The Lua filter of one Envoy, and the request header from which it reads filter state and metadata."""

    def __init__(self) -> None:
        self._name = f"x-wasmnb-state-{secrets.token_hex(8)}"

    @property
    def config(self) -> Config:
        """Configuration of the Lua filter, as an entry of `http_filters`."""
        code = {"inline_string": _CODE.replace("NAME", self._name)}
        return {"name": "wasmnb_request_state", "typed_config": {"@type": _LUA, "default_source_code": code}}

    def header(self, properties: PropertyOverrides, metadata: Mapping[str, Any]) -> tuple[str, str]:
        """Return the name and value of the header that sets properties and metadata of a request.

        Raises
        ------
        UsageError
            A property isn't filter state, or a value can't be expressed in Lua.
        """
        state = {}
        for path, value in properties.items():
            if not path.startswith(_FILTER_STATE):
                raise UsageError(
                    f"Envoy computes the property {path!r} itself, so a request can't set it. Pass properties "
                    f"{_FILTER_STATE}NAME, or metadata=."
                )
            state[path.removeprefix(_FILTER_STATE)] = value if isinstance(value, str | bytes) else str(value)
        return self._name, _literal({"metadata": metadata, "filter_state": state})


def _literal(value: Any) -> str:
    """Return a value as a Lua expression."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(float(value))
        case str() | bytes():
            data = value if isinstance(value, bytes) else encode_text(value)
            return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'
        case Mapping():
            return "{" + ",".join(f"[{_literal(str(k))}]={_literal(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "{" + ",".join(map(_literal, value)) + "}"
    raise UsageError(
        f"metadata= contains a value of type {type(value).__name__} ({value!r:.60}), which Envoy can't receive. "
        "Pass strings, numbers, booleans, mappings and lists."
    )
