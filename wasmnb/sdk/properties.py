"""Attributes of the stream and the node: `self.properties.source.address`, with the right Python types.

Facts: text and bytes cross as they are; integers, doubles, timestamps and durations in 8 bytes, booleans in 1, maps and
lists as pairs, messages serialised. Which exist depends on the callback. In Envoy 1.40 the old top-level names
(`node`, `route_name`, ...) are gone; they lie under `xds`.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..abi import Status, decode_pairs, encode_path
from .errors import NotFound
from .explain import hostcall_error
from .text import Text, Value, decode, encode

if TYPE_CHECKING:
    from .contexts import Context

__all__ = ["Properties"]


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _double(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0])


def _boolean(data: bytes) -> bool:
    return data != b"\0"


def _timestamp(data: bytes) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=_integer(data) / 1000)


def _duration(data: bytes) -> timedelta:
    return timedelta(microseconds=_integer(data) / 1000)


def _map(data: bytes) -> dict[str, str]:
    return {decode(n): decode(v) for n, v in decode_pairs(data) or []}


def _raw(data: bytes) -> bytes:
    return data


_TLS = (
    "subject_local_certificate subject_peer_certificate dns_san_local_certificate dns_san_peer_certificate "
    "uri_san_local_certificate uri_san_peer_certificate sha256_peer_certificate_digest tls_version"
)

#: Group -> type -> names. Anything else under a group is bytes, or a map that is walked further.
_KNOWN: dict[str, dict[Callable[[bytes], Any], str]] = {
    "request": {
        decode: "path url_path host scheme method referer useragent id query protocol",
        _map: "headers",
        _timestamp: "time",
        _duration: "duration",
        _integer: "size total_size",
    },
    "response": {
        _integer: "code flags grpc_status size total_size",
        decode: "code_details",
        _map: "headers trailers",
        _duration: "backend_latency",
    },
    "source": {decode: "address", _integer: "port"},
    "destination": {decode: "address", _integer: "port"},
    "connection": {
        _unsigned: "id",
        _boolean: "mtls",
        decode: f"requested_server_name {_TLS} transport_failure_reason termination_details",
    },
    "upstream": {
        decode: f"address local_address transport_failure_reason {_TLS}",
        _integer: "port",
        _unsigned: "request_attempt_count",
        _duration: "cx_pool_ready_duration",
    },
    "xds": {
        decode: "cluster_name route_name virtual_host_name filter_chain_name",
        _integer: "listener_direction",
        _raw: "node cluster_metadata route_metadata virtual_host_metadata upstream_host_metadata listener_metadata",
    },
    "xds.node": {decode: "id cluster user_agent_name", _raw: "metadata"},
    "": {decode: "plugin_name plugin_root_id plugin_vm_id", _unsigned: "connection_id", _raw: "metadata filter_state"},
}

#: Groups that are walked: reading one as a whole is refused, or gives a serialised message.
_GROUPS = {"request", "response", "source", "destination", "connection", "upstream", "xds", "xds.node"}

#: Maps whose keys are given in brackets.
_MAPS = {"request.headers", "response.headers", "response.trailers"}

#: Group -> when it can be had.
_PHASES = {
    "request": "in the request callbacks and in on_http_stream_done (size, time and protocol in all of a stream's)",
    "response": "from on_http_response_headers on",
    "upstream": "from on_http_response_headers on",
    "source": "in a stream's callbacks",
    "destination": "in a stream's callbacks",
    "connection": "in a stream's callbacks",
    "xds": "in a stream's callbacks (xds.node everywhere)",
}


def _readers() -> dict[str, Callable[[bytes], Any]]:
    """Full name -> how its bytes are read."""
    return {
        f"{group}.{name}".lstrip("."): read
        for group, types in _KNOWN.items()
        for read, names in types.items()
        for name in names.split()
    }


_READERS = _readers()


class Properties:
    """Attributes by dotted name (`properties.request.path`) or by key (`properties["request.path"]`).

    An attribute that is not there raises `NotFound`, which says when it is; `get` gives a default instead. Assigning by
    key stores a value in the stream's filter state, where other filters of the stream find it.
    """

    __slots__ = ("_context", "_path")

    def __init__(self, context: "Context", path: tuple[str, ...] = ()) -> None:
        self._context = context
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        path = (*self._path, name)
        full = ".".join(path)
        if full in _GROUPS:
            return Properties(self._context, path)
        if full not in _READERS:
            group = ".".join(self._path)
            known = sorted(n for n in {*_READERS, *_GROUPS} if n.rpartition(".")[0] == group)
            raise AttributeError(
                f"no property {full!r} is known; there are {', '.join(known)}. Any other path: properties.raw(...)"
            )
        return self._read(path)

    def __getitem__(self, key: str) -> Any:
        return self._read((*self._path, *key.split(".")))

    def __setitem__(self, key: str, value: Value) -> None:
        context = self._context
        context._vm.switch(context)
        status = context._vm.abi.set_property(key.encode(), encode(value))
        if status:
            raise hostcall_error("set_property", status, repr(key))

    def get(self, key: str, default: Any = None) -> Any:
        """The attribute of a dotted name, or `default` if it is not there (now)."""
        try:
            return self[key]
        except NotFound:
            return default

    def get_raw(self, *path: Text) -> bytes | None:
        """The bytes of any path, or None if there is no such attribute (now)."""
        try:
            return self.raw(*path)
        except NotFound:
            return None

    def raw(self, *path: Text) -> bytes:
        """The bytes of any path: `properties.raw("filter_state", "my.key")`."""
        vm = self._context._vm
        vm.switch(self._context)
        status, data = vm.abi.get_property(encode_path((*self._path, *path)))
        if status:
            full = ".".join(p if isinstance(p, str) else decode(p) for p in (*self._path, *path))
            phase = _PHASES.get(full.partition(".")[0], "") if status == Status.NOT_FOUND else ""
            cause = f"{full} can be had {phase}, if the stream has it at all." if phase else ""
            raise hostcall_error("get_property", status, repr(full), cause)
        return data  # type: ignore[no-any-return]

    def _read(self, path: tuple[str, ...]) -> Any:
        full = ".".join(path)
        data = Properties(self._context).raw(*path)
        if full in _READERS:
            return _READERS[full](data)
        in_map = any(full.startswith(m + ".") for m in _MAPS)
        return decode(data) if in_map else data

    def __repr__(self) -> str:
        return f"<properties {'.'.join(self._path)}>" if self._path else "<properties>"
