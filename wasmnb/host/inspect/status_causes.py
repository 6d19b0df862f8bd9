"""Causes of hostcalls' error statuses, in words.

Each row of the table contains the cause of one status of one hostcall, or a function if the cause depends on the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi import BufferType, HeaderMapType, Status, availability
from ..properties.lookup import GROUPS

if TYPE_CHECKING:
    from ..server_context import ServerContext
    from ..trace.events import Event

__all__ = ["cause_of"]

Cause = Callable[["Event", "ServerContext"], str]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _header_map(event: Event, _server: ServerContext) -> str:
    kind = event.args.get("map_type")
    if not isinstance(kind, HeaderMapType):
        return f"there is no header map type {kind}"
    reading = event.name == "get_header_map_value"
    where = availability(kind, write=not reading)
    if not where:
        return f"{kind.name} can only be read, {availability(kind)}"
    return f"{kind.name} isn't available now; it can be {'read' if reading else 'written'} {where}"


def _buffer(event: Event, _server: ServerContext) -> str:
    kind = event.args.get("buffer_type")
    if not isinstance(kind, BufferType):
        return f"there is no buffer type {kind}"
    writing = event.name == "set_buffer_bytes"
    where = availability(kind, write=writing)
    if writing and not where:
        return f"{kind.name} can only be read, {availability(kind)}"
    hint = (
        "; `start` must be 0 to replace the first bytes, or at least the buffer's length to append" if writing else ""
    )
    return f"{kind.name} isn't available now; it can be {'written' if writing else 'read'} {where}{hint}"


def _http_call(event: Event, server: ServerContext) -> str:
    cluster = _text(event.args["cluster"])
    if cluster not in server.clusters:
        return f"there is no cluster {cluster!r}; the proxy has {', '.join(server.clusters)}"
    names = {name.lower() for name, _ in event.args["headers"]} if isinstance(event.args["headers"], list) else set()
    required = {":method": {b":method"}, ":path": {b":path"}, ":authority": {b":authority", b"host"}}
    missing = [f"`{name}`" for name, spellings in required.items() if not spellings & names]
    if missing:
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    return "the timeout is negative" if event.args["timeout"] >> 31 else "Envoy can't make this call"


def _no_endpoints(event: Event, _server: ServerContext) -> str:
    cluster = event.args.get("cluster", event.args.get("service"))
    return f"cluster {_text(cluster)!r} has no endpoint, so the call failed immediately, without a callback"


def _grpc_target(event: Event, server: ServerContext) -> str:
    service = _text(event.args["service"])
    return f"{service!r} is neither a cluster nor a GrpcService message; the proxy has {', '.join(server.clusters)}"


def _property(event: Event, _server: ServerContext) -> str:
    parts = [_text(p) for p in event.args["path"]] if isinstance(event.args["path"], list) else []
    if not parts:
        return "the path is empty"
    group = GROUPS.get(parts[0])
    if group is None:
        return f"there is no attribute {parts[0]!r}, and no filter has set a property with this name on this stream"
    if len(parts) > 1 and parts[1] not in group:
        return f"{parts[0]} has no attribute {parts[1]!r}; it has {', '.join(group)}"
    return f"{'.'.join(parts)} has no value at this time"


def _whole_group(event: Event, _server: ServerContext) -> str:
    parts = [_text(p) for p in event.args["path"]] if isinstance(event.args["path"], list) else []
    names = f": {', '.join(GROUPS[parts[0]])}" if len(parts) == 1 and parts[0] in GROUPS else ""
    return "the path is empty" if not parts else f"{'.'.join(parts)} is a group of attributes; read one of them{names}"


def _queue(event: Event, _server: ServerContext) -> str:
    name, vm_id = event.args.get("name"), event.args.get("vm_id")
    if name is None:
        return f"no queue has the token {event.args.get('token')}"
    where = f"vm_id {_text(vm_id)!r}" if vm_id else "this vm_id"
    return f"no queue {_text(name)!r} is registered under {where}"


def _foreign(event: Event, _server: ServerContext) -> str:
    from ..foreign_functions.functions import FOREIGN

    return f"there is no foreign function {_text(event.args['name'])!r}; Envoy has {', '.join(FOREIGN)}"


def _fixed(text: str) -> Cause:
    return lambda _event, _server: text


_MAPS = ("get_header_map_value", "add_header_map_value", "replace_header_map_value", "remove_header_map_value",
         "set_header_map_pairs", "get_header_map_size", "get_header_map_pairs")  # fmt: skip
_BUFFERS = ("get_buffer_bytes", "get_buffer_status", "set_buffer_bytes")
_TOKEN_KINDS = _fixed(
    "the token is of another kind: tokens of gRPC calls are 5, 9, 13, ..., those of gRPC streams 6, 10, 14, ..."
)

#: Functions that return the cause, by hostcall and status.
CAUSES: dict[tuple[str, Status], Cause] = {
    **{(name, Status.BAD_ARGUMENT): _header_map for name in _MAPS},
    ("get_header_map_value", Status.NOT_FOUND): lambda e, _: f"there is no header {_text(e.args['key'])!r}",
    ("http_call", Status.BAD_ARGUMENT): _http_call,
    ("http_call", Status.INTERNAL_FAILURE): _no_endpoints,
    ("grpc_call", Status.PARSE_FAILURE): _grpc_target,
    ("grpc_stream", Status.PARSE_FAILURE): _grpc_target,
    ("grpc_call", Status.INTERNAL_FAILURE): _no_endpoints,
    ("grpc_stream", Status.INTERNAL_FAILURE): _no_endpoints,
    ("grpc_send", Status.BAD_ARGUMENT): _TOKEN_KINDS,
    ("grpc_close", Status.BAD_ARGUMENT): _TOKEN_KINDS,
    ("grpc_cancel", Status.BAD_ARGUMENT): _TOKEN_KINDS,
    ("get_property", Status.NOT_FOUND): _property,
    ("get_property", Status.SERIALIZATION_FAILURE): _whole_group,
    ("set_property", Status.NOT_FOUND): _fixed("a root context has no stream, so it has no filter state"),
    ("set_property", Status.BAD_ARGUMENT): _fixed("the property was declared read-only and already has a value"),
    ("get_shared_data", Status.NOT_FOUND): lambda e, _: (
        f"no value is stored for {_text(e.args['key'])!r} under this vm_id"
    ),
    ("set_shared_data", Status.CAS_MISMATCH): _fixed(
        "another write has changed the value since you read it; read it again and retry"
    ),
    ("resolve_shared_queue", Status.NOT_FOUND): _queue,
    ("enqueue_shared_queue", Status.NOT_FOUND): _queue,
    ("dequeue_shared_queue", Status.NOT_FOUND): _queue,
    ("dequeue_shared_queue", Status.EMPTY): _fixed(
        "the queue is empty; an earlier callback may have removed all items"
    ),
    ("define_metric", Status.BAD_ARGUMENT): _fixed(
        "the type of a metric must be counter (0), gauge (1) or histogram (2)"
    ),
    ("increment_metric", Status.BAD_ARGUMENT): _fixed(
        "a counter can only be increased, and a histogram requires record_metric"
    ),
    ("get_metric", Status.BAD_ARGUMENT): _fixed("a histogram can't be read"),
    ("increment_metric", Status.NOT_FOUND): _fixed("this VM hasn't defined a metric with this id"),
    ("record_metric", Status.NOT_FOUND): _fixed("this VM hasn't defined a metric with this id"),
    ("get_metric", Status.NOT_FOUND): _fixed("this VM hasn't defined a metric with this id"),
    **{(name, status): _buffer for name in _BUFFERS for status in (Status.BAD_ARGUMENT, Status.NOT_FOUND)},
    ("continue_stream", Status.UNIMPLEMENTED): _fixed("Envoy can't continue the upstream side of a connection"),
    ("set_effective_context", Status.BAD_ARGUMENT): lambda e, _: (
        f"this VM has no context {e.args['context_id']}, or the context has ended"
    ),
    ("done", Status.NOT_FOUND): _fixed("only a root context whose on_done returned 0 (false) can call done"),
    ("call_foreign_function", Status.NOT_FOUND): _foreign,
    ("log", Status.BAD_ARGUMENT): _fixed("the log level must be between 0 (trace) and 5 (critical)"),
}

#: Causes of statuses for hostcalls without a row in the table.
_ANY: dict[Status, str] = {
    Status.INVALID_MEMORY_ACCESS: "a pointer and its size lie outside the memory, or the allocator returned 0",
    Status.BAD_ARGUMENT: "an argument is out of range",
    Status.INTERNAL_FAILURE: "the configuration doesn't allow this call, or the call failed in Envoy",
}


def cause_of(event: Event, server: ServerContext) -> str:
    """Describe the cause of a hostcall's error status, such as `http_call: 2 BAD_ARGUMENT: the timeout is negative`.

    Parameters
    ----------
    event
        Event of the hostcall.
    server
        State of the proxy, with the names of its clusters.

    Returns
    -------
    str
        The hostcall, its status and the cause. Empty if the status is OK or the event isn't a hostcall.
    """
    status = event.status
    if not isinstance(status, Status) or status is Status.OK:
        return ""
    cause = CAUSES.get((event.name, status))
    reason = (
        cause(event, server)
        if cause is not None and status is not Status.INVALID_MEMORY_ACCESS
        else _ANY.get(status, "")
    )
    return f"{event.name}: {int(status)} {status.name}" + (f": {reason}" if reason else "")
