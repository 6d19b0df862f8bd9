"""JSON-RPC 2.0 messages, and the fields of the Model Context Protocol (MCP) that gateways need.

A message with a method is a request if it has an id, and a notification otherwise. A message without a method is a response.
MCP clients send one message in the body of an HTTP request, and servers respond with JSON or with server-sent events.
"""

from typing import Any

from ..errors import ContentError

__all__ = ["JsonRpcMessage", "to_messages"]


class JsonRpcMessage:
    """One JSON-RPC message.

    Attributes
    ----------
    value
        The whole message, as parsed from JSON.
    id
        Id of a request or response. None for notifications.
    method
        Method of a request or notification. Empty for responses.
    params
        Parameters of a request or notification. An empty dict if there are none.
    result, error
        Result or error of a response. None for other messages.
    """

    __slots__ = ("error", "id", "method", "params", "result", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.id: str | int | None = value.get("id")
        self.method: str = value.get("method", "")
        self.params: Any = value.get("params", {})
        self.result: Any = value.get("result")
        self.error: Any = value.get("error")

    @property
    def kind(self) -> str:
        """Kind of the message: `request`, `notification`, `response` or `error`."""
        if self.method:
            return "request" if "id" in self.value else "notification"
        return "response" if "result" in self.value else "error"

    @property
    def tool(self) -> str:
        """Name of the tool called by an MCP request. Empty for other messages."""
        return self._parameter("name") if self.method == "tools/call" else ""

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments that an MCP request passes to a tool or prompt. Empty for other messages."""
        arguments = self.params.get("arguments") if isinstance(self.params, dict) else None
        return arguments if isinstance(arguments, dict) else {}

    @property
    def resource(self) -> str:
        """URI of the resource that an MCP request reads or subscribes to. Empty for other messages."""
        return self._parameter("uri") if self.method.startswith("resources/") else ""

    def _parameter(self, name: str) -> str:
        value = self.params.get(name) if isinstance(self.params, dict) else None
        return value if isinstance(value, str) else ""

    def error_response(self, code: int, message: str, data: Any = None) -> dict[str, Any]:
        """Return an error response to this request. Send it with `send_local_response(200, json=...)`.

        Parameters
        ----------
        code
            JSON-RPC error code: -32600 for an invalid request, -32601 for an unknown method, -32602 for invalid parameters.
        message
            Error message, as one sentence.
        data
            Additional JSON value to send with the error (default None: no value).
        """
        error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        return {"jsonrpc": "2.0", "id": self.id, "error": error}

    def __repr__(self) -> str:
        return f"<JSON-RPC {self.kind} {self.method or self.id!r}>"


def to_messages(value: Any) -> list[JsonRpcMessage]:
    """Convert a JSON document to JSON-RPC messages. A batch (a list) contains several messages.

    Raises
    ------
    ContentError
        The document, or an item of the batch, is not a JSON-RPC 2.0 message.
    """
    items = value if isinstance(value, list) else [value]
    if not items:
        raise ContentError("the body is not JSON-RPC: the batch is empty")
    for item in items:
        reason = _problem(item)
        if reason:
            raise ContentError(f"the body is not JSON-RPC: {reason}")
    return [JsonRpcMessage(item) for item in items]


def _problem(item: Any) -> str:
    """Return a description of the first violation of JSON-RPC 2.0 in a message, or '' if the message is valid."""
    if not isinstance(item, dict):
        return f"a message must be an object, not {type(item).__name__}"
    if item.get("jsonrpc") != "2.0":
        return f'"jsonrpc" must be "2.0", not {item.get("jsonrpc")!r}'
    identifier = item.get("id")
    if identifier is not None and (isinstance(identifier, bool) or not isinstance(identifier, str | int | float)):
        return '"id" must be a string or a number'
    if "method" in item:
        if not isinstance(item["method"], str) or not item["method"]:
            return '"method" must be a string'
        return "" if isinstance(item.get("params", {}), dict | list) else '"params" must be an object or an array'
    if ("result" in item) == ("error" in item):
        return 'a message must have exactly one of "method", "result" and "error"'
    return ""
