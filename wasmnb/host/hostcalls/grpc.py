"""gRPC callouts; the rules stand in `..grpc_calls`."""

from __future__ import annotations

from ...abi import Pair
from .. import grpc_calls
from ..contexts import Context

__all__ = ["grpc_call", "grpc_cancel", "grpc_close", "grpc_send", "grpc_stream"]


def grpc_call(
    context: Context,
    service: bytes,
    service_name: bytes,
    method: bytes,
    metadata: list[Pair],
    message: bytes,
    timeout: int,
) -> tuple[int, int | None]:
    """A unary call."""
    return grpc_calls.start_call(context, service, service_name, method, metadata, message, timeout)


def grpc_stream(
    context: Context, service: bytes, service_name: bytes, method: bytes, metadata: list[Pair]
) -> tuple[int, int | None]:
    """Open a stream."""
    return grpc_calls.start_stream(context, service, service_name, method, metadata)


def grpc_send(context: Context, token: int, message: bytes, end: int) -> int:
    """Send a message on a stream; with `end` half-close it."""
    return grpc_calls.send(context, token, message, end=bool(end))


def grpc_close(context: Context, token: int) -> int:
    """Half-close a stream, cancel a call."""
    return grpc_calls.close(context, token)


def grpc_cancel(context: Context, token: int) -> int:
    """Reset."""
    return grpc_calls.cancel(context, token)
