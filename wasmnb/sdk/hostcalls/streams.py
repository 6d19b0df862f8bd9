"""Hostcalls that control streams and contexts: local responses, continuing, closing, and the active context."""

from ...abi import GrpcStatus, StreamType
from ..messages.encoding import PairsLike, Text, Value, encode
from ..messages.pairs import serialised
from ..vm import current_vm

__all__ = ["close_stream", "continue_stream", "done", "send_local_response", "set_effective_context"]


def send_local_response(
    status: int,
    details: Text = b"",
    body: Value = b"",
    headers: PairsLike = (),
    grpc_status: int = GrpcStatus.INVALID,
) -> None:
    """Respond to the client directly, without the upstream, when the callback returns (`proxy_send_local_response`).

    Parameters
    ----------
    status
        HTTP status. The SDK doesn't check it here.
    details
        Reason for the access log (default empty).
    body
        Body (default empty).
    headers
        Additional headers, as a mapping or as pairs (default none).
    grpc_status
        Status for gRPC clients. By default, the proxy derives it from the HTTP status.

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy returns OK.
    """
    pairs = serialised(current_vm().abi, headers)
    current_vm().call("send_local_response", status, encode(details), encode(body), pairs, int(grpc_status))


def continue_stream(stream_type: StreamType) -> None:
    """Continue a paused request, response or TCP direction (`proxy_continue_stream`). If it isn't paused, Envoy can misbehave
    or crash.

    Parameters
    ----------
    stream_type
        The part of the stream to continue.

    Raises
    ------
    BadArgument
        The number of the direction is above 3.
    Unimplemented
        The direction is UPSTREAM, which Envoy can't continue.
    """
    current_vm().call("continue_stream", int(stream_type), subject=stream_type.name)


def close_stream(stream_type: StreamType) -> None:
    """Reset an HTTP stream, or close a TCP connection (`proxy_close_stream`).

    Parameters
    ----------
    stream_type
        The direction to close. In Envoy, closing one direction of an HTTP stream closes both.

    Raises
    ------
    BadArgument
        The number of the direction is above 3.
    """
    current_vm().call("close_stream", int(stream_type), subject=stream_type.name)


def set_effective_context(context_id: int) -> None:
    """Make all further hostcalls of this callback act on another context of this VM (`proxy_set_effective_context`).

    Parameters
    ----------
    context_id
        Id of the context.

    Raises
    ------
    BadArgument
        The VM has no context with this id.
    """
    vm = current_vm()
    vm.call("set_effective_context", context_id, subject=str(context_id))
    vm.active = None  # methods of a context select this context again when they are called


def done() -> None:
    """Let the plugin end, after its `on_plugin_done` has returned False (`proxy_done`).

    Raises
    ------
    NotFound
        The context isn't a plugin whose `on_plugin_done` returned False.
    """
    current_vm().call("done")
