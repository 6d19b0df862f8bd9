"""Hostcalls that make HTTP and gRPC calls to clusters."""

from typing import NamedTuple

from ..callouts.grpc import GrpcCall, GrpcMethod
from ..callouts.grpc_streams import GrpcStream
from ..callouts.http import HttpCall
from ..contexts import Context
from ..messages.encoding import PairsLike, Text, Value, encode
from ..vm import VM, current_vm

__all__ = [
    "CallStatus",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
]


class CallStatus(NamedTuple):
    """Status code and error message of a gRPC call."""

    code: int
    message: bytes


def _caller(vm: VM) -> Context:
    """Return the context of the running callback, on which the response to a call is delivered."""
    if vm.active is None:
        raise RuntimeError(
            "a call was started with a hostcall after set_effective_context(), so its context is unknown. "
            "Use a method of the context, such as self.http_call()."
        )
    context: Context = vm.active
    return context


def http_call(
    cluster: Text, headers: PairsLike, body: Value = b"", trailers: PairsLike = (), timeout_ms: int = 5000
) -> HttpCall:
    """Send a request to a cluster (`proxy_http_call`). Await the returned call, or set a callback with its method
    `on_response`.

    Parameters
    ----------
    cluster
        Name of the cluster.
    headers
        Headers including `:method`, `:path` and `:authority`, as a mapping or as pairs.
    body, trailers
        Body and trailers of the request (default empty).
    timeout_ms
        Timeout in milliseconds (default 5000). 0 means no timeout.

    Returns
    -------
    HttpCall
        The call that was started.

    Raises
    ------
    BadArgument
        The cluster is unknown, `:method`, `:path` or `:authority` is missing, or the timeout is 2^31 ms or more.
    CalloutNotStarted
        The cluster has no healthy endpoint (status InternalFailure).
    RuntimeError
        `set_effective_context` was called before in this callback.
    """
    vm = current_vm()
    return HttpCall.start(
        vm, _caller(vm), cluster, headers, body=body, trailers=trailers, timeout_ms=timeout_ms, callback=None
    )


def grpc_call(
    service: Text,
    service_name: Text,
    method: Text,
    *,
    metadata: PairsLike = (),
    message: Value = b"",
    timeout_ms: int = 5000,
) -> GrpcCall:
    """Make a unary gRPC call (`proxy_grpc_call`). Await the returned call, or set a callback with its method `on_response`.

    Parameters
    ----------
    service
        Name of the cluster, or a serialised `GrpcService` message.
    service_name, method
        Full name of the gRPC service (`package.Service`), and name of the method.
    metadata
        Metadata of the request, as a mapping or as pairs (default empty).
    message
        The request, as serialised protobuf (default empty).
    timeout_ms
        Timeout in milliseconds (default 5000).

    Returns
    -------
    GrpcCall
        The call that was started.

    Raises
    ------
    ParseFailure
        The cluster is unknown.
    CalloutNotStarted
        The cluster has no healthy endpoint (status InternalFailure).
    RuntimeError
        `set_effective_context` was called before in this callback.
    """
    vm = current_vm()
    target, caller = GrpcMethod(service, service_name, method), _caller(vm)
    return GrpcCall.start(vm, caller, target, message, metadata=metadata, timeout_ms=timeout_ms, callback=None)


def grpc_stream(service: Text, service_name: Text, method: Text, metadata: PairsLike = ()) -> GrpcStream:
    """Open a gRPC stream (`proxy_grpc_stream`). Set the attributes `on_message` and `on_close` of the returned stream to
    functions.

    Parameters
    ----------
    service
        Name of the cluster, or a serialised `GrpcService` message.
    service_name, method
        Full name of the gRPC service (`package.Service`), and name of the method.
    metadata
        Metadata of the request, as a mapping or as pairs (default empty).

    Returns
    -------
    GrpcStream
        The stream that was opened.

    Raises
    ------
    ParseFailure
        The cluster is unknown.
    CalloutNotStarted
        The cluster has no healthy endpoint (status InternalFailure).
    RuntimeError
        `set_effective_context` was called before in this callback.
    """
    vm = current_vm()
    return GrpcStream.start(vm, _caller(vm), GrpcMethod(service, service_name, method), metadata)


def grpc_send(token: int, message: Value, end_of_stream: bool = False) -> None:
    """Send a message on a gRPC stream (`proxy_grpc_send`).

    Parameters
    ----------
    token
        Token of the stream.
    message
        The message, as serialised protobuf.
    end_of_stream
        Whether this is the last message (default False). If True, the stream is half-closed after it.

    Raises
    ------
    BadArgument
        The token isn't that of a stream.
    NotFound
        The stream has ended.
    """
    current_vm().call("grpc_send", token, encode(message), int(end_of_stream), subject=str(token))


def grpc_close(token: int) -> None:
    """Half-close a gRPC stream, or cancel a gRPC call (`proxy_grpc_close`).

    Parameters
    ----------
    token
        Token of the stream or call.

    Raises
    ------
    BadArgument
        The token is neither that of a call nor that of a stream.
    NotFound
        The call or stream has ended.
    """
    current_vm().call("grpc_close", token, subject=str(token))


def grpc_cancel(token: int) -> None:
    """Reset a gRPC call or stream (`proxy_grpc_cancel`).

    Parameters
    ----------
    token
        Token of the stream or call.

    Raises
    ------
    BadArgument
        The token is neither that of a call nor that of a stream.
    NotFound
        The call or stream has ended.
    """
    current_vm().call("grpc_cancel", token, subject=str(token))


def get_status() -> CallStatus:
    """Return the status code and the error message of the plugin's last gRPC call (`proxy_get_status`).

    Returns
    -------
    CallStatus
        The status code and the message. The message is available only in the callback that reports the end of the call.

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy always returns OK.
    """
    return CallStatus(*current_vm().call("get_status"))
