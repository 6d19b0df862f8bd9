"""Hostcalls that control streams. They take effect after the callback has returned, in the order of the calls.

In Envoy 1.40, a local response overrides the callback's result, but continuing doesn't. A call that continues a stream clears
the context's request maps and body immediately, for either direction. If a context doesn't have the direction, the call does
nothing and returns OK. Continuing UPSTREAM returns Unimplemented, and directions of 4 and more return BadArgument.
"""

from __future__ import annotations

from ...abi import Pair, Status, StreamType
from ..contexts.base import Context

__all__ = [
    "clear_route_cache",
    "close_stream",
    "continue_request",
    "continue_response",
    "continue_stream",
    "send_local_response",
]


def send_local_response(
    context: Context, code: int, details: bytes, body: bytes, headers: list[Pair], grpc_status: int
) -> int:
    """Send a local response to the client instead of continuing."""
    context.send_local_response(code, details, body, headers, grpc_status)
    context.vm.entry.local_reply_sent = context.kind != "tcp"  # in a network filter, the callback's result applies
    return Status.OK


def continue_stream(context: Context, kind: int) -> int:
    """Continue one direction of the stream."""
    return context.continue_stream(kind)


def close_stream(context: Context, kind: int) -> int:
    """Reset the stream, or close the connection."""
    return context.close_stream(kind)


def continue_request(context: Context) -> int:
    """Continue the request (ABI 0.1.0)."""
    return context.continue_stream(StreamType.REQUEST)


def continue_response(context: Context) -> int:
    """Continue the response (ABI 0.1.0)."""
    return context.continue_stream(StreamType.RESPONSE)


def clear_route_cache(context: Context) -> int:
    """Clear the cached route, so that the router chooses it again (ABI 0.1.0)."""
    context.clear_route_cache()
    return Status.OK
