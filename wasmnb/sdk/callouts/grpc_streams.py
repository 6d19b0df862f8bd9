"""gRPC streams: messages both ways, with callbacks or with `await`.

Facts: the proxy reports the other side's headers, then messages, then its trailers, then the status; of a stream that
fails early some are missing. There is no backpressure: what has come and has not been read is kept here. A stream belongs
to the plugin, and would outlive the HTTP stream or connection that opened it: so it is cancelled when that ends.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ...abi import GrpcStatus, HeaderMapType
from ..messages.encoding import PairsLike, Value, encode
from ..tasks.tasks import Future, Task
from .base import place_call
from .grpc import GrpcResponse, Target, opening, received_message, status_details
from .http import AnswerHeaders, answer_headers

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["GrpcStream", "cancel_streams"]


class GrpcStream:
    """A stream of messages, for an `async def` callback or for callbacks on the context that opened it.

    With `await`::

        async with self.grpc_stream("cluster", "package.Service", "Method") as stream:
            stream.send(b"question")
            async for message in stream:
                ...

    Leaving the block cancels what is still open. `async for` ends with the stream; a status other than OK raises
    `GrpcError`. With callbacks: `on_message(bytes)`, `on_close(GrpcResponse)`, `on_initial_metadata(AnswerHeaders)` and
    `on_trailing_metadata(AnswerHeaders)` are attributes that may be set at any time.

    Attributes
    ----------
    result
        How the stream ended; None while it is open.
    """

    __slots__ = (
        "_initial",
        "_messages",
        "_trailing",
        "_waiting",
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
        self._messages: deque[bytes] = deque()
        self._initial: AnswerHeaders | None = None
        self._trailing: AnswerHeaders | None = None
        self._waiting: list[_Until] = []

    @classmethod
    def start(cls, vm: "VM", context: "Context", target: Target, metadata: PairsLike) -> "GrpcStream":
        """Open the stream. Raises as `GrpcCall.start` does."""
        stream = cls(vm, context, place_call(vm, "grpc_stream", *opening(vm, target, metadata)))
        vm.grpc_calls[stream.token] = stream
        if _ends_with_context(context):
            context.__dict__.setdefault("_grpc_streams", set()).add(stream)
            vm.watch(+1)
        return stream

    # -- our side

    def send(self, message: Value, *, end: bool = False) -> Awaitable[None]:
        """Send a message; `end` closes our side. It is on its way at once; awaiting it changes nothing."""
        self.vm.call("grpc_send", self.token, encode(message), int(end), about=str(self.token))
        return _SENT

    def close(self) -> None:
        """Close our side; the other side's messages still come."""
        self.vm.call("grpc_close", self.token, about=str(self.token))

    def cancel(self) -> None:
        """Break the stream off; nothing more is heard of it."""
        if self.token in self.vm.grpc_calls:
            self.vm.call("grpc_cancel", self.token, about=str(self.token))
            self._over(GrpcResponse(GrpcStatus.CANCELLED, b"", "cancelled by the filter"))

    # -- the other side, awaited

    async def receive(self) -> bytes | None:
        """The next message; None after the last. Raises `GrpcError` if the stream ends with a status other than OK."""
        await _Until(self, lambda: bool(self._messages) or self.result is not None)
        if self._messages:
            return self._messages.popleft()
        self._raise_failure()
        return None

    async def initial_metadata(self) -> AnswerHeaders:
        """The other side's headers, as soon as they are there; `GrpcError` if the stream fails without any."""
        await _Until(self, lambda: self._initial is not None or self.result is not None)
        if self._initial is None:
            self._raise_failure()
        return self._initial or AnswerHeaders([])

    async def trailing_metadata(self) -> AnswerHeaders:
        """The other side's trailers, which come at the end; empty if there are none."""
        await self.status()
        return self._trailing or AnswerHeaders([])

    async def status(self) -> GrpcResponse:
        """How the stream ended, when it has; raises nothing."""
        await _Until(self, lambda: self.result is not None)
        assert self.result is not None
        return self.result

    def _raise_failure(self) -> None:
        if self.result is not None and self.result.error is not None:
            raise self.result.error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()

    # -- what the proxy reports

    def take_initial_metadata(self) -> None:
        """The other side's headers are there."""
        self._initial = _metadata(self.vm, HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA)
        self._tell(self.on_initial_metadata, self._initial)

    def take_message(self) -> None:
        """A message is there."""
        message = received_message(self.vm)
        if self.on_message is None:
            self._messages.append(message)
        self._tell(self.on_message, message)

    def take_trailing_metadata(self) -> None:
        """The other side's trailers are there."""
        self._trailing = _metadata(self.vm, HeaderMapType.GRPC_RECEIVE_TRAILING_METADATA)
        self._tell(self.on_trailing_metadata, self._trailing)

    def take_status(self, status: int) -> None:
        """The stream is over."""
        self._over(GrpcResponse(status, b"", status_details(self.vm)))
        self._tell(self.on_close, self.result)

    def _over(self, result: GrpcResponse) -> None:
        self.result = result
        self.vm.grpc_calls.pop(self.token, None)
        opened: set[GrpcStream] | None = self.context.__dict__.get("_grpc_streams")
        if opened is not None and self in opened:
            opened.discard(self)
            self.vm.watch(-1)
        self._wake()

    def _tell(self, callback: Callable[..., object] | None, what: Any) -> None:
        if callback is not None:
            callback(what)
        self._wake()

    def _wake(self) -> None:
        """Run those on whose condition is met. Each of them may change who waits."""
        while (found := next((w for w in self._waiting if w.ready()), None)) is not None:
            self._waiting.remove(found)
            found.resolve()

    def __repr__(self) -> str:
        return f"<GrpcStream {self.token}: {self.result or 'open'}>"


class _Until(Future):
    """Resolves when a stream has come so far."""

    __slots__ = ("ready", "stream")

    def __init__(self, stream: GrpcStream, ready: Callable[[], bool]) -> None:
        super().__init__()
        self.stream = stream
        self.ready = ready
        self.done = ready()

    def arm(self, task: Task) -> None:  # noqa: ARG002
        """Wait in line."""
        self.stream._waiting.append(self)

    def abandon(self) -> None:
        """Wait no longer."""
        self.stream._waiting.remove(self)


class _Sent:
    """What `send` returns: there is nothing to wait for."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


_SENT = _Sent()


def _metadata(vm: "VM", map_type: HeaderMapType) -> AnswerHeaders:
    return answer_headers(vm.abi, int(map_type))


def _ends_with_context(context: "Context") -> bool:
    """Whether it is an HTTP stream or a connection; a plugin's streams end with the plugin, which the proxy sees to."""
    return "plugin" in context.__dict__


def cancel_streams(context: "Context") -> None:
    """A context is over: cancel the gRPC streams that it opened."""
    for stream in tuple(context.__dict__.get("_grpc_streams", ())):
        stream.cancel()
