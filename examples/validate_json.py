"""Refuse requests whose JSON body does not match a schema.

Configuration (JSON)::

    {"max_bytes": 65536,                                       larger bodies get 413
     "methods": ["POST", "PUT", "PATCH"],
     "schema": {"type": "object",
                "required": ["amount", "currency"],
                "properties": {"amount": {"type": "number", "minimum": 0},
                               "currency": {"enum": ["EUR", "USD"]},
                               "lines": {"type": "array", "items": {"type": "object"}, "maxItems": 100},
                               "note": {"type": "string", "maxLength": 200}},
                "additionalProperties": false}}

The schema is the part of JSON Schema shown here. The response to an invalid body is 400 with the place and the reason:
`{"error": "$.amount: expected number, got string"}`.
"""

import json

from wasmnb.sdk import Action, HttpContext

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "number": (int, float), "integer": int,
}  # fmt: skip


def type_name(value):
    """Return JSON's name of a value's type."""
    if isinstance(value, bool):
        return "boolean"
    return next(name for name, kind in TYPES.items() if isinstance(value, kind))


def has_type(value, name):
    return isinstance(value, TYPES[name]) and (not isinstance(value, bool) or name == "boolean")


def problem(value, schema, place="$"):
    """Return the first difference between a value and a schema as text; None without differences."""
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


class ValidateJson(HttpContext):
    checked = False

    def on_http_request_headers(self, num_headers, end_of_stream):
        methods = self.plugin.config.get("methods", ["POST", "PUT", "PATCH"])
        self.checked = self.request_headers[":method"] in methods
        if not self.checked:
            return None
        if not self.request_headers.get("content-type", "").startswith("application/json"):
            return self.refuse(415, "expected content-type application/json")
        return self.refuse(400, "expected a JSON body") if end_of_stream else None

    def on_http_request_body(self, body_size, end_of_stream):
        if not self.checked:
            return None
        if body_size > self.plugin.config.get("max_bytes", 65536):
            return self.refuse(413, "body too large")
        return self.check() if end_of_stream else Action.PAUSE  # a pause buffers the chunks

    def on_http_request_trailers(self, num_trailers):
        return self.check() if self.checked else None

    def check(self):
        try:
            value = self.request_body.json()
        except RecursionError:
            return self.refuse(400, "nested too deeply")
        except ValueError as error:
            return self.refuse(400, f"not JSON: {error}")
        reason = problem(value, self.plugin.config.get("schema", {}))
        return self.refuse(400, reason) if reason else None

    def refuse(self, status, reason):
        body = json.dumps({"error": reason})
        return self.send_local_response(status, body, {"content-type": "application/json"}, details="invalid_request")
