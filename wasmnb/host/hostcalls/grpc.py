"""Hostcalls for gRPC callouts, which are implemented in `..callouts.grpc`.

In Envoy 1.40, the target is a serialised GrpcService or, if it can't be parsed as one, the name of a cluster. An unknown
cluster returns ParseFailure, and a cluster without endpoints InternalFailure. The low two bits of a token are its kind: 1 for
calls, 2 for streams. A token of the wrong kind returns BadArgument, an unknown token NotFound.
"""

from __future__ import annotations

from ...abi import Pair, Status
from ...messages import to_text
from ...parsing import protobuf
from ..callouts.grpc import GrpcCall, GrpcCallout
from ..callouts.grpc_stream import GrpcStream
from ..clusters.cluster import Cluster
from ..contexts.base import Context
from ..contexts.root import RootContext

__all__ = ["grpc_call", "grpc_cancel", "grpc_close", "grpc_send", "grpc_stream"]

_CALL, _STREAM = 1, 2


def _target(context: Context, service: bytes) -> Cluster | None:
    """Return the cluster of a target, or None if there is no cluster with this name."""
    name = service
    try:
        envoy_grpc = protobuf.read(service).get(1, [b""])[-1]
        if isinstance(envoy_grpc, bytes) and envoy_grpc:
            cluster_name = protobuf.read(envoy_grpc).get(1, [b""])[-1]
            name = cluster_name if isinstance(cluster_name, bytes) else service
    except protobuf.ParseError:
        pass
    cluster: Cluster | None = context.vm.server.clusters.get(to_text(name))
    return cluster


def _open(
    context: Context, service: bytes, path: str, kind: type[GrpcCall | GrpcStream], size: int = 0
) -> GrpcCall | GrpcStream | Status:
    """Create a callout with a message of `size` bytes, or return the status if it can't be created."""
    cluster, vm, root = _target(context, service), context.vm, context.root
    if cluster is None:
        vm.entry.no_cluster(to_text(service), vm.server.clusters)
        return Status.PARSE_FAILURE
    if not isinstance(root, RootContext):
        return Status.BAD_ARGUMENT
    token = vm.tokens.new(_CALL if kind is GrpcCall else _STREAM)
    if not cluster.endpoints or not vm.server.callouts.reserve(vm.entry.record, size, vm.server.memory_limit):
        return Status.INTERNAL_FAILURE
    exchange = context.exchange if context.exchange is not None else vm.entry.exchange
    callout = root.calls[token] = kind(root, token, cluster, path, exchange)
    return callout


def _path(service_name: bytes, method: bytes) -> str:
    return f"/{to_text(service_name)}/{to_text(method)}"


def grpc_call(
    context: Context,
    service: bytes,
    service_name: bytes,
    method: bytes,
    metadata: list[Pair],
    message: bytes,
    timeout: int,
) -> tuple[int, int | None]:
    """Start a unary call. Return the status and the call's token."""
    call = _open(context, service, _path(service_name, method), GrpcCall, len(message))
    if not isinstance(call, GrpcCall):
        return int(call), None  # type: ignore[arg-type]
    call.start(metadata, message, timeout)
    return Status.OK, call.token


def grpc_stream(
    context: Context, service: bytes, service_name: bytes, method: bytes, metadata: list[Pair]
) -> tuple[int, int | None]:
    """Open a bidirectional gRPC stream. Return the status and the stream's token."""
    stream = _open(context, service, _path(service_name, method), GrpcStream)
    if not isinstance(stream, GrpcStream):
        return int(stream), None  # type: ignore[arg-type]
    stream.start(metadata)
    return Status.OK, stream.token


def _known(context: Context, token: int) -> GrpcCallout | None:
    root = context.root
    callout = root.calls.get(token) if isinstance(root, RootContext) else None
    return callout if isinstance(callout, GrpcCallout) else None


def grpc_send(context: Context, token: int, message: bytes, end: int) -> int:
    """Send a message on a stream. If `end` isn't 0, half-close the stream afterwards."""
    if token & 3 != _STREAM:
        return Status.BAD_ARGUMENT
    stream = _known(context, token)
    if not isinstance(stream, GrpcStream):
        return Status.NOT_FOUND
    server = context.vm.server
    if not stream.done and not server.callouts.has_room(len(message), server.memory_limit):
        return Status.INTERNAL_FAILURE
    stream.send(message, end=bool(end))
    return Status.OK


def grpc_close(context: Context, token: int) -> int:
    """Half-close a stream, or cancel a call."""
    if token & 3 not in (_CALL, _STREAM):
        return Status.BAD_ARGUMENT
    known = _known(context, token)
    if known is None:
        return Status.NOT_FOUND
    if isinstance(known, GrpcStream) and not known.done:
        known.half_close()
    else:
        known.drop_token()
    return Status.OK


def grpc_cancel(context: Context, token: int) -> int:
    """Reset a call or a stream."""
    if token & 3 not in (_CALL, _STREAM):
        return Status.BAD_ARGUMENT
    known = _known(context, token)
    if known is None:
        return Status.NOT_FOUND
    known.drop_token()
    return Status.OK
