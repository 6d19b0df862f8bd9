"""The ABI's hostcalls as Python functions, named as in the ABI without `proxy_`.

They act on the context of the running callback, or on the context selected with `set_effective_context`. Text arguments are
encoded as UTF-8, and results are bytes. If the status isn't OK, they raise `HostcallError`.

Most filters use methods and attributes of contexts instead, which are in `wasmnb.sdk.contexts`, `wasmnb.sdk.http` and
`wasmnb.sdk.tcp`.
"""

from .callouts import get_status, grpc_call, grpc_cancel, grpc_close, grpc_send, grpc_stream, http_call
from .messages import (
    add_header_map_value,
    get_buffer_bytes,
    get_buffer_status,
    get_header_map_pairs,
    get_header_map_size,
    get_header_map_value,
    remove_header_map_value,
    replace_header_map_value,
    set_buffer_bytes,
    set_header_map_pairs,
)
from .state import (
    define_metric,
    dequeue_shared_queue,
    enqueue_shared_queue,
    get_metric,
    get_property,
    get_shared_data,
    increment_metric,
    record_metric,
    register_shared_queue,
    resolve_shared_queue,
    set_property,
    set_shared_data,
)
from .streams import close_stream, continue_stream, done, send_local_response, set_effective_context
from .system import (
    call_foreign_function,
    get_current_time_nanoseconds,
    get_log_level,
    log,
    set_tick_period_milliseconds,
)

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
