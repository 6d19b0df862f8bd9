"""Causes of hostcalls' error statuses, in words.

The ABI's table `STATUS_CAUSES` has the causes. The functions in this module add the hostcall's arguments, or find the exact cause
from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi import STATUS_CAUSES, BufferType, HeaderMapType, Status, availability
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
    return "the timeout is negative" if event.args["timeout"] >> 31 else STATUS_CAUSES[event.name, Status.BAD_ARGUMENT]


def _no_endpoints(event: Event, _server: ServerContext) -> str:
    cluster = event.args.get("cluster", event.args.get("service"))
    return f"{_text(cluster)!r} has none, and no callback follows"


def _grpc_target(event: Event, server: ServerContext) -> str:
    service = _text(event.args["service"])
    return f"{service!r}, which is not a GrpcService message either; it has {', '.join(server.clusters)}"


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
        return f"token {event.args.get('token')}"
    return f"{_text(name)!r} of vm_id {_text(vm_id)!r}" if vm_id else repr(_text(name))


def _foreign(event: Event, _server: ServerContext) -> str:
    from ..foreign_functions.functions import FOREIGN

    return f"{_text(event.args['name'])!r}; it has {', '.join(FOREIGN)}"


_MAPS = ("get_header_map_value", "add_header_map_value", "replace_header_map_value", "remove_header_map_value",
         "set_header_map_pairs", "get_header_map_size", "get_header_map_pairs")  # fmt: skip
_BUFFERS = ("get_buffer_bytes", "get_buffer_status", "set_buffer_bytes")

#: Functions that return the cause, by hostcall and status, where it depends on the arguments.
EXACT_CAUSES: dict[tuple[str, Status], Cause] = {
    **{(name, Status.BAD_ARGUMENT): _header_map for name in _MAPS},
    **{(name, status): _buffer for name in _BUFFERS for status in (Status.BAD_ARGUMENT, Status.NOT_FOUND)},
    ("get_header_map_value", Status.NOT_FOUND): lambda e, _: f"there is no header {_text(e.args['key'])!r}",
    ("http_call", Status.BAD_ARGUMENT): _http_call,
    ("get_property", Status.NOT_FOUND): _property,
    ("get_property", Status.SERIALIZATION_FAILURE): _whole_group,
}

#: Functions that return the arguments to add to the cause in `STATUS_CAUSES`, by hostcall and status.
ARGUMENTS: dict[tuple[str, Status], Cause] = {
    ("http_call", Status.INTERNAL_FAILURE): _no_endpoints,
    ("grpc_call", Status.PARSE_FAILURE): _grpc_target,
    ("grpc_call", Status.INTERNAL_FAILURE): _no_endpoints,
    ("grpc_stream", Status.PARSE_FAILURE): _grpc_target,
    ("grpc_stream", Status.INTERNAL_FAILURE): _no_endpoints,
    ("get_shared_data", Status.NOT_FOUND): lambda e, _: repr(_text(e.args["key"])),
    ("resolve_shared_queue", Status.NOT_FOUND): _queue,
    ("enqueue_shared_queue", Status.NOT_FOUND): _queue,
    ("dequeue_shared_queue", Status.NOT_FOUND): _queue,
    ("set_effective_context", Status.BAD_ARGUMENT): lambda e, _: f"context {e.args['context_id']}",
    ("call_foreign_function", Status.NOT_FOUND): _foreign,
}

#: Causes of statuses for hostcalls without a row in one of the tables.
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
    key = (event.name, status)
    if key in EXACT_CAUSES:
        reason = EXACT_CAUSES[key](event, server)
    elif key in ARGUMENTS:
        reason = f"{STATUS_CAUSES[key]} ({ARGUMENTS[key](event, server)})"
    else:
        reason = STATUS_CAUSES.get(key) or _ANY.get(status, "")
    return f"{event.name}: {int(status)} {status.name}" + (f": {reason}" if reason else "")
