"""What Envoy knows of a stream or connection: the source of properties and of the access log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .filter_state import FilterState

if TYPE_CHECKING:
    from .cluster import Cluster

__all__ = ["Connection", "Listener", "Route", "StreamInfo"]


@dataclass(frozen=True)
class Listener:
    """Where connections come in, as properties tell it.

    Attributes
    ----------
    direction
        0 unspecified, 1 inbound, 2 outbound.
    metadata, virtual_host_metadata
        As in Envoy's configuration: `{"filter_metadata": {...}}`.
    """

    direction: int = 0
    metadata: Any = None
    filter_chain: str = ""
    virtual_host: str = "default"
    virtual_host_metadata: Any = None
    address: str = "127.0.0.1:10000"


@dataclass
class Connection:
    """A downstream connection.

    Attributes
    ----------
    id
        Number, from 1 for the whole process.
    peer, local
        Addresses, `ip:port`.
    state
        Filter state that lives as long as the connection.
    """

    id: int
    peer: str = "127.0.0.1:50000"
    local: str = "127.0.0.1:10000"
    state: dict[bytes, bytes] = field(default_factory=dict)
    listener: Listener = field(default_factory=Listener)


@dataclass(frozen=True)
class Route:
    """Where requests go: cluster, route name and metadata."""

    cluster: str
    name: str = ""
    metadata: Any = None


@dataclass
class StreamInfo:
    """Facts about one stream, filled in as it goes on.

    Attributes
    ----------
    started
        Virtual seconds when it began; `finished` when it ended.
    protocol
        `HTTP/1.1`, `HTTP/2`, or an empty string for plain TCP.
    request_size, response_size
        Bytes of the bodies so far; the `_total_` ones with headers, as on the wire.
    code, details
        Response code and how it came about (`via_upstream`, ...).
    flags
        Envoy's response flags as bits.
    route
        Chosen route, None until it is known.
    cluster
        Cluster of the upstream, once it is chosen.
    """

    connection: Connection
    started: float
    started_ns: int
    filter_state: FilterState
    protocol: str = ""
    request_id: bytes = b""
    finished: float | None = None
    request_size: int = 0
    request_total_size: int = 0
    response_size: int = 0
    response_total_size: int = 0
    code: int | None = None
    details: str = ""
    flags: int = 0
    route: Route | None = None
    cluster: Cluster | None = None
    attempts: int = 0
    upstream_sent: float | None = None
    upstream_answered: float | None = None
    upstream_finished: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    termination: str = ""
