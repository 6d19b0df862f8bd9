"""Convert exchanges, events and trees to JSON. Bytes become text if they are UTF-8, otherwise base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import Enum
from typing import Any

__all__ = ["event_json", "exchange_json", "json_value", "line_json", "tree_json"]


def json_value(value: Any) -> Any:
    """Convert a value to types that `json` can write.

    Parameters
    ----------
    value
        The value. Bytes that aren't UTF-8 become `{"base64": ...}`.
    """
    match value:
        case Enum():
            return value.name
        case bytes() | bytearray():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": base64.b64encode(value).decode()}
        case str():
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
        case Mapping():
            return {str(json_value(k)): json_value(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [json_value(v) for v in value]
        case int() | float() | None:
            return value
    return str(value)


def _message(message: Any) -> dict[str, Any] | None:
    if message is None:
        return None
    names = ("status", "reset") if hasattr(message, "status") else ("method", "path", "authority", "scheme")
    document = {name: json_value(getattr(message, name)) for name in names}
    document["headers"] = json_value(message.headers.raw)
    document["body"] = json_value(message.body)
    if len(message.trailers):
        document["trailers"] = json_value(message.trailers.raw)
    return document


def event_json(event: Any) -> dict[str, Any]:
    """Return an event of the trace as JSON."""
    names = ("seq", "time", "thread", "vm", "context", "kind", "name", "args", "result", "status", "guest_ns", "host_ns",
             "exchange", "parent")  # fmt: skip
    return {name: json_value(getattr(event, name)) for name in names}


def line_json(line: Any) -> dict[str, Any]:
    """Return a log line as JSON."""
    names = ("time", "level", "text", "thread", "vm", "context", "exchange")
    return {name: json_value(getattr(line, name)) for name in names}


#: Attributes of a connection that contain its bytes, in the order in which they pass through the proxy.
_FLOWS = ("sent", "upstream_received", "upstream_sent", "received")


def exchange_json(exchange: Any, *, events: bool = False) -> dict[str, Any]:
    """Return an exchange as JSON: state, times, and its messages or bytes before and after the filters.

    Parameters
    ----------
    exchange
        An HTTP exchange or a TCP connection.
    events
        Whether to include callbacks and hostcalls (default False).
    """
    stations = ("request", "upstream_request", "upstream_response", "response")
    document: dict[str, Any] = {
        name: json_value(getattr(exchange, name)) for name in ("number", "worker", "state", "duration", "filter_ns")
    }
    if hasattr(exchange, "request"):
        document |= {name: _message(getattr(exchange, name)) for name in stations}
        record = getattr(exchange, "access_log", None)
        document["access_log"] = None if record is None else json_value(record.as_dict())
    else:
        document |= {name: json_value(getattr(exchange, name)) for name in _FLOWS}
    if events:
        document["events"] = [event_json(e) for e in exchange.events]
    return document


def tree_json(node: Any) -> dict[str, Any]:
    """Return a node of the context tree as JSON, with all nodes below it."""
    document = {name: json_value(getattr(node, name)) for name in ("kind", "name", "label", "state", "facts", "counts")}
    return {**document, "children": [tree_json(child) for child in node.children]}
