"""Tables of all callbacks and hostcalls of the Proxy-Wasm ABI, with signatures, versions and areas, and of error statuses.

The host, the linker's glue, the SDK's bindings and the module lint are derived from this table. It follows the 0.2.1
specification. Where Envoy 1.40 differs, the table follows Envoy, and a comment notes the difference.
"""

from enum import IntEnum

from .enums import (
    AbiVersion,
    BufferType,
    CloseType,
    GrpcStatus,
    HeaderMapType,
    LogLevel,
    MetricType,
    Status,
    StreamType,
)
from .signatures import Area, Callback, Hostcall, Kind, Param, Result

__all__ = [
    "CALLBACKS",
    "CALLBACKS_BY_NAME",
    "END_CALLBACKS",
    "ENTRY_POINTS",
    "HOSTCALLS",
    "ON_BODY",
    "ON_HEADERS",
    "ON_TRAILERS",
    "STATUS_CAUSES",
    "STREAM_CALLBACKS",
    "Area",
    "Callback",
    "Hostcall",
    "Kind",
    "Param",
    "Result",
    "callbacks_for",
    "hostcalls_for",
]

SINCE_0_2_0 = (AbiVersion.V0_2_0, AbiVersion.V0_2_1)
ONLY_0_2_1 = (AbiVersion.V0_2_1,)
ONLY_0_1_0 = (AbiVersion.V0_1_0,)


def _input(name: str, kind: Kind = Kind.U32, enum: type[IntEnum] | None = None) -> Param:
    return Param(name, Kind.ENUM if enum else kind, enum)


_CONTEXT = Param("context_id")
_ROOT = Param("root_context_id")
_TOKEN = Param("token")
_EOS = Param("end_of_stream")
_MAP = Param("map_type", Kind.ENUM, HeaderMapType)
_BUFFER = Param("buffer_type", Kind.ENUM, BufferType)
_STREAM = Param("stream_type", Kind.ENUM, StreamType)
_KEY = Param("key", Kind.BYTES)
_VALUE = Param("value", Kind.BYTES)
_OUT_TOKEN = Param("token", Kind.OUT_U32)
_OUT_VALUE = Param("value", Kind.OUT_BYTES)
_GRPC_TARGET = (_input("service", Kind.BYTES), _input("service_name", Kind.BYTES), _input("method", Kind.BYTES))


# One row for each function.
# fmt: off


def _hostcalls() -> tuple[Hostcall, ...]:
    return *_stream_hostcalls(), *_state_hostcalls(), *_callout_hostcalls()


def _stream_hostcalls() -> tuple[Hostcall, ...]:
    A, K, H = Area, Kind, Hostcall
    return (
        H("proxy_log", A.LOGGING, (_input("level", enum=LogLevel), _input("message", K.BYTES)), at_entry=True,
          doc="Write one line to the proxy's log."),
        H("proxy_get_log_level", A.LOGGING, (Param("level", K.OUT_U32),), ONLY_0_2_1,
          doc="Return the log level of the proxy's wasm logger. Lines below it are dropped."),
        H("proxy_get_current_time_nanoseconds", A.TIME, (Param("time", K.OUT_U64),),
          doc="Return the current time in nanoseconds since 1970-01-01 UTC."),
        H("proxy_set_tick_period_milliseconds", A.TIMERS, (_input("period"),),
          doc="Call `on_tick` of the root context every `period` milliseconds; 0 stops the ticks."),
        H("proxy_get_header_map_value", A.HEADERS, (_MAP, _KEY, _OUT_VALUE), doc="Return the first value of a header."),
        H("proxy_add_header_map_value", A.HEADERS, (_MAP, _KEY, _VALUE), doc="Append a header."),
        H("proxy_replace_header_map_value", A.HEADERS, (_MAP, _KEY, _VALUE), doc="Replace all values of a header by one."),
        H("proxy_remove_header_map_value", A.HEADERS, (_MAP, _KEY), doc="Remove all values of a header."),
        H("proxy_get_header_map_pairs", A.HEADERS, (_MAP, Param("pairs", K.OUT_BYTES)), doc="Return all headers."),
        H("proxy_set_header_map_pairs", A.HEADERS, (_MAP, _input("pairs", K.PAIRS)), doc="Replace all headers."),
        H("proxy_get_header_map_size", A.HEADERS, (_MAP, Param("size", K.OUT_U32)),
          doc="Return the total size of names and values in bytes, for writable maps only."),
        H("proxy_get_buffer_bytes", A.BUFFERS,
          (_BUFFER, _input("start"), _input("length"), Param("data", K.OUT_BYTES)), doc="Return bytes of a buffer."),
        H("proxy_get_buffer_status", A.BUFFERS,
          (_BUFFER, Param("length", K.OUT_U32), Param("flags", K.OUT_U32)), doc="Return a buffer's length. The flags are 0."),
        H("proxy_set_buffer_bytes", A.BUFFERS, (_BUFFER, _input("start"), _input("length"), _input("data", K.BYTES)),
          doc="Replace the first `length` bytes (if start is 0), or append bytes (if start is at or after the end)."),
        H("proxy_send_local_response", A.STREAMS,
          (_input("status_code"), _input("details", K.BYTES), _input("body", K.BYTES), _input("headers", K.PAIRS),
           _input("grpc_status", enum=GrpcStatus)),
          doc="Send a local response when the callback returns, and end the stream."),
        H("proxy_continue_stream", A.STREAMS, (_STREAM,), SINCE_0_2_0, doc="Continue a paused direction."),
        H("proxy_close_stream", A.STREAMS, (_STREAM,), SINCE_0_2_0, doc="Reset the stream or close the connection."),
        H("proxy_continue_request", A.STREAMS, (), ONLY_0_1_0, doc="0.1.0's continue_stream(REQUEST)."),
        H("proxy_continue_response", A.STREAMS, (), ONLY_0_1_0, doc="0.1.0's continue_stream(RESPONSE)."),
        H("proxy_clear_route_cache", A.STREAMS, (), ONLY_0_1_0, doc="Choose the route again."),
        H("proxy_get_configuration", A.BUFFERS, (Param("configuration", K.OUT_BYTES),), ONLY_0_1_0,
          doc="Return the VM configuration or, inside on_configure, the plugin configuration."),
    )


def _state_hostcalls() -> tuple[Hostcall, ...]:
    A, K, H = Area, Kind, Hostcall
    return (
        H("proxy_set_effective_context", A.LIFECYCLE, (_CONTEXT,),
          doc="Make all further hostcalls of this callback act on another context of this VM."),
        H("proxy_done", A.LIFECYCLE, (), doc="Let a root context end, after its `on_done` returned 0."),
        H("proxy_get_property", A.PROPERTIES, (_input("path", K.PATH), _OUT_VALUE), doc="Return an attribute of the stream."),
        H("proxy_set_property", A.PROPERTIES, (_input("path", K.PATH), _VALUE), doc="Store a value in the filter state."),
        H("proxy_get_shared_data", A.SHARED_DATA, (_KEY, _OUT_VALUE, Param("cas", K.OUT_U32)),
          doc="Return a value shared by all VMs of the same vm_id, and its compare-and-swap number."),
        H("proxy_set_shared_data", A.SHARED_DATA, (_KEY, _VALUE, _input("cas")), doc="Store a value. With cas 0, it is always stored."),
        H("proxy_register_shared_queue", A.SHARED_QUEUES, (_input("name", K.BYTES), _OUT_TOKEN),
          doc="Create or open a queue of this VM's vm_id, and make this VM its receiver."),
        H("proxy_resolve_shared_queue", A.SHARED_QUEUES,
          (_input("vm_id", K.BYTES), _input("name", K.BYTES), _OUT_TOKEN), doc="Find a queue that a VM has registered."),
        H("proxy_enqueue_shared_queue", A.SHARED_QUEUES, (_TOKEN, _input("data", K.BYTES)), doc="Append an item."),
        H("proxy_dequeue_shared_queue", A.SHARED_QUEUES, (_TOKEN, Param("data", K.OUT_BYTES)), doc="Remove and return the first item."),
        H("proxy_define_metric", A.METRICS,
          (_input("type", enum=MetricType), _input("name", K.BYTES), Param("metric_id", K.OUT_U32)), doc="Define a metric."),
        H("proxy_increment_metric", A.METRICS, (_input("metric_id"), _input("offset", K.I64)), doc="Add to a counter or gauge."),
        H("proxy_record_metric", A.METRICS, (_input("metric_id"), _input("value", K.U64)),
          doc="Set a gauge, add a sample to a histogram, or increase a counter."),
        H("proxy_get_metric", A.METRICS, (_input("metric_id"), Param("value", K.OUT_U64)), doc="Return a counter's or gauge's value."),
    )


def _callout_hostcalls() -> tuple[Hostcall, ...]:
    A, K, H = Area, Kind, Hostcall
    return (
        H("proxy_http_call", A.HTTP_CALLS,
          (_input("cluster", K.BYTES), _input("headers", K.PAIRS), _input("body", K.BYTES), _input("trailers", K.PAIRS),
           _input("timeout"), _OUT_TOKEN),
          doc="Send a request to a cluster. `timeout` is in milliseconds, and 0 means no timeout."),
        H("proxy_grpc_call", A.GRPC,
          (*_GRPC_TARGET, _input("metadata", K.PAIRS), _input("message", K.BYTES), _input("timeout"), _OUT_TOKEN),
          doc="Make a unary gRPC call. `timeout` is in milliseconds."),
        H("proxy_grpc_stream", A.GRPC, (*_GRPC_TARGET, _input("metadata", K.PAIRS), _OUT_TOKEN), doc="Open a gRPC stream."),
        H("proxy_grpc_send", A.GRPC, (_TOKEN, _input("message", K.BYTES), _EOS), doc="Send a message on a gRPC stream."),
        H("proxy_grpc_close", A.GRPC, (_TOKEN,), doc="Half-close a gRPC stream, or cancel a gRPC call."),
        H("proxy_grpc_cancel", A.GRPC, (_TOKEN,), doc="Reset a gRPC call or stream."),
        H("proxy_get_status", A.LIFECYCLE, (Param("code", K.OUT_U32), Param("message", K.OUT_BYTES)),
          doc="Return the status of the root context's last call."),
        H("proxy_call_foreign_function", A.FOREIGN,
          (_input("name", K.BYTES), _input("arguments", K.BYTES), Param("results", K.OUT_BYTES)),
          doc="Call a foreign function of the proxy."),
    )


def _callbacks() -> tuple[Callback, ...]:
    A, R, C = Area, Result, Callback
    stream = ("http", "tcp")
    n, size = Param("num_headers"), Param("body_size")
    trailers = Param("num_trailers")
    data = (_CONTEXT, Param("data_size"), _EOS)
    close = (_CONTEXT, Param("close_type", Kind.ENUM, CloseType))
    metadata = (_CONTEXT, Param("num_elements"))
    return (
        C("proxy_on_context_create", A.LIFECYCLE, ("root", *stream), (_CONTEXT, Param("parent_context_id"))),
        C("proxy_on_vm_start", A.LIFECYCLE, ("root",), (_ROOT, Param("vm_configuration_size")), R.BOOL, 1),
        C("proxy_on_configure", A.LIFECYCLE, ("root",), (_ROOT, Param("plugin_configuration_size")), R.BOOL, 1),
        C("proxy_on_tick", A.TIMERS, ("root",), (_ROOT,)),
        C("proxy_on_queue_ready", A.SHARED_QUEUES, ("root",), (_ROOT, _TOKEN)),
        C("proxy_on_new_connection", A.TCP, ("tcp",), (_CONTEXT,), R.ACTION),
        C("proxy_on_downstream_data", A.TCP, ("tcp",), data, R.ACTION),
        C("proxy_on_upstream_data", A.TCP, ("tcp",), data, R.ACTION),
        C("proxy_on_downstream_connection_close", A.TCP, ("tcp",), close),
        C("proxy_on_upstream_connection_close", A.TCP, ("tcp",), close),
        # In ABI 0.1.0, the two headers callbacks have no parameter end_of_stream (see `callbacks_for`).
        C("proxy_on_request_headers", A.HTTP, ("http",), (_CONTEXT, n, _EOS), R.HEADERS_STATUS),
        C("proxy_on_request_body", A.HTTP, ("http",), (_CONTEXT, size, _EOS), R.DATA_STATUS),
        C("proxy_on_request_trailers", A.HTTP, ("http",), (_CONTEXT, trailers), R.TRAILERS_STATUS),
        C("proxy_on_request_metadata", A.HTTP, ("http",), metadata, R.IGNORED),
        C("proxy_on_response_headers", A.HTTP, ("http",), (_CONTEXT, n, _EOS), R.HEADERS_STATUS),
        C("proxy_on_response_body", A.HTTP, ("http",), (_CONTEXT, size, _EOS), R.DATA_STATUS),
        C("proxy_on_response_trailers", A.HTTP, ("http",), (_CONTEXT, trailers), R.TRAILERS_STATUS),
        C("proxy_on_response_metadata", A.HTTP, ("http",), metadata, R.IGNORED),
        C("proxy_on_http_call_response", A.HTTP_CALLS, ("root",), (_ROOT, _TOKEN, n, size, trailers)),
        C("proxy_on_grpc_receive_initial_metadata", A.GRPC, ("root",), (_ROOT, _TOKEN, n)),
        C("proxy_on_grpc_receive", A.GRPC, ("root",), (_ROOT, _TOKEN, Param("message_size"))),
        C("proxy_on_grpc_receive_trailing_metadata", A.GRPC, ("root",), (_ROOT, _TOKEN, trailers)),
        C("proxy_on_grpc_close", A.GRPC, ("root",), (_ROOT, _TOKEN, Param("status", Kind.ENUM, GrpcStatus))),
        C("proxy_on_foreign_function", A.FOREIGN, ("root", *stream),
          (_CONTEXT, Param("function_id"), Param("arguments_size")), versions=SINCE_0_2_0),
        # An export defined by Envoy, for all ABI versions. A stats sink receives a snapshot of all statistics in the call data.
        C("envoy_on_stats_update", A.METRICS, ("root",), (_ROOT, Param("stats_size"))),
        C("proxy_on_done", A.LIFECYCLE, ("root", *stream), (_CONTEXT,), R.BOOL, 1),
        C("proxy_on_log", A.LIFECYCLE, ("root", *stream), (_CONTEXT,)),
        C("proxy_on_delete", A.LIFECYCLE, ("root", *stream), (_CONTEXT,)),
    )


# fmt: on

#: Name of an export that the host calls once in every VM, before all callbacks -> (core parameters, core results).
ENTRY_POINTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "_initialize": ((), ()),
    "main": (("i32", "i32"), ("i32",)),
    "__main_void": ((), ("i32",)),
    "_start": ((), ()),
}

#: All hostcalls by import name.
HOSTCALLS: dict[str, Hostcall] = {h.name: h for h in _hostcalls()}

#: All callbacks by export name.
CALLBACKS: dict[str, Callback] = {c.name: c for c in _callbacks()}

#: All callbacks by name without `proxy_`.
CALLBACKS_BY_NAME: dict[str, Callback] = {c.short: c for c in CALLBACKS.values()}

#: Callbacks after the end of a stream or root context, in Envoy's order for an HTTP stream. They don't delay the client.
END_CALLBACKS = ("on_log", "on_done", "on_delete")

#: Kind of stream context -> callbacks that exist only on this kind, by name without `proxy_`.
STREAM_CALLBACKS: dict[str, frozenset[str]] = {
    kind: frozenset(name for name, c in CALLBACKS_BY_NAME.items() if c.contexts == (kind,)) for kind in ("http", "tcp")
}


def _returning(result: Result) -> tuple[str, ...]:
    return tuple(name for name, c in CALLBACKS_BY_NAME.items() if c.result is result)


#: Callbacks for the parts of an HTTP message, each for the request and the response, in this order.
ON_HEADERS = _returning(Result.HEADERS_STATUS)
ON_BODY = _returning(Result.DATA_STATUS)
ON_TRAILERS = _returning(Result.TRAILERS_STATUS)


_NO_CLUSTER = "the proxy has no cluster with this name"
_CALL_FAILED = "the call could not be started: the cluster may have no healthy endpoint"
_UNKNOWN_METRIC = "this VM hasn't defined a metric with this id"
_NO_QUEUE = "the queue doesn't exist"
_OTHER_KIND = (
    "the token is of another kind: tokens of gRPC calls are 5, 9, 13, ..., those of gRPC streams 6, 10, 14, ..."
)

#: (hostcall without `proxy_`, error status) -> likely cause, as a clause without a final stop. The SDK's exceptions and the
#: simulated proxy add what they know to it. The causes for header maps and buffers depend on the callback (`availability`).
STATUS_CAUSES: dict[tuple[str, Status], str] = {
    ("http_call", Status.BAD_ARGUMENT): "check the cluster's name; the headers need :method, :path and :authority",
    ("http_call", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_call", Status.PARSE_FAILURE): _NO_CLUSTER,
    ("grpc_call", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_stream", Status.PARSE_FAILURE): _NO_CLUSTER,
    ("grpc_stream", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_send", Status.NOT_FOUND): "the stream has ended",
    ("grpc_send", Status.BAD_ARGUMENT): _OTHER_KIND,
    ("grpc_close", Status.BAD_ARGUMENT): _OTHER_KIND,
    ("grpc_cancel", Status.BAD_ARGUMENT): _OTHER_KIND,
    ("get_property", Status.NOT_FOUND): "the stream doesn't have this attribute in this callback",
    ("get_property", Status.SERIALIZATION_FAILURE): "this is a group of attributes; read one attribute of it",
    ("set_property", Status.NOT_FOUND): "a property belongs to a stream, and no stream is active in this callback",
    ("set_property", Status.BAD_ARGUMENT): "the property was declared read-only and already has a value",
    ("get_shared_data", Status.NOT_FOUND): "nothing has been stored under this key",
    ("set_shared_data", Status.CAS_MISMATCH): "another worker wrote first: read again and retry",
    ("resolve_shared_queue", Status.NOT_FOUND): "no VM of this vm_id has registered the queue",
    ("enqueue_shared_queue", Status.NOT_FOUND): _NO_QUEUE,
    ("dequeue_shared_queue", Status.NOT_FOUND): _NO_QUEUE,
    ("dequeue_shared_queue", Status.EMPTY): "the queue is empty; an earlier callback may have removed all items",
    ("define_metric", Status.BAD_ARGUMENT): "the type of a metric must be counter (0), gauge (1) or histogram (2)",
    ("increment_metric", Status.BAD_ARGUMENT): "a counter can't decrease, and a histogram supports only record_metric",
    ("increment_metric", Status.NOT_FOUND): _UNKNOWN_METRIC,
    ("record_metric", Status.NOT_FOUND): _UNKNOWN_METRIC,
    ("get_metric", Status.BAD_ARGUMENT): "a histogram can't be read",
    ("get_metric", Status.NOT_FOUND): _UNKNOWN_METRIC,
    ("set_effective_context", Status.BAD_ARGUMENT): "the stream has ended, or this VM has no such context",
    ("continue_stream", Status.UNIMPLEMENTED): "Envoy can't continue the upstream side of a connection",
    ("call_foreign_function", Status.NOT_FOUND): "the proxy has no foreign function of this name",
    ("done", Status.NOT_FOUND): "only a root context whose on_done returned 0 (false) can call done",
    ("log", Status.BAD_ARGUMENT): "the log level must be between 0 (trace) and 5 (critical)",
}


def hostcalls_for(version: AbiVersion) -> dict[str, Hostcall]:
    """Return the hostcalls that modules of an ABI version can import from Envoy, by import name."""
    return {name: h for name, h in HOSTCALLS.items() if version in h.versions}


def callbacks_for(version: AbiVersion) -> dict[str, Callback]:
    """Return the callbacks of an ABI version by export name. In 0.1.0, headers callbacks have no parameter end_of_stream."""
    callbacks = {name: c for name, c in CALLBACKS.items() if version in c.versions}
    if version is AbiVersion.V0_1_0:
        for name in ("proxy_on_request_headers", "proxy_on_response_headers"):
            c = callbacks[name]
            callbacks[name] = Callback(c.name, c.area, c.contexts, c.params[:2], c.result, c.default, c.versions, c.doc)
    return callbacks
