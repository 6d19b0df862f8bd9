"""The SDK for writing filters: classes, functions and exceptions. The same code runs inside Wasm and natively.
Proxies that run filters are in `wasmnb.host` and `wasmnb.envoy`.

A filter is one class::

    class Hello(HttpContext):
        def on_http_response_headers(self, num_headers, end_of_stream):
            self.response_headers["x-hello"] = "from Python"

Filters can use all names of this module without importing them. You can also import them, so that your editor knows them.
"""

from typing import Any

from ..abi import (
    Action,
    BufferType,
    CloseType,
    DataStatus,
    GrpcStatus,
    HeaderMapType,
    HeadersStatus,
    LogLevel,
    MetricType,
    Status,
    StreamType,
    TrailersStatus,
)
from . import hostcalls
from .body_formats.coding import compress, decompress
from .body_formats.json_rpc import JsonRpcMessage
from .body_formats.splitters import ServerSentEvent
from .callouts.grpc import GrpcCall, GrpcResponse
from .callouts.grpc_streams import GrpcStream
from .callouts.http import HttpCall, HttpCallResponse
from .contexts import PluginContext, VMContext
from .errors import (
    BadArgument,
    BrokenConnection,
    CalloutError,
    CalloutNotStarted,
    CalloutReset,
    CalloutTimeout,
    CalloutUnreachable,
    CasMismatch,
    ConfigurationError,
    ContentError,
    Empty,
    FilterSourceError,
    GrpcError,
    HostcallError,
    InternalFailure,
    NotFound,
    ParseFailure,
    SerializationFailure,
    StreamStateError,
    Unimplemented,
)
from .http import HttpContext
from .logs import log, log_critical, log_debug, log_error, log_info, log_level, log_trace, log_warn
from .messages.bodies import Body
from .messages.headers import HeaderMap
from .metrics import Counter, Gauge, Histogram
from .shared import Queue, register_queue, resolve_queue, shared_data
from .tasks.gather import gather
from .tasks.timeouts import sleep, timeout, wait_for
from .tcp import TcpContext

__all__ = [
    "Action",
    "BadArgument",
    "Body",
    "BrokenConnection",
    "BufferType",
    "CalloutError",
    "CalloutNotStarted",
    "CalloutReset",
    "CalloutTimeout",
    "CalloutUnreachable",
    "CasMismatch",
    "CloseType",
    "ConfigurationError",
    "ContentError",
    "Counter",
    "DataStatus",
    "Empty",
    "FilterSourceError",
    "Gauge",
    "GrpcCall",
    "GrpcError",
    "GrpcResponse",
    "GrpcStatus",
    "GrpcStream",
    "HeaderMap",
    "HeaderMapType",
    "HeadersStatus",
    "Histogram",
    "HostcallError",
    "HttpCall",
    "HttpCallResponse",
    "HttpContext",
    "InternalFailure",
    "JsonRpcMessage",
    "LogLevel",
    "MetricType",
    "NotFound",
    "ParseFailure",
    "PluginContext",
    "Queue",
    "SerializationFailure",
    "ServerSentEvent",
    "Status",
    "StreamStateError",
    "StreamType",
    "TcpContext",
    "TrailersStatus",
    "Unimplemented",
    "VMContext",
    "compress",
    "decompress",
    "gather",
    "hostcalls",
    "log",
    "log_critical",
    "log_debug",
    "log_error",
    "log_info",
    "log_level",
    "log_trace",
    "log_warn",
    "names",
    "register_queue",
    "resolve_queue",
    "shared_data",
    "sleep",
    "timeout",
    "wait_for",
]


def names() -> dict[str, Any]:
    """Return the SDK's public names and their values, which a filter can use without importing them."""
    return {name: value for name, value in globals().items() if name in __all__ and name != "names"}
