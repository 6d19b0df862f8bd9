"""Information about a stream or connection, for properties and the access log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..properties.filter_state import FilterState
from ..properties.property_overrides import PropertyOverrides
from .response_flags import ResponseFlag

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..http.route_table.route import Route

__all__ = ["Connection", "Listener", "ResponseFlag", "StreamInfo"]


@dataclass(frozen=True)
class Listener:
    """Information about the listener of a proxy, which filters read as properties.

    Parameters
    ----------
    direction
        Direction of the traffic: 0 unspecified (the default), 1 inbound, 2 outbound.
    metadata, virtual_host_metadata
        Metadata of the listener and of the virtual host, as in Envoy's configuration: `{"filter_metadata": {...}}` (default
        none).
    filter_chain
        Name of the filter chain (default empty).
    virtual_host
        Name of the virtual host (default `default`).
    address
        Address and port of the listener (default `127.0.0.1:10000`).
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
        Number of the connection, counted from 1 in each proxy.
    peer, local
        Addresses of the client and of the listener, as `ip:port`.
    state
        Filter state with the lifespan of the connection.
    listener
        The listener that accepted the connection.
    """

    id: int
    peer: str = "127.0.0.1:50000"
    local: str = "127.0.0.1:10000"
    state: dict[bytes, bytes] = field(default_factory=dict)
    listener: Listener = field(default_factory=Listener)


_NONE = PropertyOverrides()


@dataclass
class StreamInfo:
    """Information about one stream, which is filled in while the stream runs.

    Attributes
    ----------
    started
        Virtual time of the stream's start in seconds. `finished` is the time of its end.
    protocol
        `HTTP/1.1`, `HTTP/2`, or an empty string for plain TCP.
    request_size, response_size
        Number of body bytes of the request and the response so far.
    code, details
        Response code, and origin of the response, such as `via_upstream`.
    upstream_code
        Status of the upstream's response, before filters change it. None if there is no response.
    flags
        `ResponseFlag`s, as a bit mask.
    route
        The chosen route, or None if no route has been chosen.
    cluster
        The chosen cluster, or None if no cluster has been chosen.
    remote_address
        The client's address, if it differs from the connection's peer.
    host_chosen
        Whether an upstream host has been chosen.
    host_name
        Name of the virtual host, even if it has no route for the request.
    upstream_protocol
        Protocol of the upstream connection. Empty until the proxy has connected.
    overrides
        Properties that a test sets for this stream.
    """

    connection: Connection
    started: float
    started_ns: int
    filter_state: FilterState
    protocol: str = ""
    request_id: bytes = b""
    finished: float | None = None
    request_size: int = 0
    response_size: int = 0
    code: int | None = None
    upstream_code: int | None = None
    details: str = ""
    flags: int = 0
    route: Route | None = None
    cluster: Cluster | None = None
    attempts: int = 0
    upstream_sent: float | None = None
    upstream_responded: float | None = None
    upstream_done: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    termination: str = ""
    remote_address: str = ""
    host_chosen: bool = False
    host_name: str = ""
    upstream_protocol: str = ""
    overrides: PropertyOverrides = _NONE

    @property
    def cluster_name(self) -> str:
        """Name of the chosen cluster. If no cluster has been chosen, name of the route's cluster, or an empty string."""
        if self.cluster is not None:
            return self.cluster.name
        return self.route.cluster if self.route is not None else ""

    @property
    def virtual_host(self) -> str:
        """Name of the virtual host."""
        return self.host_name or self.connection.listener.virtual_host
