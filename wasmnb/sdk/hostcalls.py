"""The ABI's hostcalls one for one, with Python's types; a status other than OK raises `HostcallError`.

They act on the context of the running callback, or on the one set by `set_effective_context`. Names are the ABI's without
prefix. Text is encoded as UTF-8; results are bytes.
"""

from typing import NamedTuple

from ..abi import (
    BufferType,
    GrpcStatus,
    HeaderMapType,
    LogLevel,
    MetricType,
    Pair,
    StreamType,
    decode_pairs,
    encode_path,
)
from .callouts.grpc import GrpcCall, Target
from .callouts.grpc_streams import GrpcStream
from .callouts.http import HttpCall
from .contexts import Context
from .messages.bodies import WHOLE
from .messages.encoding import PairsLike, Text, Value, encode
from .messages.pairs import serialised
from .shared import SharedValue
from .vm import VM, current_vm

__all__ = [
    "add_header_map_value",
    "call_foreign_function",
    "close_stream",
    "continue_stream",
    "define_metric",
    "dequeue_shared_queue",
    "done",
    "enqueue_shared_queue",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_current_time_nanoseconds",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "get_log_level",
    "get_metric",
    "get_property",
    "get_shared_data",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
    "increment_metric",
    "log",
    "record_metric",
    "register_shared_queue",
    "remove_header_map_value",
    "replace_header_map_value",
    "resolve_shared_queue",
    "send_local_response",
    "set_buffer_bytes",
    "set_effective_context",
    "set_header_map_pairs",
    "set_property",
    "set_shared_data",
    "set_tick_period_milliseconds",
]


class BufferStatus(NamedTuple):
    """Length of a buffer in bytes, and flags, which are 0."""

    length: int
    flags: int


class CallStatus(NamedTuple):
    """Status code and message of a call."""

    code: int
    message: bytes


def log(level: LogLevel, message: Text) -> None:
    """Write one line to the proxy's log."""
    current_vm().call("log", int(level), encode(message))


def get_log_level() -> LogLevel:
    """Return the lowest level that the proxy writes."""
    return LogLevel(current_vm().call("get_log_level"))


def get_current_time_nanoseconds() -> int:
    """Return the wall clock, in nanoseconds since 1970."""
    return current_vm().call("get_current_time_nanoseconds")  # type: ignore[no-any-return]


def set_tick_period_milliseconds(period: int) -> None:
    """Call `on_tick` of the plugin every `period` milliseconds; 0 stops the ticks."""
    current_vm().call("set_tick_period_milliseconds", period, about=str(period))


# -- header maps


def get_header_map_value(map_type: HeaderMapType, name: Text) -> bytes:
    """Return the first value of a name; `NotFound` without one."""
    about = f"{map_type.name}, {name!r}"
    return current_vm().call("get_header_map_value", int(map_type), encode(name), about=about)  # type: ignore[no-any-return]


def add_header_map_value(map_type: HeaderMapType, name: Text, value: Value) -> None:
    """Append an entry to a map."""
    about = f"{map_type.name}, {name!r}"
    current_vm().call("add_header_map_value", int(map_type), encode(name), encode(value), about=about)


def replace_header_map_value(map_type: HeaderMapType, name: Text, value: Value) -> None:
    """Set a name to exactly one entry."""
    about = f"{map_type.name}, {name!r}"
    current_vm().call("replace_header_map_value", int(map_type), encode(name), encode(value), about=about)


def remove_header_map_value(map_type: HeaderMapType, name: Text) -> None:
    """Remove every entry of a name, if there is any."""
    about = f"{map_type.name}, {name!r}"
    current_vm().call("remove_header_map_value", int(map_type), encode(name), about=about)


def get_header_map_pairs(map_type: HeaderMapType) -> list[Pair]:
    """Return the whole map; empty if it is not available."""
    return decode_pairs(current_vm().call("get_header_map_pairs", int(map_type), about=map_type.name)) or []


def set_header_map_pairs(map_type: HeaderMapType, pairs: PairsLike) -> None:
    """Replace the whole map."""
    current_vm().call("set_header_map_pairs", int(map_type), serialised(current_vm().abi, pairs), about=map_type.name)


def get_header_map_size(map_type: HeaderMapType) -> int:
    """Return the size of names and values in bytes; for writable maps only."""
    return current_vm().call("get_header_map_size", int(map_type), about=map_type.name)  # type: ignore[no-any-return]


# -- buffers


def get_buffer_bytes(buffer_type: BufferType, start: int = 0, length: int = WHOLE) -> bytes:
    """Return part of a buffer, clipped at its end."""
    return current_vm().call("get_buffer_bytes", int(buffer_type), start, length, about=buffer_type.name)  # type: ignore[no-any-return]


def get_buffer_status(buffer_type: BufferType) -> BufferStatus:
    """Return the length of a buffer, and flags (0)."""
    return BufferStatus(*current_vm().call("get_buffer_status", int(buffer_type), about=buffer_type.name))


def set_buffer_bytes(buffer_type: BufferType, start: int, length: int, data: Value) -> None:
    """Replace the first `length` bytes (start 0), or append (start at or after the end)."""
    about = f"{buffer_type.name}, {start}, {length}"
    current_vm().call("set_buffer_bytes", int(buffer_type), start, length, encode(data), about=about)


# -- streams and contexts


def send_local_response(
    status: int,
    details: Text = b"",
    body: Value = b"",
    headers: PairsLike = (),
    grpc_status: int = GrpcStatus.INVALID,
) -> None:
    """Send a local response after the callback returns.

    Parameters
    ----------
    status
        HTTP status; not checked.
    details
        Reason for the access log.
    body
        Body; empty by default.
    headers
        More headers, as a mapping or as pairs.
    grpc_status
        Status for gRPC requests; derived from the HTTP status by default.
    """
    pairs = serialised(current_vm().abi, headers)
    current_vm().call("send_local_response", status, encode(details), encode(body), pairs, int(grpc_status))


def continue_stream(stream_type: StreamType) -> None:
    """Continue a paused direction. Not checked: Envoy misbehaves if it is not paused."""
    current_vm().call("continue_stream", int(stream_type), about=stream_type.name)


def close_stream(stream_type: StreamType) -> None:
    """Reset the stream, or close the connection."""
    current_vm().call("close_stream", int(stream_type), about=stream_type.name)


def set_effective_context(context_id: int) -> None:
    """Let the rest of this callback act on another context of this VM."""
    vm = current_vm()
    vm.call("set_effective_context", context_id, about=str(context_id))
    vm.active = None  # other objects have to switch back by themselves


def done() -> None:
    """Finish a plugin whose `on_plugin_done` returned False."""
    current_vm().call("done")


def get_status() -> CallStatus:
    """Return code and message of the plugin's last call."""
    return CallStatus(*current_vm().call("get_status"))


def call_foreign_function(name: Text, arguments: Value = b"") -> bytes:
    """Call a foreign function of the proxy by name."""
    return current_vm().call("call_foreign_function", encode(name), encode(arguments), about=repr(name))  # type: ignore[no-any-return]


# -- properties, shared data, queues


def get_property(*path: Text) -> bytes:
    """Return the bytes of a property; `NotFound` if the stream does not have it now."""
    return current_vm().call("get_property", encode_path(path), about=repr(path))  # type: ignore[no-any-return]


def set_property(path: Text, value: Value) -> None:
    """Store a value in the stream's filter state."""
    current_vm().call("set_property", encode(path), encode(value), about=repr(path))


def get_shared_data(key: Text) -> SharedValue:
    """Return a value and its cas number; `NotFound` if the key has no value."""
    return SharedValue(*current_vm().call("get_shared_data", encode(key), about=repr(key)))


def set_shared_data(key: Text, value: Value, cas: int = 0) -> None:
    """Store a value; with a cas number, only if no one has written since (otherwise `CasMismatch`)."""
    current_vm().call("set_shared_data", encode(key), encode(value), cas, about=repr(key))


def register_shared_queue(name: Text) -> int:
    """Open or create a queue, become its receiver, and return its token."""
    return current_vm().call("register_shared_queue", encode(name), about=repr(name))  # type: ignore[no-any-return]


def resolve_shared_queue(vm_id: Text, name: Text) -> int:
    """Return the token of a queue; `NotFound` if no VM has registered it."""
    return current_vm().call("resolve_shared_queue", encode(vm_id), encode(name), about=repr(name))  # type: ignore[no-any-return]


def enqueue_shared_queue(token: int, data: Value) -> None:
    """Append an item to a queue."""
    current_vm().call("enqueue_shared_queue", token, encode(data), about=str(token))


def dequeue_shared_queue(token: int) -> bytes:
    """Take and return the first item of a queue; `Empty` if it is empty."""
    return current_vm().call("dequeue_shared_queue", token, about=str(token))  # type: ignore[no-any-return]


# -- metrics


def define_metric(metric_type: MetricType, name: Text) -> int:
    """Define a metric and return its id in this VM."""
    return current_vm().call("define_metric", int(metric_type), encode(name), about=repr(name))  # type: ignore[no-any-return]


def increment_metric(metric_id: int, offset: int) -> None:
    """Add to a counter (at least 1) or a gauge."""
    current_vm().call("increment_metric", metric_id, offset, about=f"{metric_id}, {offset}")


def record_metric(metric_id: int, value: int) -> None:
    """Set a gauge, record in a histogram, add to a counter."""
    current_vm().call("record_metric", metric_id, value, about=f"{metric_id}, {value}")


def get_metric(metric_id: int) -> int:
    """Return the value of a counter or a gauge."""
    return current_vm().call("get_metric", metric_id, about=str(metric_id))  # type: ignore[no-any-return]


# -- callouts


def _caller(vm: VM) -> Context:
    """Return the context that a call belongs to: the one of the running callback."""
    if vm.active is None:
        raise RuntimeError("after hostcalls.set_effective_context, make calls with a context's own methods")
    context: Context = vm.active
    return context


def http_call(
    cluster: Text, headers: PairsLike, body: Value = b"", trailers: PairsLike = (), timeout_ms: int = 5000
) -> HttpCall:
    """Send a request; the headers need :method, :path and :authority. Call `on_response` on the result, or await it."""
    vm = current_vm()
    return HttpCall.start(
        vm, _caller(vm), cluster, headers, body=body, trailers=trailers, timeout_ms=timeout_ms, callback=None
    )


def grpc_call(
    service: Text,
    service_name: Text,
    method: Text,
    *,
    metadata: PairsLike = (),
    message: Value = b"",
    timeout_ms: int = 5000,
) -> GrpcCall:
    """Make a unary call. Call `on_response` on the result, or await it."""
    vm = current_vm()
    target, caller = Target(service, service_name, method), _caller(vm)
    return GrpcCall.start(vm, caller, target, message, metadata=metadata, timeout_ms=timeout_ms, callback=None)


def grpc_stream(service: Text, service_name: Text, method: Text, metadata: PairsLike = ()) -> GrpcStream:
    """Open a stream; set `on_message` and `on_close` on the result."""
    vm = current_vm()
    return GrpcStream.start(vm, _caller(vm), Target(service, service_name, method), metadata)


def grpc_send(token: int, message: Value, end_of_stream: bool = False) -> None:
    """Send a message on a stream."""
    current_vm().call("grpc_send", token, encode(message), int(end_of_stream), about=str(token))


def grpc_close(token: int) -> None:
    """Half-close a stream, or cancel a call."""
    current_vm().call("grpc_close", token, about=str(token))


def grpc_cancel(token: int) -> None:
    """Reset a call or a stream."""
    current_vm().call("grpc_cancel", token, about=str(token))
