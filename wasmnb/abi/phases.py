"""Tables of what a module may do in each callback in Envoy 1.40: accessible header maps and buffers, hostcalls, and results.

The host's checks of hostcalls (`wasmnb/host/contexts/phase_lookups.py`), error messages for failed hostcalls, completion, the
SDK's result types and exports, the module lint and docs/abi.md are derived from these tables. `tests/abi/test_phases.py` makes
every hostcall for maps and buffers in every callback of the simulated proxy, and compares the statuses with the tables and with
recordings of the real Envoy.

The tables list what can be available in a callback. The host also considers the state of the stream: a map isn't available if
it hasn't arrived (for example, in a response without trailers).

A map or buffer is available only in its own callback and, if this callback has paused the stream, until the stream continues.
So a filter can still change the map or buffer when a callout's response arrives, for example. Continuing either direction
makes the request's maps and body unavailable. In `on_log` of an HTTP stream, the maps can be read but not written. In the last
body callback (`end_of_stream` is 1), trailers are created by writing them or by getting their size. The VM configuration is
always available. Entry points may call only `proxy_log`, and all other hostcalls trap there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from .crashes import CRASHES
from .enums import BufferType, DataStatus, HeaderMapType, HeadersStatus, Status, TrailersStatus
from .table import CALLBACKS, CALLBACKS_BY_NAME, ENTRY_POINTS, HOSTCALLS, Result

__all__ = [
    "ATTRIBUTES",
    "DROPPED_BY_CONTINUE",
    "NOT_FOUND_BUFFERS",
    "PHASES",
    "REPORTED_BY",
    "RESULT_ENUMS",
    "START_SECTION",
    "Phase",
    "attribute_availability",
    "availability",
]

#: Name of the phase in which the module's start section runs. Every import that it calls crashes Envoy.
START_SECTION = "start section"

_Map, _Buffer = HeaderMapType, BufferType

#: Kind of result -> enum with the names of its numbers. All other kinds are plain numbers, or mean no result.
RESULT_ENUMS: dict[Result, type[IntEnum]] = {
    Result.HEADERS_STATUS: HeadersStatus,
    Result.DATA_STATUS: DataStatus,
    Result.TRAILERS_STATUS: TrailersStatus,
}

#: Callback -> (readable maps, writable maps, trailers created by a write at end_of_stream). Other callbacks have no maps.
_MAPS: dict[str, tuple[tuple[HeaderMapType, ...], tuple[HeaderMapType, ...], tuple[HeaderMapType, ...]]] = {
    "on_request_headers": ((_Map.REQUEST_HEADERS,), (_Map.REQUEST_HEADERS,), ()),
    "on_request_body": ((), (), (_Map.REQUEST_TRAILERS,)),
    "on_request_trailers": ((_Map.REQUEST_TRAILERS,), (_Map.REQUEST_TRAILERS,), ()),
    "on_response_headers": ((_Map.RESPONSE_HEADERS,), (_Map.RESPONSE_HEADERS,), ()),
    "on_response_body": ((), (), (_Map.RESPONSE_TRAILERS,)),
    "on_response_trailers": ((_Map.RESPONSE_TRAILERS,), (_Map.RESPONSE_TRAILERS,), ()),
    "on_log": ((_Map.REQUEST_HEADERS, _Map.RESPONSE_HEADERS, _Map.RESPONSE_TRAILERS), (), ()),
    "on_http_call_response": ((_Map.HTTP_CALL_RESPONSE_HEADERS, _Map.HTTP_CALL_RESPONSE_TRAILERS), (), ()),
    "on_grpc_receive_initial_metadata": ((_Map.GRPC_RECEIVE_INITIAL_METADATA,), (), ()),
    "on_grpc_receive_trailing_metadata": ((_Map.GRPC_RECEIVE_TRAILING_METADATA,), (), ()),
}

#: Callback -> (buffer, whether it can be written). In other callbacks, only the VM configuration is available.
_BUFFERS: dict[str, tuple[BufferType, bool]] = {
    "on_configure": (_Buffer.PLUGIN_CONFIGURATION, False),
    "on_request_body": (_Buffer.HTTP_REQUEST_BODY, True),
    "on_response_body": (_Buffer.HTTP_RESPONSE_BODY, True),
    "on_downstream_data": (_Buffer.DOWNSTREAM_DATA, True),
    "on_upstream_data": (_Buffer.UPSTREAM_DATA, True),
    "on_http_call_response": (_Buffer.HTTP_CALL_RESPONSE_BODY, False),
    "on_grpc_receive": (_Buffer.GRPC_RECEIVE_BUFFER, True),
    "on_foreign_function": (_Buffer.CALL_DATA, False),
    "on_stats_update": (_Buffer.CALL_DATA, False),
}

#: Buffers for which reading returns NOT_FOUND if they are not available. All others return OK and no bytes.
NOT_FOUND_BUFFERS = (_Buffer.HTTP_CALL_RESPONSE_BODY, _Buffer.PLUGIN_CONFIGURATION)

#: Callbacks whose maps and buffers become unavailable when either direction of the stream is continued.
DROPPED_BY_CONTINUE = ("on_request_headers", "on_request_body", "on_request_trailers")

_EVERYWHERE, _IN_STREAMS = "", "on_context_create"

#: Beginning of a dotted name -> the header map from which the attribute is read, or the first callback of a stream in which the
#: attribute is available (empty for attributes that are available everywhere). The longest beginning applies. All other
#: attributes are available in all callbacks of a stream, if the stream has them: without TLS, it has no certificate.
ATTRIBUTES: dict[str, HeaderMapType | str] = {
    "plugin_name": _EVERYWHERE,
    "plugin_root_id": _EVERYWHERE,
    "plugin_vm_id": _EVERYWHERE,
    "xds.node": _EVERYWHERE,
    "xds.upstream_host_metadata": "on_response_headers",
    "request": _Map.REQUEST_HEADERS,
    "request.time": _IN_STREAMS,
    "request.protocol": _IN_STREAMS,
    "request.size": _IN_STREAMS,
    "request.total_size": _IN_STREAMS,
    "request.duration": "on_log",
    "response": "on_response_headers",
    "response.headers": _Map.RESPONSE_HEADERS,
    "response.flags": _IN_STREAMS,
    "response.trailers": _IN_STREAMS,
    "response.size": _IN_STREAMS,
    "response.total_size": _IN_STREAMS,
    "response.backend_latency": "on_response_trailers",
    "upstream": "on_response_headers",
    "upstream.request_attempt_count": _IN_STREAMS,
}

#: Hostcall -> callbacks that report its result. A module that exports none of them never receives the result.
REPORTED_BY: dict[str, tuple[str, ...]] = {
    "http_call": ("on_http_call_response",),
    "grpc_call": ("on_grpc_receive", "on_grpc_close"),
    "grpc_stream": (
        "on_grpc_receive",
        "on_grpc_close",
        "on_grpc_receive_initial_metadata",
        "on_grpc_receive_trailing_metadata",
    ),
    "set_tick_period_milliseconds": ("on_tick",),
    "register_shared_queue": ("on_queue_ready",),
}


@dataclass(frozen=True)
class Phase:
    """Permissions of a module while one callback or entry point runs.

    Attributes
    ----------
    callback
        Name of the callback without `proxy_` (`on_request_headers`), or name of the entry point.
    reads, writes
        Header maps that can be read, and header maps that can be written.
    creates
        Trailers that are created by writing them, if there are none and `end_of_stream` is 1.
    buffers
        Buffers that can be read, including the VM configuration.
    writable_buffers
        Buffers that can be written.
    calls
        Import names of the hostcalls that may be called. Other hostcalls trap in an entry point, and crash Envoy in a callback
        of an HTTP stream (`crashes.py`).
    missing_map
        Status of reading a header if its map isn't available: NOT_FOUND in `on_log` of HTTP streams and access loggers, and
        BAD_ARGUMENT everywhere else (including `on_log` of connections).
    returns
        Enum of the callback's results, or None if the callback returns a plain number or nothing.
    pauses
        Whether a result other than 0 pauses the stream and keeps the callback's maps and buffers available.
    """

    callback: str
    reads: frozenset[HeaderMapType]
    writes: frozenset[HeaderMapType]
    creates: frozenset[HeaderMapType]
    buffers: frozenset[BufferType]
    writable_buffers: frozenset[BufferType]
    calls: frozenset[str]
    missing_map: Status
    returns: type[IntEnum] | None
    pauses: bool


def _crashing(callback: str) -> set[str]:
    """Return the hostcalls that crash Envoy in a callback, regardless of earlier hostcalls of the stream."""
    return {f"proxy_{name}" for crash in CRASHES.values() if callback in crash.callbacks for name in crash.hostcalls}


_HOLDING = (*RESULT_ENUMS, Result.ACTION)


def _phase(callback: str) -> Phase:
    function = CALLBACKS_BY_NAME.get(callback)
    reads, writes, creates = _MAPS.get(callback, ((), (), ()))
    buffers = [_BUFFERS[callback]] if callback in _BUFFERS else []
    allowed = {
        name
        for name, hostcall in HOSTCALLS.items()
        if function is not None or (hostcall.at_entry and callback in ENTRY_POINTS)
    }
    return Phase(
        callback,
        frozenset(reads),
        frozenset(writes),
        frozenset(creates),
        frozenset({_Buffer.VM_CONFIGURATION, *(kind for kind, _ in buffers)}),
        frozenset(kind for kind, writable in buffers if writable),
        frozenset(allowed.difference(_crashing(callback))),
        Status.NOT_FOUND if callback == "on_log" else Status.BAD_ARGUMENT,
        None if function is None else RESULT_ENUMS.get(function.result),
        function is not None and function.result in _HOLDING,
    )


#: Name of a callback without `proxy_`, or of an entry point -> its phase.
PHASES: dict[str, Phase] = {
    name: _phase(name) for name in (*(c.short for c in CALLBACKS.values()), *ENTRY_POINTS, START_SECTION)
}


# -- text -------------------------------------------------------------------------------------------------------------


def availability(resource: HeaderMapType | BufferType, *, write: bool = False, name: Callable[[str], str] = str) -> str:
    """Describe where a header map or buffer is available, as in `in on_request_headers and while the stream is paused there`.

    Parameters
    ----------
    resource
        The header map or buffer.
    write
        Whether to describe where it can be written, instead of where it can be read (default False).
    name
        Function that converts the ABI name of a callback, without `proxy_`, to the name in the text (default: the same name).

    Returns
    -------
    str
        The description, or '' if the resource is never available.
    """
    if resource is _Buffer.VM_CONFIGURATION:
        return "" if write else "in every callback"
    available = [phase for phase in PHASES.values() if resource in _resources(phase, type(resource), write=write)]
    parts: list[str] = []
    for phase in available:
        parts.append(f"in {name(phase.callback)}")
        if phase.pauses:
            parts.append("while the stream is paused there")
    if write:
        creating = (phase for phase in PHASES.values() if type(resource) is HeaderMapType and resource in phase.creates)
        parts += [f"at the end of {name(phase.callback)}" for phase in creating]
    parts = list(dict.fromkeys(parts))
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _resources(phase: Phase, kind: type[IntEnum], *, write: bool) -> frozenset[HeaderMapType] | frozenset[BufferType]:
    if kind is HeaderMapType:
        return phase.writes if write else phase.reads
    return phase.writable_buffers if write else phase.buffers


def _rule(name: str) -> HeaderMapType | str:
    parts = name.split(".")
    beginnings = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((ATTRIBUTES[beginning] for beginning in beginnings if beginning in ATTRIBUTES), _IN_STREAMS)


def attribute_availability(attribute: str, name: Callable[[str], str] = str) -> str:
    """Describe where an attribute is available, as in `from on_response_headers on`.

    Parameters
    ----------
    attribute
        Dotted name of the attribute, such as `request.path`.
    name
        Function that converts the ABI name of a callback, without `proxy_`, to the name in the text (default: the same name).

    Returns
    -------
    str
        The description, which can follow "is available" in a sentence.
    """
    rule = _rule(attribute)
    if isinstance(rule, HeaderMapType):
        return availability(rule, name=name)
    if not rule:
        return "everywhere"
    return "in a stream's callbacks" if rule == _IN_STREAMS else f"from {name(rule)} on"
