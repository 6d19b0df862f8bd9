"""Exceptions for failed hostcalls, whose messages contain the likely cause.

Envoy returns BAD_ARGUMENT for most mistakes, so the cause depends on the hostcall and on the running callback. The table
`wasmnb.abi.phases` lists the callbacks in which each header map and buffer is available.
"""

import sys
from types import FrameType

from ...abi import PHASES, STATUS_CAUSES, BufferType, HeaderMapType, Status, availability
from ...abi.crashes import CRASHES
from ..errors import HostcallError, StreamStateError, error_class
from ..loading.callbacks import STREAM_HANDLERS, author_name
from ..numbering import member

__all__ = [
    "buffer_error",
    "crash_error",
    "header_error",
    "hostcall_error",
    "running_callback",
    "running_frame",
    "running_part",
]

_SINGLE = "A filter sees each part of a stream only in that part's callback: keep what you need on `self` there."

_NO_LONGER_READABLE = (
    "They are sent on before the body arrives: change them before you await it, or set allow_on_headers_stop_iteration "
    "(%%wasmfilter --hold-headers), with which the await holds them."
)

_NO_BODY = (
    "A message without a body (GET, HEAD, 204, 304) can't get one: test end_of_stream or len(body) before writing, or use "
    "send_local_response(status, body)."
)

#: ABI callback for the result of a call -> its name in error messages. (Filters pass such callbacks as functions.)
_CALL_CALLBACKS = {
    "on_http_call_response": "the callout's callback",
    "on_grpc_receive": "the gRPC callback",
    "on_grpc_receive_initial_metadata": "the gRPC callback",
    "on_grpc_receive_trailing_metadata": "the gRPC callback",
}

#: Names of header maps and buffers in error messages, if they differ from the ABI's names.
_MAP_NAMES = {
    HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA: "gRPC metadata",
    HeaderMapType.GRPC_RECEIVE_TRAILING_METADATA: "gRPC trailing metadata",
    HeaderMapType.HTTP_CALL_RESPONSE_HEADERS: "A callout's headers",
    HeaderMapType.HTTP_CALL_RESPONSE_TRAILERS: "A callout's trailers",
}

_BUFFER_NAMES = {
    BufferType.HTTP_REQUEST_BODY: "The request body",
    BufferType.HTTP_RESPONSE_BODY: "The response body",
    BufferType.HTTP_CALL_RESPONSE_BODY: "A callout's body",
    BufferType.PLUGIN_CONFIGURATION: "The plugin configuration",
}

#: Global variable of the dispatcher's modules whose functions run callbacks. They have the same names as the callbacks.
_MARK = "RUNS_CALLBACKS"

_RESTRICTED = "Perhaps capability_restriction_config does not allow this hostcall."

_FIND_QUEUE = ". Get its token from register_queue() or resolve_queue()"

#: (hostcall, status) -> advice in terms of the SDK, which follows the cause in the ABI's table `STATUS_CAUSES`.
_ADVICE = {
    ("grpc_send", Status.BAD_ARGUMENT): ". Pass the message of a unary call to grpc_call()",
    ("set_shared_data", Status.CAS_MISMATCH): ", or use update()",
    ("enqueue_shared_queue", Status.NOT_FOUND): _FIND_QUEUE,
    ("dequeue_shared_queue", Status.NOT_FOUND): _FIND_QUEUE,
    ("done", Status.NOT_FOUND): ". Call done() only after on_plugin_done has returned False",
}


def running_frame() -> FrameType | None:
    """Return the dispatcher's stack frame of the running callback, or None outside of callbacks.

    Callbacks needn't record that they run, because this function searches the stack.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name.startswith("on_") and frame.f_globals.get(_MARK) is True:
            return frame
        frame = frame.f_back
    return None


def running_callback() -> str:
    """Return the name of the filter's method that is running, such as `on_http_request_headers`, or '' outside of callbacks."""
    frame = running_frame()
    return author_name(frame.f_code.co_name) if frame is not None else ""


def running_part() -> tuple[str, str]:
    """Return the direction and the part of the stream that the running callback handles, or two empty texts."""
    handler = STREAM_HANDLERS.get(running_callback())
    return (handler.direction, handler.part) if handler is not None else ("", "")


def crash_error(name: str, call: str) -> StreamStateError:
    """Return the exception for a call that would crash Envoy. The SDK raises it instead of making the hostcall.

    Parameters
    ----------
    name
        Key of the crash in `CRASHES`.
    call
        The filter's call as text for the message, such as `close()`.
    """
    crash = CRASHES[name]
    where = running_callback()
    return StreamStateError(f"{call}{f' in {where}' if where else ''}: {crash.text}. {crash.instead}")


def hostcall_error(hostcall: str, status: int, subject: str = "", cause: str = "") -> HostcallError:
    """Return the exception for a failed hostcall. Its message contains the hostcall, status, running callback and likely cause.

    Parameters
    ----------
    hostcall
        Name of the hostcall without `proxy_`.
    status
        Status that the hostcall returned.
    subject
        Description of the arguments for the message, such as `'x-user'` (default none).
    cause
        Likely cause, as a sentence (default: the entry in the ABI's table `STATUS_CAUSES`).
    """
    known = member(Status, status, Status.INTERNAL_FAILURE)
    cause = cause or _known_cause(hostcall, known)
    if known is Status.INTERNAL_FAILURE:
        cause = f"{cause} {_RESTRICTED}".strip()
    callback = running_callback()
    where = f" in {callback}" if callback else ""
    message = f"{hostcall}({subject}) returned {known.name} ({status}){where}."
    return error_class(hostcall, known)(f"{message} {cause}".rstrip(), hostcall, known)


def _known_cause(hostcall: str, status: Status) -> str:
    """Return the likely cause of a status as a sentence, or '' if the ABI's table doesn't contain it."""
    clause = STATUS_CAUSES.get((hostcall, status), "")
    return f"{clause[0].upper()}{clause[1:]}{_ADVICE.get((hostcall, status), '')}." if clause else ""


def header_error(hostcall: str, status: int, map_type: int, name: str = "") -> HostcallError:
    """Return the exception for a failed hostcall on headers. Its message lists the callbacks in which the hostcall works.

    Parameters
    ----------
    hostcall
        Name of the hostcall without `proxy_`.
    status
        Status that the hostcall returned.
    map_type
        Number of the header map.
    name
        Name of the header (default '': the hostcall reads or writes the whole map).
    """
    kind = HeaderMapType(map_type)
    cause = _availability(kind, _MAP_NAMES.get(kind, _sentence_name(kind)), write=not hostcall.startswith("get"))
    if status == Status.BAD_ARGUMENT and kind < HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA:
        cause = f"{cause} {_NO_LONGER_READABLE if _sent_before(kind) else _SINGLE}"
    subject = f"{kind.name}, {name!r}" if name else kind.name
    return hostcall_error(hostcall, status, subject, cause)


def buffer_error(hostcall: str, status: int, buffer_type: int) -> HostcallError:
    """Return the exception for a failed hostcall on a buffer. Its message lists the callbacks in which the hostcall works."""
    kind = BufferType(buffer_type)
    name = _BUFFER_NAMES.get(kind, _sentence_name(kind))
    cause = _availability(kind, name, write=hostcall.startswith("set"))
    if hostcall.startswith("set") and kind <= BufferType.HTTP_RESPONSE_BODY and running_part()[1] != "body":
        cause = f"{cause} {_NO_BODY}"
    return hostcall_error(hostcall, status, kind.name, cause)


def _sentence_name(kind: HeaderMapType | BufferType) -> str:
    return kind.name.replace("_", " ").capitalize()


def _availability(kind: HeaderMapType | BufferType, name: str, *, write: bool) -> str:
    where = availability(kind, write=write, name=_callback_name)
    if write and not where:
        return f"{name} can only be read."
    return f"{name} can be {'written' if write else 'read'} {where}."


def _callback_name(callback: str) -> str:
    return _CALL_CALLBACKS.get(callback) or author_name(callback)


def _sent_before(kind: HeaderMapType) -> bool:
    """Return whether a later callback of the same direction is running. The headers have then already been sent on."""
    headers = next(
        (h for h in STREAM_HANDLERS.values() if h.part == "headers" and kind in PHASES[h.callback].writes), None
    )
    direction, part = running_part()
    return headers is not None and direction == headers.direction and part != "headers"
