"""Streams and contexts: local responses, pauses, the end."""

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
    """Send a local response after the callback returns.

    Parameters
    ----------
    status
        HTTP status. It isn't checked.
    details
        Reason for the access log (default empty).
    body
        Body (default empty).
    headers
        Other headers, as a mapping or as pairs (default none).
    grpc_status
        Status for gRPC requests. By default, the proxy derives it from the HTTP status.
    """
    pairs = serialised(current_vm().abi, headers)
    current_vm().call("send_local_response", status, encode(details), encode(body), pairs, int(grpc_status))


def continue_stream(stream_type: StreamType) -> None:
    """Continue a paused direction. If it isn't paused, Envoy misbehaves; the SDK doesn't check this here.

    Parameters
    ----------
    stream_type
        The direction.
    """
    current_vm().call("continue_stream", int(stream_type), about=stream_type.name)


def close_stream(stream_type: StreamType) -> None:
    """Reset the stream, or close the connection.

    Parameters
    ----------
    stream_type
        The direction.
    """
    current_vm().call("close_stream", int(stream_type), about=stream_type.name)


def set_effective_context(context_id: int) -> None:
    """Make the rest of this callback act on another context of this VM.

    Parameters
    ----------
    context_id
        Id of the context.
    """
    vm = current_vm()
    vm.call("set_effective_context", context_id, about=str(context_id))
    vm.active = None  # contexts switch back when they are used


def done() -> None:
    """Finish a plugin whose `on_plugin_done` returned False."""
    current_vm().call("done")
