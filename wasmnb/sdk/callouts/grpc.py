"""gRPC callouts: what calls and streams share, and unary calls.

Facts: messages cross as bytes without the five-byte frame. The service is a cluster's name (or a serialised GrpcService
message). A unary call that succeeds ends with its message; one that fails, with a status; its metadata are not reported.
Deadlines and connection failures arrive as status 14 (UNAVAILABLE). After `cancel` nothing more is heard.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi import BufferType, GrpcStatus
from ..errors import GrpcError
from ..messages.bodies import WHOLE
from ..messages.encoding import PairsLike, Text, Value, encode
from ..messages.pairs import serialised
from ..numbering import is_named
from .base import Call, place_call

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["GrpcCall", "GrpcResponse", "Target", "opening", "received_message", "status_details"]

#: Cluster, service and method.
Target = tuple[Text, Text, Text]


class GrpcResponse:
    """How a call or a stream ended: `status`, `message` (bytes), and `details` if it failed."""

    __slots__ = ("details", "message", "status")

    def __init__(self, status: int, message: bytes, details: str = "") -> None:
        self.status: int = GrpcStatus(status) if is_named(GrpcStatus, status) else status
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


def opening(vm: "VM", target: Target, metadata: PairsLike) -> tuple[Any, ...]:
    """What a call and a stream begin with: what it is about, for errors, then the hostcalls' first inputs."""
    return ", ".join(map(repr, target)), *map(encode, target), serialised(vm.abi, metadata)


def received_message(vm: "VM") -> bytes:
    """The message whose callback runs now."""
    return vm.call("get_buffer_bytes", int(BufferType.GRPC_RECEIVE_BUFFER), 0, WHOLE)  # type: ignore[no-any-return]


def status_details(vm: "VM") -> str:
    """What came with the status whose callback runs now."""
    return str(vm.call("get_status")[1], "utf-8", "replace")


class GrpcCall(Call[GrpcResponse]):
    """A unary call under way. Awaiting it raises `GrpcError` if its status is not OK."""

    __slots__ = ()
    kind = "grpc_call"

    @classmethod
    def start(
        cls,
        vm: "VM",
        context: "Context",
        target: Target,
        message: Value,
        *,
        metadata: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "GrpcCall":
        """Make the hostcall. Raises `ParseFailure` for an unknown cluster, `CalloutNotStarted` if no endpoint is up."""
        token = place_call(vm, "grpc_call", *opening(vm, target, metadata), encode(message), timeout_ms)
        call = vm.grpc_calls[token] = cls(vm, context, token, callback)
        return call

    def take_message(self) -> None:
        """The answer is there."""
        self._end(GrpcResponse(GrpcStatus.OK, received_message(self.vm)))

    def take_status(self, status: int) -> None:
        """The call failed."""
        self._end(GrpcResponse(status, b"", status_details(self.vm)))

    def take_initial_metadata(self) -> None:
        """Not reported for unary calls."""

    def take_trailing_metadata(self) -> None:
        """Not reported for unary calls."""

    def _end(self, response: GrpcResponse) -> None:
        self.vm.grpc_calls.pop(self.token, None)
        self.end(response)

    def _forget(self) -> None:
        if self.vm.grpc_calls.pop(self.token, None) is not None:
            self.vm.call("grpc_cancel", self.token)
