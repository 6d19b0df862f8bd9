"""Checks and changes of a request by the connection manager before the request is routed.

In Envoy 1.40 (`ConnectionManagerUtility::mutateRequestHeaders`), hop-by-hop headers are removed, and only `trailers` is kept in
`te`. Headers with which a client could control the router, and those in `internal_only_headers`, are removed unless the request
is internal. Requests can only be internal with `internal_address_config`. `x-forwarded-client-cert` is removed without mutual
TLS. `x-forwarded-proto` and then `x-request-id` are added last. A missing `:scheme` is taken from `x-forwarded-proto`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ....abi.text import encode_text
from ..codec.http1 import is_upgrade
from ..header_map import RequestHeaderMap
from .addresses import client_address, host_of, is_internal
from .manager import HttpConnectionManager
from .paths import normalized_host, normalized_path
from .problem import Problem

__all__ = ["Peer", "admit", "sanitize"]

_HOP_BY_HOP = (b"x-envoy-internal", b"keep-alive", b"proxy-connection", b"transfer-encoding")
#: Headers that only internal clients, Envoy and its filters can set.
_ROUTER = tuple(
    encode_text(f"x-envoy-{name}")
    for name in [
        "retriable-status-codes",
        "retriable-header-names",
        "retry-on",
        "retry-grpc-on",
        "max-retries",
        "upstream-alt-stat-name",
        "upstream-rq-timeout-ms",
        "upstream-rq-per-try-timeout-ms",
        "upstream-rq-timeout-alt-response",
        "expected-rq-timeout-ms",
        "force-trace",
        "ip-tags",
        "hedge-on-per-try-timeout",
        "upstream-stream-duration-ms",
    ]
)
#: Additional headers that are removed from external requests if `use_remote_address` is set.
_EDGE = tuple(
    encode_text(f"x-envoy-{name}")
    for name in ("decorator-operation", "downstream-service-cluster", "downstream-service-node", "original-path")
)
_WITHOUT_TLS = ("ALWAYS_FORWARD_ONLY",)
_SCHEMES = (b"http", b"https")


@dataclass(frozen=True)
class Peer:
    """The client of a request, with information about the proxy that receives the request.

    Attributes
    ----------
    address
        Address and port of the client.
    own
        Envoy's own address, which replaces the addresses of clients on the same machine in `x-forwarded-for`.
    port
        Port of the listener.
    node_id, node_cluster
        Id and cluster of Envoy's node, which are sent to the upstream.
    """

    address: str
    own: str = "127.0.0.1"
    port: int = 10000
    node_id: str = ""
    node_cluster: str = ""


def admit(headers: RequestHeaderMap, manager: HttpConnectionManager, port: int) -> Problem | None:
    """Check a request and normalise its path and host. Return a problem if the request is refused, otherwise None."""
    if b":authority" not in headers:
        return Problem(400, "missing_host_header")
    if headers.get(b":method") == b"QUERY" and b"content-type" not in headers:
        return Problem(400, "query_missing_content_type")
    path = headers.get(b":path")
    if path:
        if path[:1] != b"/":
            return Problem(404, "absolute_path_rejected")
        normal, problem = normalized_path(path, manager)
        headers.put(b":path", normal)
        if problem is not None:
            return problem
    headers.put(b":authority", normalized_host(headers.get(b":authority") or b"", manager, port))
    return None


def sanitize(
    headers: RequestHeaderMap,
    manager: HttpConnectionManager,
    peer: Peer,
    new_id: Callable[[], str],
    internal_only: Iterable[bytes] = (),
) -> str:
    """Remove headers that the client isn't allowed to set, and add Envoy's own headers. Return the client's address."""
    _remove_hop_by_hop(headers)
    address, alone = _address(headers, manager, peer)
    internal = alone and address is not None and is_internal(host_of(address), manager.internal_address_config)
    edge = manager.use_remote_address and not internal
    _forwarded(headers, manager, peer)
    _scheme(headers, manager)
    if internal:
        headers.put(b"x-envoy-internal", b"true")
    else:
        for name in (*(_EDGE if edge else ()), *_ROUTER, *internal_only):
            headers.remove(name)
    address = address or peer.address
    _about_envoy(headers, manager, peer)
    if edge:
        headers.put(b"x-envoy-external-address", encode_text(host_of(address)))
    if manager.generate_request_id:
        known = headers.get(b"x-request-id")
        if not known or (edge and not manager.preserve_external_request_id):
            headers.put(b"x-request-id", encode_text(new_id()))
    if manager.forward_client_cert_details not in _WITHOUT_TLS:
        headers.remove(b"x-forwarded-client-cert")
    return address


def _remove_hop_by_hop(headers: RequestHeaderMap) -> None:
    if not is_upgrade(headers):
        headers.remove(b"connection")
        headers.remove(b"upgrade")
    te = headers.get(b"te")
    if te:
        trailers = any(part.strip() == b"trailers" for part in te.split(b","))
        headers.put(b"te", b"trailers") if trailers else headers.remove(b"te")
    for name in _HOP_BY_HOP:
        headers.remove(name)


def _address(headers: RequestHeaderMap, manager: HttpConnectionManager, peer: Peer) -> tuple[str | None, bool]:
    """Return the trusted address of the client, and whether the client can be internal."""
    hops = manager.xff_num_trusted_hops
    if not manager.use_remote_address:
        client = client_address(headers, hops)
        return client if client is not None else (None, False)
    trusted = client_address(headers, hops - 1, ports=False) if hops else None
    return (trusted[0] if trusted else peer.address), b"x-forwarded-for" not in headers


def _forwarded(headers: RequestHeaderMap, manager: HttpConnectionManager, peer: Peer) -> None:
    """Set the headers `x-forwarded-for`, `x-forwarded-proto` and `x-forwarded-port`."""
    if manager.use_remote_address:
        if not manager.skip_xff_append:
            hops = headers.get(b"x-forwarded-for")
            host = host_of(peer.address)
            own = encode_text(peer.own if host.startswith("127.") or host == "::1" else host)
            headers.put(b"x-forwarded-for", hops + b"," + own if hops else own)
        if not manager.xff_num_trusted_hops or b"x-forwarded-proto" not in headers:
            headers.put(b"x-forwarded-proto", b"http")
        if manager.append_x_forwarded_port and (not manager.xff_num_trusted_hops or b"x-forwarded-port" not in headers):
            headers.put(b"x-forwarded-port", b"%d" % peer.port)
    if b"x-forwarded-proto" not in headers:
        headers.put(b"x-forwarded-proto", b"http")


def _scheme(headers: RequestHeaderMap, manager: HttpConnectionManager) -> None:
    if manager.scheme_to_overwrite:
        for name in (b":scheme", b"x-forwarded-proto"):
            headers.put(name, encode_text(manager.scheme_to_overwrite))
    if b":scheme" not in headers:
        scheme = (headers.get(b"x-forwarded-proto") or b"").lower()
        headers.put(b":scheme", scheme if scheme in _SCHEMES else b"http")


def _about_envoy(headers: RequestHeaderMap, manager: HttpConnectionManager, peer: Peer) -> None:
    if manager.add_user_agent:
        headers.put(b"x-envoy-downstream-service-cluster", encode_text(peer.node_cluster))
        if not headers.get(b"user-agent"):
            headers.put(b"user-agent", encode_text(peer.node_cluster))
        if peer.node_id:
            headers.put(b"x-envoy-downstream-service-node", encode_text(peer.node_id))
    if manager.via:
        via = headers.get(b"via")
        headers.put(b"via", via + b", " + encode_text(manager.via) if via else encode_text(manager.via))
