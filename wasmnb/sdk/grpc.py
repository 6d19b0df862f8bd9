"""gRPC callouts: unary calls and streams.

Facts: messages cross as bytes without the five-byte frame. The service is a cluster's name (or a serialised GrpcService
message). A unary call that succeeds ends with its message; one that fails, with a status. Deadlines and connection
failures arrive as status 14 (UNAVAILABLE). After `cancel` nothing more is heard.
"""

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from ..abi import BufferType, GrpcStatus, HeaderMapType, decode_pairs, encode_pairs
from .bodies import WHOLE
from .callouts import AnswerHeaders
from .errors import GrpcError
from .explain import hostcall_error
from .numbering import is_named
from .text import PairsLike, Text, Value, encode, encode_all

if TYPE_CHECKING:
    from .contexts import Context
    from .vm import VM

__all__ = ["GrpcCall", "GrpcResponse", "GrpcStream"]


class GrpcResponse:
    """How a unary call ended: `status`, `message` (bytes), and `details` if it failed."""

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


def _message(vm: "VM") -> bytes:
    return vm.call("get_buffer_bytes", int(BufferType.GRPC_RECEIVE_BUFFER), 0, WHOLE)  # type: ignore[no-any-return]


def _details(vm: "VM") -> str:
    return str(vm.call("get_status")[1], "utf-8", "replace")


def _metadata(vm: "VM", map_type: HeaderMapType) -> AnswerHeaders:
    return AnswerHeaders(decode_pairs(vm.call("get_header_map_pairs", int(map_type))) or [])


class GrpcCall:
    """A unary call under way. Await it, or give it a callback."""

    __slots__ = ("_wake", "callback", "context", "response", "token", "vm")

    def __init__(self, vm: "VM", context: "Context", token: int, callback: Callable[..., Any] | None) -> None:
        self.vm = vm
        self.context = context
        self.token = token
        self.callback = callback
        self.response: GrpcResponse | None = None
        self._wake: Callable[[], None] | None = None

    @classmethod
    def start(
        cls,
        vm: "VM",
        context: "Context",
        target: tuple[Text, Text, Text],
        message: Value,
        *,
        metadata: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "GrpcCall":
        """Make the hostcall. Raises `ParseFailure` for an unknown cluster, `InternalFailure` if it cannot start."""
        vm.require("on_grpc_close", "grpc_call")
        status, token = vm.abi.grpc_call(
            *map(encode, target), encode_pairs(encode_all(metadata)), encode(message), timeout_ms
        )
        if status:
            raise hostcall_error("grpc_call", status, ", ".join(map(repr, target)))
        call = cls(vm, context, token, callback)
        vm.grpc_calls[token] = call
        return call

    def on_response(self, callback: Callable[[GrpcResponse], object]) -> "GrpcCall":
        """Have `callback` called with the result, on the context that made the call."""
        self.callback = callback
        return self

    def received(self) -> None:
        """The answer is there."""
        self._end(GrpcResponse(GrpcStatus.OK, _message(self.vm)))

    def closed(self, status: int) -> None:
        """The call failed."""
        self._end(GrpcResponse(status, b"", _details(self.vm)))

    def initial_metadata(self) -> None:
        """Not reported for unary calls."""

    def trailing_metadata(self) -> None:
        """Not reported for unary calls."""

    def _end(self, response: GrpcResponse) -> None:
        self.vm.grpc_calls.pop(self.token, None)
        self.response = response
        if self.callback is not None:
            self.callback(response)
        if self._wake is not None:
            self._wake()

    def cancel(self) -> None:
        """Stop the call; nothing more is heard of it."""
        if self.vm.grpc_calls.pop(self.token, None) is not None:
            self.vm.call("grpc_cancel", self.token)

    def __await__(self) -> Generator[Any, None, GrpcResponse]:
        """The result; `GrpcError` if it is not OK."""
        from .aio import wait_for_call

        return wait_for_call(self)

    def __repr__(self) -> str:
        return f"<GrpcCall {self.token}: {self.response or 'under way'}>"


class GrpcStream:
    """A stream of messages. The callbacks run on the context that opened it.

    `on_message(bytes)`, `on_close(GrpcResponse)`, `on_initial_metadata(AnswerHeaders)` and `on_trailing_metadata(AnswerHeaders)` are
    attributes that may be set at any time. In an `async def` callback: `async for message in stream`.
    """

    __slots__ = (
        "context",
        "on_close",
        "on_initial_metadata",
        "on_message",
        "on_trailing_metadata",
        "result",
        "token",
        "vm",
    )

    def __init__(self, vm: "VM", context: "Context", token: int) -> None:
        self.vm = vm
        self.context = context
        self.token = token
        self.result: GrpcResponse | None = None
        self.on_message: Callable[[bytes], object] | None = None
        self.on_close: Callable[[GrpcResponse], object] | None = None
        self.on_initial_metadata: Callable[[AnswerHeaders], object] | None = None
        self.on_trailing_metadata: Callable[[AnswerHeaders], object] | None = None

    @classmethod
    def start(cls, vm: "VM", context: "Context", target: tuple[Text, Text, Text], metadata: PairsLike) -> "GrpcStream":
        """Open the stream. Raises as `GrpcCall.start` does."""
        vm.require("on_grpc_receive_initial_metadata", "grpc_stream")
        status, token = vm.abi.grpc_stream(*map(encode, target), encode_pairs(encode_all(metadata)))
        if status:
            raise hostcall_error("grpc_stream", status, ", ".join(map(repr, target)))
        stream = cls(vm, context, token)
        vm.grpc_calls[token] = stream
        return stream

    def send(self, message: Value, *, end: bool = False) -> None:
        """Send a message; `end` closes our side."""
        self.vm.call("grpc_send", self.token, encode(message), int(end), about=str(self.token))

    def close(self) -> None:
        """Close our side; the other side's messages still come."""
        self.vm.call("grpc_close", self.token, about=str(self.token))

    def cancel(self) -> None:
        """Break the stream off; nothing more is heard of it."""
        if self.vm.grpc_calls.pop(self.token, None) is not None:
            self.vm.call("grpc_cancel", self.token, about=str(self.token))

    def received(self) -> None:
        """A message is there."""
        if self.on_message is not None:
            self.on_message(_message(self.vm))

    def closed(self, status: int) -> None:
        """The stream is over."""
        self.vm.grpc_calls.pop(self.token, None)
        self.result = GrpcResponse(status, b"", _details(self.vm))
        if self.on_close is not None:
            self.on_close(self.result)

    def initial_metadata(self) -> None:
        """The other side's headers are there."""
        if self.on_initial_metadata is not None:
            self.on_initial_metadata(_metadata(self.vm, HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA))

    def trailing_metadata(self) -> None:
        """The other side's trailers are there."""
        if self.on_trailing_metadata is not None:
            self.on_trailing_metadata(_metadata(self.vm, HeaderMapType.GRPC_RECEIVE_TRAILING_METADATA))

    def __repr__(self) -> str:
        return f"<GrpcStream {self.token}: {self.result or 'open'}>"
