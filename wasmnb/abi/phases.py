"""Phases: the maps and buffers that a module may read and write in each callback, the hostcalls that it may call, and the
results that it may return, as in Envoy 1.40.

The host's refusals (`wasmnb/host/contexts/phase_lookups.py`), the advice of refused hostcalls (host and SDK), completion, the
SDK's result types and exports, the module lint and docs/abi.md are made from these tables. `tests/abi/test_phases.py` calls every
hostcall for maps and buffers in every callback of the simulated Envoy, and compares with it and with recordings of the real one.

The table says what a callback can have. The host adds the state of the stream: a map of the table is not available if it
hasn't arrived (a response without trailers), and stays available after its callback while the stream is paused there.

A map or buffer exists on a context only in its own callback, and after that callback as long as it holds the
stream (its result was a stop), so that a tick or a callout's response can still change it. Continuing a stream drops the
request's maps and body, whichever direction is continued. `on_log` has the finished HTTP stream's maps, read-only. Trailers can be
created in the last body callback (`end_of_stream` is 1) by writing them or asking for their size. The VM configuration
is always available. Only `proxy_log` may be called by entry points; every other hostcall traps there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from .crashes import CRASHES
from .enums import BufferType, DataStatus, HeaderMapType, HeadersStatus, Status, TrailersStatus
from .table import CALLBACKS, CALLBACKS_BY_NAME, ENTRY_POINTS, HOSTCALLS, Result

__all__ = [
    "DROPPED_BY_CONTINUE",
    "NOT_FOUND_BUFFERS",
    "PHASES",
    "REPORTED_BY",
    "RESULT_ENUMS",
    "Phase",
    "availability",
    "buffer_read_status",
    "buffer_write_status",
    "map_read_status",
    "map_write_status",
]

_Map, _Buffer = HeaderMapType, BufferType

#: Kind of result -> the enum that names its numbers. Kinds that are missing have a plain number or nothing.
RESULT_ENUMS: dict[Result, type[IntEnum]] = {
    Result.HEADERS_STATUS: HeadersStatus,
    Result.DATA_STATUS: DataStatus,
    Result.TRAILERS_STATUS: TrailersStatus,
}

#: Callback -> (maps to read, maps to write, trailers that writing creates at end_of_stream). Other callbacks have no maps.
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

#: Callback -> (buffer, whether it can be written). Other callbacks have the VM configuration only.
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

#: Buffers that read as NOT_FOUND when they are not available. All others read as OK and empty.
NOT_FOUND_BUFFERS = (_Buffer.HTTP_CALL_RESPONSE_BODY, _Buffer.PLUGIN_CONFIGURATION)

#: Callbacks whose maps and buffers are gone after the stream was continued, whichever direction that was.
DROPPED_BY_CONTINUE = ("on_request_headers", "on_request_body", "on_request_trailers")

#: Hostcall -> callbacks that report its result. A module that exports none of them never gets the result.
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
    """What a module may do while one callback or entry point runs.

    Attributes
    ----------
    callback
        Name of the callback without prefix (`on_request_headers`), or of the entry point.
    reads, writes
        Header maps that can be read and written.
    creates
        Trailers that a write creates if there are none and `end_of_stream` is 1.
    buffers
        Buffers that can be read, including the VM configuration.
    writable_buffers
        Buffers that can be written.
    calls
        Import names of the hostcalls that may be called. Any other hostcall traps in an entry point, and crashes Envoy in a
        callback of an HTTP stream (`crashes.py`).
    missing_map
        Status of reading a name from a header map that isn't available: NOT_FOUND in `on_log` of HTTP streams and access
        loggers, otherwise BAD_ARGUMENT. `on_log` of a connection returns BAD_ARGUMENT too.
    returns
        Enum that names the results; None for a plain number or no result.
    holds
        Whether a result other than 0 holds the stream, with the callback's maps and buffers still available.
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
    holds: bool


def _crashing(callback: str) -> set[str]:
    """Return the hostcalls that crash Envoy in a callback, whatever the stream has done before."""
    return {f"proxy_{name}" for crash in CRASHES.values() if callback in crash.callbacks for name in crash.hostcalls}


_HOLDING = (*RESULT_ENUMS, Result.ACTION)


def _phase(callback: str) -> Phase:
    function = CALLBACKS_BY_NAME.get(callback)
    reads, writes, creates = _MAPS.get(callback, ((), (), ()))
    buffers = [_BUFFERS[callback]] if callback in _BUFFERS else []
    allowed = {name for name, hostcall in HOSTCALLS.items() if function is not None or hostcall.at_entry}
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


#: Callback without prefix, or entry point -> its phase.
PHASES: dict[str, Phase] = {name: _phase(name) for name in (*(c.short for c in CALLBACKS.values()), *ENTRY_POINTS)}


# -- statuses ---------------------------------------------------------------------------------------------------------


def map_read_status(callback: str, map_type: HeaderMapType) -> Status:
    """Return what `get_header_map_value` returns in a callback for a name that the map has, in ABI 0.2.x."""
    phase = PHASES[callback]
    return Status.OK if map_type in phase.reads else phase.missing_map


def map_write_status(callback: str, map_type: HeaderMapType, *, end_of_stream: bool = False) -> Status:
    """Return what `add_header_map_value`, the other writes and `get_header_map_size` return in a callback."""
    phase = PHASES[callback]
    writable = map_type in phase.writes or (end_of_stream and map_type in phase.creates)
    return Status.OK if writable else Status.BAD_ARGUMENT


def buffer_read_status(callback: str, buffer_type: BufferType) -> Status:
    """Return what `get_buffer_bytes` returns in a callback; OK for buffers that read as empty."""
    missing = buffer_type in NOT_FOUND_BUFFERS and buffer_type not in PHASES[callback].buffers
    return Status.NOT_FOUND if missing else Status.OK


def buffer_write_status(callback: str, buffer_type: BufferType) -> Status:
    """Return what `set_buffer_bytes` returns in a callback for a whole buffer."""
    if buffer_type in PHASES[callback].writable_buffers:
        return Status.OK
    read = buffer_read_status(callback, buffer_type)
    return Status.BAD_ARGUMENT if read is Status.OK else read


# -- words ------------------------------------------------------------------------------------------------------------


def availability(resource: HeaderMapType | BufferType, *, write: bool = False, name: Callable[[str], str] = str) -> str:
    """Return where a header map or buffer is available: `in on_request_headers and while the stream is paused there`.

    Parameters
    ----------
    resource
        The map or buffer.
    write
        Whether to return where it can be written rather than read (default False).
    name
        Converts a callback's ABI name, without prefix, to the name to show (default: the same name).

    Returns
    -------
    str
        Empty if the resource is never available.
    """
    if resource is _Buffer.VM_CONFIGURATION:
        return "" if write else "in every callback"
    available = [phase for phase in PHASES.values() if resource in _resources(phase, type(resource), write=write)]
    parts: list[str] = []
    for phase in available:
        parts.append(f"in {name(phase.callback)}")
        if phase.holds:
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
