"""gRPC callouts: unary calls, and what they share with streams.

Facts: messages are passed as bytes without the five-byte frame. The service is a cluster's name (or a serialised
GrpcService message). A successful unary call ends with its message, a failed one with a status; metadata is not reported.
Timeouts and connection failures arrive as status 14 (UNAVAILABLE). After `cancel` nothing more arrives.
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

__all__ = ["GrpcCall", "GrpcResponse", "Target", "received_message", "start_arguments", "status_details"]


class Target(NamedTuple):
    """The gRPC method to call, and the cluster to call it on."""

    cluster: Text
    service: Text
    method: Text


class GrpcResponse:
    """The result of a gRPC call or stream.

    Attributes
    ----------
    status
        The gRPC status: a `GrpcStatus`, or an int if the enum doesn't have the number.
    message
        The response of a unary call, as serialised protobuf; empty if it failed.
    details
        The message that the server sent with a status other than OK.
    """

    __slots__ = ("details", "message", "status")

    def __init__(self, status: int, message: bytes, details: str = "") -> None:
        self.status: int = GrpcStatus(status) if has_member(GrpcStatus, status) else status
        self.message = message
        self.details = details

    @property
    def ok(self) -> bool:
        """Whether the status is OK."""
        return self.status == GrpcStatus.OK

    @property
    def error(self) -> GrpcError | None:
        """The failure as an exception, or None."""
        if self.ok:
            return None
        name = getattr(self.status, "name", self.status)
        return GrpcError(f"gRPC status {name}: {self.details}", int(self.status), self.details)

    def __repr__(self) -> str:
        return f"<GrpcResponse {getattr(self.status, 'name', self.status)}, {len(self.message)} bytes>"


def start_arguments(vm: VMInterface, target: Target, metadata: PairsLike) -> tuple[Any, ...]:
    """Return the first arguments of `place_call` for a call or a stream: the text for error messages, then the hostcall's inputs."""
    return ", ".join(map(repr, target)), *map(encode, target), serialised(vm.abi, metadata)


def received_message(vm: VMInterface) -> bytes:
    """Return the gRPC message that the running callback is for."""
    return vm.call("get_buffer_bytes", int(BufferType.GRPC_RECEIVE_BUFFER), 0, WHOLE)  # type: ignore[no-any-return]


def status_details(vm: VMInterface) -> str:
    """Return the message of the gRPC status that the running callback is for."""
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
        target: Target,
        message: Value,
        *,
        metadata: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "GrpcCall":
        """Make the hostcall, and return the call in progress.

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
        """End the call with its response."""
        self._end(GrpcResponse(GrpcStatus.OK, received_message(self.vm)))

    def take_status(self, status: int) -> None:
        """End the call with a failure."""
        self._end(GrpcResponse(status, b"", status_details(self.vm)))

    def take_initial_metadata(self) -> None:
        """Ignore metadata: it is not reported for unary calls."""

    def take_trailing_metadata(self) -> None:
        """Ignore metadata: it is not reported for unary calls."""

    def _end(self, response: GrpcResponse) -> None:
        self.vm.callouts.grpc.pop(self.token, None)
        self.end(response)

    def _forget(self) -> None:
        if self.vm.callouts.grpc.pop(self.token, None) is not None:
            self.vm.call("grpc_cancel", self.token)
