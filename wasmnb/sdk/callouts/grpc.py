"""Unary gRPC calls, and helpers shared with gRPC streams.

The ABI passes messages as serialised protobuf, without gRPC's five-byte frame. The target is the name of a cluster, or a
serialised GrpcService message. For a unary call, the proxy reports either the response message or an error status, but no
metadata. Timeouts and connection failures are reported as status 14 (UNAVAILABLE). After `cancel`, the proxy reports nothing
more.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ...abi import BufferType, GrpcStatus
from ..errors import GrpcError
from ..interfaces import ContextInterface, VMInterface
from ..messages.bodies import WHOLE
from ..messages.encoding import PairsLike, Text, Value, encode
from ..messages.pairs import serialised
from ..numbering import has_member
from .base import Call, place_call

__all__ = ["GrpcCall", "GrpcMethod", "GrpcResponse", "received_message", "start_arguments", "status_details"]


class GrpcMethod(NamedTuple):
    """The cluster, service and method of a gRPC call."""

    cluster: Text
    service: Text
    method: Text


class GrpcResponse:
    """The result of a gRPC call or stream.

    Attributes
    ----------
    status
        The gRPC status as a `GrpcStatus`, or as an int if the enum has no such member.
    message
        The response of a unary call, as serialised protobuf. Empty if the call failed.
    details
        The server's error message if the status is not OK.
    """

    __slots__ = ("details", "message", "status")

    def __init__(self, status: int, message: bytes, details: str = "") -> None:
        self.status: int = GrpcStatus(status) if has_member(GrpcStatus, status) else status
        self.message = message
        self.details = details

    @property
    def ok(self) -> bool:
        """Whether the call ended with status OK."""
        return self.status == GrpcStatus.OK

    @property
    def error(self) -> GrpcError | None:
        """The failure as a `GrpcError`, or None if the status is OK."""
        if self.ok:
            return None
        name = getattr(self.status, "name", self.status)
        return GrpcError(f"gRPC status {name}: {self.details}", int(self.status), self.details)

    def __repr__(self) -> str:
        return f"<GrpcResponse {getattr(self.status, 'name', self.status)}, {len(self.message)} bytes>"


def start_arguments(vm: VMInterface, target: GrpcMethod, metadata: PairsLike) -> tuple[Any, ...]:
    """Return the arguments of `place_call` that gRPC calls and streams share: `subject`, then the hostcall's inputs."""
    return ", ".join(map(repr, target)), *map(encode, target), serialised(vm.abi, metadata)


def received_message(vm: VMInterface) -> bytes:
    """Return the received gRPC message. Works only in the callback that reports it."""
    return vm.call("get_buffer_bytes", int(BufferType.GRPC_RECEIVE_BUFFER), 0, WHOLE)  # type: ignore[no-any-return]


def status_details(vm: VMInterface) -> str:
    """Return the server's error message. Works only in the callback that reports the gRPC status."""
    return str(vm.call("get_status")[1], "utf-8", "replace")


class GrpcCall(Call[GrpcResponse]):
    """A unary call in progress. Awaiting it raises `GrpcError` if its status is not OK."""

    __slots__ = ()
    kind = "grpc_call"

    @classmethod
    def start(
        cls,
        vm: VMInterface,
        context: ContextInterface,
        target: GrpcMethod,
        message: Value,
        *,
        metadata: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "GrpcCall":
        """Start a unary call, and return the call in progress.

        Raises
        ------
        ParseFailure
            The cluster doesn't exist.
        CalloutNotStarted
            The cluster has no healthy endpoint.
        """
        token = place_call(vm, "grpc_call", *start_arguments(vm, target, metadata), encode(message), timeout_ms)
        call = vm.callouts.grpc[token] = cls(vm, context, token, callback)
        return call

    def take_message(self) -> None:
        """End the call successfully, after the proxy has reported the response message."""
        self._end(GrpcResponse(GrpcStatus.OK, received_message(self.vm)))

    def take_status(self, status: int) -> None:
        """End the call as failed, after the proxy has reported the gRPC status `status`."""
        self._end(GrpcResponse(status, b"", status_details(self.vm)))

    def take_initial_metadata(self) -> None:
        """Do nothing, because initial metadata is not part of a unary call's result."""

    def take_trailing_metadata(self) -> None:
        """Do nothing, because trailing metadata is not part of a unary call's result."""

    def _end(self, response: GrpcResponse) -> None:
        self.vm.callouts.grpc.pop(self.token, None)
        self.end(response)

    def _forget(self) -> None:
        if self.vm.callouts.grpc.pop(self.token, None) is not None:
            self.vm.call("grpc_cancel", self.token)
