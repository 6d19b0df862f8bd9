"""Attributes of a stream by group, each with the function that reads it.

An attribute from a header map exists while the map is available (see `..contexts.http`).

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/advanced/attributes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi.protobuf_wire import write_field
from ...abi.text import encode_text
from ...parsing import protobuf
from ..http.header_map import HeaderMap
from ..http.local_reply import grpc_status_of

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.base import Context
    from ..contexts.stream_info import StreamInfo

__all__ = ["GROUP", "GROUPS", "MessageAttribute", "metadata_message", "node_message"]


class _Group:
    """A whole group of attributes, such as `request`."""


GROUP = _Group()


@dataclass(frozen=True)
class MessageAttribute:
    """A protobuf message as the value of an attribute, with its fields by name and its bytes."""

    fields: Mapping[str, Any]
    data: bytes


def metadata_message(values: Mapping[str, Any] | None) -> MessageAttribute:
    """Convert metadata to a protobuf message.

    Parameters
    ----------
    values
        Metadata as in Envoy's configuration, such as `{"filter_metadata": {"name": {...}}}`, or None.
    """
    filter_metadata = _plain((values or {}).get("filter_metadata") or {})
    return MessageAttribute(
        {"filter_metadata": filter_metadata, "typed_filter_metadata": {}}, protobuf.metadata(filter_metadata)
    )


def node_message(node: Mapping[str, Any]) -> MessageAttribute:
    """Convert the simulated Envoy's node to a message. In a real Envoy, the message also contains its build and extensions."""
    identity, cluster, values = str(node.get("id", "")), str(node.get("cluster", "")), node.get("metadata") or {}
    data = write_field(1, encode_text(identity)) + write_field(2, encode_text(cluster))
    if values:
        data += write_field(3, protobuf.struct_message(values))
    return MessageAttribute({"id": identity, "cluster": cluster, "metadata": values}, data)


def _plain(value: Any) -> Any:
    """Convert a value to the form that a Struct supports, in which all numbers are doubles."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


# -- attributes -----------------------------------------------------------------------------------------------------
# Each function receives the context and the stream's information, and returns None if the attribute doesn't exist now.

Attribute = Callable[["Context", "StreamInfo"], Any]


def _headers(context: Context, kind: int) -> HeaderMap | None:
    return (context.log_maps or context.maps)[kind]


def _header(name: bytes) -> Attribute:
    def read(context: Context, _info: StreamInfo) -> Any:
        headers = _headers(context, 0)
        return None if headers is None else headers.get(name)

    return read


def _path(context: Context, _info: StreamInfo, part: int) -> bytes | None:
    path = _header(b":path")(context, _info)
    return None if path is None else path.partition(b"?")[part]


class _HeaderView(Mapping[str, bytes]):
    """A header map as a mapping. Lookups ignore case, repeated values are joined by commas, and `host` is `:authority`."""

    def __init__(self, headers: HeaderMap | None) -> None:
        joined: dict[str, bytes] = {}
        for name, value in headers.items if headers is not None else ():
            key = name.decode("latin-1")
            joined[key] = joined[key] + b"," + value if key in joined else value
        self._joined = joined

    def __getitem__(self, name: str) -> bytes:
        key = name.lower()
        return self._joined[":authority" if key == "host" else key]

    def __iter__(self) -> Any:
        return iter(self._joined)

    def __len__(self) -> int:
        return len(self._joined)


def _map(kind: int) -> Attribute:
    return lambda context, _info: _HeaderView(_headers(context, kind))


def _request_size(context: Context, info: StreamInfo) -> int:
    length = _header(b"content-length")(context, info)
    return int(length) if length is not None and length.isdigit() else info.request_size


def _total(context: Context, kind: int, body: int) -> int:
    headers = _headers(context, kind)
    return body + (headers.byte_size if headers is not None else 0)


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _duration(_context: Context, info: StreamInfo) -> int | None:
    return None if info.finished is None else _ns(info.finished - info.started)


def _backend_latency(_context: Context, info: StreamInfo) -> int | None:
    if info.upstream_sent is None or info.upstream_done is None:
        return None
    return _ns(info.upstream_done - info.upstream_sent)


def _grpc_status(context: Context, info: StreamInfo) -> int | None:
    for kind in (3, 2):
        headers = _headers(context, kind)
        status = headers.get(b"grpc-status") if headers is not None else None
        if status is not None and status.isdigit():
            return int(status)
    if info.code is None and _headers(context, 2) is None:
        return None
    code = _code(context, info)
    return None if code is None else 2 if code == 200 else grpc_status_of(code)


def _code(context: Context, info: StreamInfo) -> int | None:
    if info.code is not None:
        return info.code
    if info.upstream_responded is None:
        return None
    headers = _headers(context, 2)
    status = headers.get(b":status") if headers is not None else None
    return int(status) if status is not None and status.isdigit() else None


def _port(address: str) -> int:
    return int(address.rpartition(":")[2] or 0)


def _upstream(value: Callable[[StreamInfo, Cluster], Any]) -> Attribute:
    """Create an attribute that exists once the upstream host has been chosen."""
    return lambda _context, info: value(info, info.cluster) if info.host_chosen and info.cluster is not None else None


def _route(value: Callable[[Any], Any]) -> Attribute:
    return lambda _context, info: None if info.route is None else value(info.route)


def _cluster_name(context: Context, info: StreamInfo) -> Any:
    """Return the name of the route's cluster, or None if the cluster doesn't exist."""
    name = info.route.cluster if info.route is not None else ""
    return name if name in context.vm.server.clusters else None


def _cluster_metadata(context: Context, info: StreamInfo) -> Any:
    if info.route is None:
        return None
    cluster = context.vm.server.clusters.get(info.route.cluster)
    return metadata_message(getattr(cluster, "metadata", None))


_REQUEST: dict[str, Attribute] = {
    "path": _header(b":path"),
    "url_path": lambda c, i: _path(c, i, 0),
    "query": lambda c, i: _path(c, i, 2),
    "host": _header(b":authority"),
    "scheme": _header(b":scheme"),
    "method": _header(b":method"),
    "referer": _header(b"referer"),
    "useragent": _header(b"user-agent"),
    "id": _header(b"x-request-id"),
    "headers": _map(0),
    "time": lambda _c, i: i.started_ns,
    "duration": _duration,
    "protocol": lambda _c, i: i.protocol or None,
    "size": _request_size,
    "total_size": lambda c, i: _total(c, 0, i.request_size),
}

_RESPONSE: dict[str, Attribute] = {
    "code": _code,
    "code_details": lambda _c, i: i.details or None,
    "flags": lambda _c, i: i.flags,
    "grpc_status": _grpc_status,
    "headers": _map(2),
    "trailers": _map(3),
    "size": lambda _c, i: i.response_size,
    "total_size": lambda c, i: _total(c, 2, i.response_size),
    "backend_latency": _backend_latency,
}

_SOURCE: dict[str, Attribute] = {
    "address": lambda _c, i: i.remote_address or i.connection.peer,
    "port": lambda _c, i: _port(i.remote_address or i.connection.peer),
}

_DESTINATION: dict[str, Attribute] = {
    "address": lambda _c, i: i.connection.local,
    "port": lambda _c, i: _port(i.connection.local),
}

_CONNECTION: dict[str, Attribute] = {
    "id": lambda _c, i: i.connection.id,
    "mtls": lambda _c, _i: False,
    "requested_server_name": lambda _c, _i: "",
    "termination_details": lambda _c, i: i.termination or None,
}

_UPSTREAM: dict[str, Attribute] = {
    "address": _upstream(lambda _i, c: c.address),
    "port": _upstream(lambda _i, c: _port(c.address)),
    "local_address": _upstream(lambda i, _c: f"127.0.0.1:{30000 + i.connection.id % 10000}"),
    "transport_failure_reason": _upstream(lambda _i, _c: ""),
    "request_attempt_count": lambda _c, i: i.attempts,
    "cx_pool_ready_duration": _upstream(lambda _i, _c: 0),
}

_XDS: dict[str, Attribute] = {
    "cluster_name": _cluster_name,
    "cluster_metadata": _cluster_metadata,
    "route_name": _route(lambda r: r.name),
    "route_metadata": _route(lambda r: metadata_message(r.metadata)),
    "virtual_host_name": lambda _c, i: None if i.route is None and not i.host_name else i.virtual_host,
    "virtual_host_metadata": lambda _c, i: (
        None if i.route is None else metadata_message(i.connection.listener.virtual_host_metadata)
    ),
    "upstream_host_metadata": _upstream(lambda _i, _c: GROUP),
    "listener_direction": lambda _c, i: i.connection.listener.direction,
    "listener_metadata": lambda _c, i: metadata_message(i.connection.listener.metadata),
    "filter_chain_name": lambda _c, i: i.connection.listener.filter_chain,
}

#: Functions that read the attributes, by group and name of the attribute.
GROUPS: dict[str, dict[str, Attribute]] = {
    "request": _REQUEST,
    "response": _RESPONSE,
    "source": _SOURCE,
    "destination": _DESTINATION,
    "connection": _CONNECTION,
    "upstream": _UPSTREAM,
    "xds": _XDS,
}
