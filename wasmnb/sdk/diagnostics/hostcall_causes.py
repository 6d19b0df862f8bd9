"""Why a hostcall was refused: tables of likely causes, and the one function that makes the exception.

Facts: Envoy answers BAD_ARGUMENT for nearly everything; what it means depends on the callback. The phases follow the
availability tables of the 0.2.1 specification as Envoy 1.40 implements them.
"""

import sys

from ...abi import BufferType, HeaderMapType, Status
from ..errors import HostcallError, error_class
from ..loading.callbacks import author_name
from ..numbering import named

__all__ = ["buffer_error", "header_error", "hostcall_error", "running_callback"]

_SINGLE = "A filter sees each part of a stream only in that part's callback: keep what you need on `self` there."

_GONE = "They go on before the body comes: change them before it is awaited."

#: Headers -> callbacks before which they have gone.
_AFTER = {
    HeaderMapType.REQUEST_HEADERS: ("on_http_request_body", "on_http_request_trailers"),
    HeaderMapType.RESPONSE_HEADERS: ("on_http_response_body", "on_http_response_trailers"),
}

#: Header map -> (what people call it, where it can be read, where it can be written).
_MAPS = {
    HeaderMapType.REQUEST_HEADERS: (
        "Request headers",
        "in on_http_request_headers, while the stream is paused there, and in on_http_stream_done",
        "in on_http_request_headers and while the stream is paused there",
    ),
    HeaderMapType.REQUEST_TRAILERS: (
        "Request trailers",
        "in on_http_request_trailers and while the stream is paused there",
        "in on_http_request_trailers, while paused there, and at the end of on_http_request_body",
    ),
    HeaderMapType.RESPONSE_HEADERS: (
        "Response headers",
        "in on_http_response_headers, while the stream is paused there, and in on_http_stream_done",
        "in on_http_response_headers and while the stream is paused there",
    ),
    HeaderMapType.RESPONSE_TRAILERS: (
        "Response trailers",
        "in on_http_response_trailers, while the stream is paused there, and in on_http_stream_done",
        "in on_http_response_trailers, while paused there, and at the end of on_http_response_body",
    ),
    HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA: ("gRPC metadata", "in the gRPC callback", "never"),
    HeaderMapType.GRPC_RECEIVE_TRAILING_METADATA: ("gRPC trailing metadata", "in the gRPC callback", "never"),
    HeaderMapType.HTTP_CALL_RESPONSE_HEADERS: ("A callout's headers", "in the callout's callback", "never"),
    HeaderMapType.HTTP_CALL_RESPONSE_TRAILERS: ("A callout's trailers", "in the callout's callback", "never"),
}

#: Buffer -> (what people call it, where it can be had).
_BUFFERS = {
    BufferType.HTTP_REQUEST_BODY: ("The request body", "in on_http_request_body and while buffered there"),
    BufferType.HTTP_RESPONSE_BODY: ("The response body", "in on_http_response_body and while buffered there"),
    BufferType.DOWNSTREAM_DATA: ("Downstream data", "in on_downstream_data"),
    BufferType.UPSTREAM_DATA: ("Upstream data", "in on_upstream_data"),
    BufferType.HTTP_CALL_RESPONSE_BODY: ("A callout's body", "in the callout's callback, unless it was reset"),
    BufferType.PLUGIN_CONFIGURATION: ("The plugin configuration", "in on_plugin_start"),
}

_CALL_FAILED = "The call could not be started: the cluster may have no endpoint that is up."
_RESTRICTED = "Perhaps capability_restriction_config does not allow this hostcall."

#: (hostcall, status) -> likely cause.
_CAUSES = {
    ("http_call", Status.BAD_ARGUMENT): "Is the cluster's name right? The headers need :method, :path and :authority.",
    ("http_call", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_call", Status.PARSE_FAILURE): "The proxy knows no cluster of this name.",
    ("grpc_call", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_stream", Status.PARSE_FAILURE): "The proxy knows no cluster of this name.",
    ("grpc_stream", Status.INTERNAL_FAILURE): _CALL_FAILED,
    ("grpc_send", Status.NOT_FOUND): "The stream is over.",
    ("grpc_send", Status.BAD_ARGUMENT): "Only streams take messages; a call sends its message at once.",
    ("get_property", Status.NOT_FOUND): "The stream has no such attribute in this callback.",
    ("get_property", Status.SERIALIZATION_FAILURE): "This is a group of attributes: name one of them.",
    ("set_property", Status.NOT_FOUND): "A property belongs to a stream, and no stream is active in this callback.",
    ("set_property", Status.BAD_ARGUMENT): "The property is declared read-only and was set before.",
    ("get_shared_data", Status.NOT_FOUND): "Nothing has been stored under this key.",
    ("set_shared_data", Status.CAS_MISMATCH): "Another worker wrote first: read again and retry, or use update().",
    ("resolve_shared_queue", Status.NOT_FOUND): "No VM of this vm_id has registered the queue yet.",
    ("enqueue_shared_queue", Status.NOT_FOUND): "The queue does not exist (any more).",
    ("dequeue_shared_queue", Status.NOT_FOUND): "The queue does not exist (any more).",
    ("dequeue_shared_queue", Status.EMPTY): "The queue is empty.",
    ("increment_metric", Status.BAD_ARGUMENT): "A counter only grows, and a histogram is recorded.",
    ("get_metric", Status.BAD_ARGUMENT): "A histogram cannot be read back.",
    ("set_effective_context", Status.BAD_ARGUMENT): "The stream is over.",
    ("continue_stream", Status.UNIMPLEMENTED): "Envoy cannot continue this direction.",
    ("call_foreign_function", Status.NOT_FOUND): "The proxy has no foreign function of this name.",
    ("done", Status.NOT_FOUND): "done() is for a plugin whose on_plugin_done returned False.",
}


def running_callback() -> str:
    """The callback that runs now, as its author calls it; found on the stack, so that it costs nothing when all is well."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("wasmnb.sdk.dispatch") and frame.f_code.co_name.startswith(
            "on_"
        ):
            return author_name(frame.f_code.co_name)
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def hostcall_error(hostcall: str, status: int, about: str = "", cause: str = "") -> HostcallError:
    """The exception for a refused hostcall: which one, in which callback, which status, and why that may be.

    Parameters
    ----------
    hostcall
        Name without prefix.
    status
        What the proxy answered.
    about
        What the call was for, as it should stand between the brackets: `'x-user'`.
    cause
        The likely cause, where the table has none.
    """
    known = named(Status, status, Status.INTERNAL_FAILURE)
    cause = cause or _CAUSES.get((hostcall, known), "")
    if known is Status.INTERNAL_FAILURE:
        cause = f"{cause} {_RESTRICTED}".strip()
    callback = running_callback()
    where = f" in {callback}" if callback else ""
    message = f"{hostcall}({about}) was answered with {known.name} ({status}){where}."
    return error_class(hostcall, known)(f"{message} {cause}".rstrip(), hostcall, known)


def header_error(hostcall: str, status: int, map_type: int, name: str = "") -> HostcallError:
    """The exception for a refused header hostcall; says in which callbacks it would have worked."""
    known = HeaderMapType(map_type)
    what, read, write = _MAPS[known]
    verb, where = ("read", read) if hostcall.startswith("get") else ("written", write)
    cause = f"{what} can be {verb} {where}." if where != "never" else f"{what} can only be read."
    if status == Status.BAD_ARGUMENT and where != "never" and map_type < HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA:
        cause = f"{cause} {_GONE if running_callback() in _AFTER.get(known, ()) else _SINGLE}"
    about = f"{known.name}, {name!r}" if name else known.name
    return hostcall_error(hostcall, status, about, cause)


def buffer_error(hostcall: str, status: int, buffer_type: int) -> HostcallError:
    """The exception for a refused buffer hostcall."""
    known = BufferType(buffer_type)
    what, where = _BUFFERS.get(known, (known.name, ""))
    return hostcall_error(hostcall, status, known.name, f"{what} can be had {where}." if where else "")
