"""Enums of the Proxy-Wasm ABI 0.2.1, with the names used in its specification.

All values are passed as i32. For an unknown number, Envoy 1.40 returns `Status.BAD_ARGUMENT`, unless the docstring of the enum
describes another behaviour. This module imports only `enum`, because the SDK also imports it inside Wasm.
"""

from enum import IntEnum

__all__ = [
    "AbiVersion",
    "Action",
    "BufferType",
    "CloseType",
    "DataStatus",
    "GrpcStatus",
    "HeaderMapType",
    "HeadersStatus",
    "LogLevel",
    "MetricType",
    "Status",
    "StreamType",
    "TrailersStatus",
]


class AbiVersion(IntEnum):
    """ABI versions supported by Envoy 1.40. A module declares its version with an export named `marker`."""

    V0_1_0 = 10
    V0_2_0 = 20
    V0_2_1 = 21

    @property
    def text(self) -> str:
        """The version as text, such as `0.2.1`."""
        return f"0.{self.value // 10}.{self.value % 10}"

    @property
    def marker(self) -> str:
        """Name of the export with which a module declares this version. The export is never called."""
        return "proxy_abi_version_" + self.text.replace(".", "_")


class Status(IntEnum):
    """Status returned by a hostcall. Envoy never returns 5 or 9, and uses 11 only in the result of `get_status`."""

    OK = 0
    NOT_FOUND = 1
    BAD_ARGUMENT = 2
    SERIALIZATION_FAILURE = 3
    PARSE_FAILURE = 4
    BAD_EXPRESSION = 5
    INVALID_MEMORY_ACCESS = 6
    EMPTY = 7
    CAS_MISMATCH = 8
    RESULT_MISMATCH = 9
    INTERNAL_FAILURE = 10
    BROKEN_CONNECTION = 11
    UNIMPLEMENTED = 12


class LogLevel(IntEnum):
    """Severity of a log line, passed to `proxy_log`."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    CRITICAL = 5


class HeaderMapType(IntEnum):
    """Header maps, passed to hostcalls such as `get_header_map_value`. `phases` lists where each can be read and written."""

    REQUEST_HEADERS = 0
    REQUEST_TRAILERS = 1
    RESPONSE_HEADERS = 2
    RESPONSE_TRAILERS = 3
    GRPC_RECEIVE_INITIAL_METADATA = 4
    GRPC_RECEIVE_TRAILING_METADATA = 5
    HTTP_CALL_RESPONSE_HEADERS = 6
    HTTP_CALL_RESPONSE_TRAILERS = 7


class BufferType(IntEnum):
    """Buffers, passed to hostcalls such as `get_buffer_bytes`. `phases` lists where each buffer is available."""

    HTTP_REQUEST_BODY = 0
    HTTP_RESPONSE_BODY = 1
    DOWNSTREAM_DATA = 2
    UPSTREAM_DATA = 3
    HTTP_CALL_RESPONSE_BODY = 4
    GRPC_RECEIVE_BUFFER = 5
    VM_CONFIGURATION = 6
    PLUGIN_CONFIGURATION = 7
    CALL_DATA = 8


class StreamType(IntEnum):
    """Part of a stream to continue or close, passed to `continue_stream` and `close_stream`."""

    REQUEST = 0
    RESPONSE = 1
    DOWNSTREAM = 2
    UPSTREAM = 3


class MetricType(IntEnum):
    """Kind of a metric. The two lowest bits of a metric id also contain this number."""

    COUNTER = 0
    GAUGE = 1
    HISTOGRAM = 2


class CloseType(IntEnum):
    """The side that closed a TCP connection: the proxy (`LOCAL`) or its peer (`REMOTE`)."""

    UNKNOWN = 0
    LOCAL = 1
    REMOTE = 2


class Action(IntEnum):
    """Result of a stream's callback. `PAUSE` pauses the stream until it is continued or a local response is sent."""

    CONTINUE = 0
    PAUSE = 1


class HeadersStatus(IntEnum):
    """Result of a headers callback, with Envoy's names.

    Envoy treats 1 as `STOP_ALL_ITERATION_AND_WATERMARK`, unless the plugin has the option `allow_on_headers_stop_iteration`. It
    treats 2 as `CONTINUE`, and all numbers above 4 as `STOP_ALL_ITERATION_AND_WATERMARK`.
    """

    CONTINUE = 0
    STOP_ITERATION = 1
    CONTINUE_AND_END_STREAM = 2
    STOP_ALL_ITERATION_AND_BUFFER = 3
    STOP_ALL_ITERATION_AND_WATERMARK = 4


class DataStatus(IntEnum):
    """Result of a body callback, with Envoy's names. Envoy treats numbers above 3 as `STOP_ITERATION_NO_BUFFER`."""

    CONTINUE = 0
    STOP_ITERATION_AND_BUFFER = 1
    STOP_ITERATION_AND_WATERMARK = 2
    STOP_ITERATION_NO_BUFFER = 3


class TrailersStatus(IntEnum):
    """Result of a trailers callback. Envoy treats all numbers other than 0 as `STOP_ITERATION`."""

    CONTINUE = 0
    STOP_ITERATION = 1


class GrpcStatus(IntEnum):
    """gRPC status codes (https://grpc.io/docs/guides/status-codes/). `INVALID` is the ABI's number for "no status"."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16
    INVALID = 0xFFFFFFFF
