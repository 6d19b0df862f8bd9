"""Refuse requests whose JSON body does not match a schema.

Configuration (JSON)::

    {"max_bytes": 65536,                                       maximum size of a body (larger ones get 413)
     "methods": ["POST", "PUT", "PATCH"],
     "schema": {"type": "object",
                "required": ["amount", "currency"],
                "properties": {"amount": {"type": "number", "minimum": 0},
                               "currency": {"enum": ["EUR", "USD"]},
                               "lines": {"type": "array", "items": {"type": "object"}, "maxItems": 100},
                               "note": {"type": "string", "maxLength": 200}},
                "additionalProperties": false}}

The keywords of JSON Schema shown here are supported. The response to an invalid body is 400, with the place and the reason:
`{"error": "$.amount: expected number, got string"}`.

Run the filter with the plugin option `allow_on_headers_stop_iteration` (`%%wasmfilter --hold-headers`), so that the upstream
receives only valid requests. Without this option, it receives the headers of a refused request, and then a reset.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from wasmnb.sdk import HttpContext

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "number": (int, float), "integer": int,
}  # fmt: skip


def type_name(value):
    """Return the name of a value's type in JSON Schema."""
    if isinstance(value, bool):
        return "boolean"
    return next(name for name, kind in TYPES.items() if isinstance(value, kind))


def has_type(value, name):
    return isinstance(value, TYPES[name]) and (not isinstance(value, bool) or name == "boolean")


def problem(value, schema, place="$"):
    """Describe the first place where a value doesn't match a schema. Returns None if the value matches."""
    expected = schema.get("type")
    if expected and not has_type(value, expected):
        return f"{place}: expected {expected}, got {type_name(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place}: {value!r} is not one of {schema['enum']}"
    if isinstance(value, dict):
        return object_problem(value, schema, place)
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            return f"{place}: more than {schema['maxItems']} items"
        problems = (problem(v, schema.get("items", {}), f"{place}[{i}]") for i, v in enumerate(value))
        return next(filter(None, problems), None)
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return f"{place}: longer than {schema['maxLength']} characters"
    if isinstance(value, int | float) and value < schema.get("minimum", value):
        return f"{place}: less than {schema['minimum']}"
    return None


def object_problem(value, schema, place):
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{place}: {name} is missing"
    for name, part in value.items():
        if name not in known and schema.get("additionalProperties") is False:
            return f"{place}: {name} is not known"
        reason = problem(part, known.get(name, {}), f"{place}.{name}")
        if reason:
            return reason
    return None


@dataclass
class Settings:
    schema: dict[str, Any] = field(default_factory=dict)
    max_bytes: int = 65536
    methods: list[str] = field(default_factory=lambda: ["POST", "PUT", "PATCH"])


class ValidateJson(HttpContext):
    config: Settings

    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request_headers[":method"] not in self.config.methods:
            return None
        if not self.request_headers.get("content-type", "").startswith("application/json"):
            return self.refuse(415, "expected content-type application/json")
        if end_of_stream:
            return self.refuse(400, "expected a JSON body")
        if int(self.request_headers.get("content-length", 0)) > self.config.max_bytes:
            return self.refuse(413, "body too large")
        body = await self.request_body()
        return self.refuse(413, "body too large") if len(body) > self.config.max_bytes else self.check(body)

    def check(self, body):
        try:
            value = json.loads(body)
        except RecursionError:
            return self.refuse(400, "nested too deeply")
        except ValueError as error:
            return self.refuse(400, f"not JSON: {error}")
        reason = problem(value, self.config.schema)
        return self.refuse(400, reason) if reason else None

    def refuse(self, status, reason):
        body = json.dumps({"error": reason})
        return self.send_local_response(status, body, {"content-type": "application/json"}, details="invalid_request")
