"""Bidirectional gRPC streams to clusters, for use with `await` or with callbacks.

The proxy reports the server's headers, then its messages, its trailers, and the status. If a stream fails early, some of these
are missing. The ABI has no backpressure, so unread messages are kept in memory. In the ABI, a gRPC stream belongs to the
plugin; the SDK cancels it when the HTTP stream or TCP connection that opened it ends.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Self

from ...abi import GrpcStatus, HeaderMapType
from ..interfaces import ContextInterface, VMInterface
from ..messages.encoding import PairsLike, Value, encode
from ..tasks.context_waits import waits_of
from ..tasks.tasks import Future, Task
from .base import place_call
from .grpc import GrpcMethod, GrpcResponse, received_message, start_arguments, status_details
from .http import ResponseHeaders, response_headers

__all__ = ["GrpcStream"]


class GrpcStream:
    """A bidirectional gRPC stream, for use with `await` or with callbacks.

    In an `async def` callback::

        async with self.grpc_stream("cluster", "package.Service", "Method") as stream:
            stream.send(b"question")
            async for message in stream:
                ...

    The stream is cancelled when the block ends, if it is still open. `async for` ends with the stream, and raises `GrpcError`
    if the status is not OK. To use callbacks instead, set these attributes to functions at any time: `on_message(bytes)`,
    `on_close(GrpcResponse)`, `on_initial_metadata(ResponseHeaders)` and `on_trailing_metadata(ResponseHeaders)`.

    Attributes
    ----------
    result
        Result of the stream, or None while it is open.
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

    def __init__(self, vm: VMInterface, context: ContextInterface, token: int) -> None:
        self.vm = vm
        self.context = context
        self.token = token
        self.result: GrpcResponse | None = None
        self.on_message: Callable[[bytes], object] | None = None
        self.on_close: Callable[[GrpcResponse], object] | None = None
        self.on_initial_metadata: Callable[[ResponseHeaders], object] | None = None
        self.on_trailing_metadata: Callable[[ResponseHeaders], object] | None = None
        self._messages: deque[bytes] = deque()
        self._initial: ResponseHeaders | None = None
        self._trailing: ResponseHeaders | None = None
        self._waiting: list[_Until] = []

    @classmethod
    def start(cls, vm: VMInterface, context: ContextInterface, target: GrpcMethod, metadata: PairsLike) -> "GrpcStream":
        """Open a gRPC stream to a cluster. Raises the same exceptions as `GrpcCall.start`."""
        stream = cls(vm, context, place_call(vm, "grpc_stream", *start_arguments(vm, target, metadata)))
        vm.callouts.grpc[stream.token] = stream
        if context._own_plugin() is not context:  # the proxy itself cancels the gRPC streams of a plugin that ends
            waits_of(context).add(stream)
            vm.deletes.add()
        return stream

    # -- messages to the server

    def send(self, message: Value, *, end: bool = False) -> Awaitable[None]:
        """Send a message to the server. It is sent immediately, so awaiting the result is optional.

        Parameters
        ----------
        message
            The message, as serialised protobuf.
        end
            Whether this is the last message (default False). If True, the stream is half-closed after it.

        Returns
        -------
        Awaitable
            An awaitable that is already done.
        """
        self.vm.call("grpc_send", self.token, encode(message), int(end), subject=str(self.token))
        return _SENT

    def close(self) -> None:
        """Half-close the stream: no more messages can be sent, but the server's messages still arrive."""
        self.vm.call("grpc_close", self.token, subject=str(self.token))

    def cancel(self) -> None:
        """Reset the stream. Its status becomes CANCELLED, and no more messages arrive."""
        if self.token in self.vm.callouts.grpc:
            self.vm.call("grpc_cancel", self.token, subject=str(self.token))
            self._end(GrpcResponse(GrpcStatus.CANCELLED, b"", "cancelled by the filter"))

    # -- messages from the server, with `await`

    async def receive(self) -> bytes | None:
        """Wait for the next message. Returns None after the last one. Raises `GrpcError` if the stream ends with an error."""
        await _Until(self, lambda: bool(self._messages) or self.result is not None)
        if self._messages:
            return self._messages.popleft()
        self._raise_failure()
        return None

    async def initial_metadata(self) -> ResponseHeaders:
        """Wait for the server's headers and return them. Raises `GrpcError` if the stream fails before they arrive."""
        await _Until(self, lambda: self._initial is not None or self.result is not None)
        if self._initial is None:
            self._raise_failure()
        return self._initial or ResponseHeaders([])

    async def trailing_metadata(self) -> ResponseHeaders:
        """Wait for the end of the stream and return the server's trailers, which can be empty."""
        await self.status()
        return self._trailing or ResponseHeaders([])

    async def status(self) -> GrpcResponse:
        """Wait for the end of the stream and return its result. Doesn't raise `GrpcError`."""
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

    # -- called by the dispatcher

    def take_initial_metadata(self) -> None:
        """Read and store the server's headers, after the proxy has reported them."""
        self._initial = _metadata(self.vm, HeaderMapType.GRPC_RECEIVE_INITIAL_METADATA)
        self._notify(self.on_initial_metadata, self._initial)

    def take_message(self) -> None:
        """Read a message after the proxy has reported it, and pass it to `on_message` or to a waiting task."""
        message = received_message(self.vm)
        if self.on_message is None:
            self._messages.append(message)
        self._notify(self.on_message, message)

    def take_trailing_metadata(self) -> None:
        """Read and store the server's trailers, after the proxy has reported them."""
        self._trailing = _metadata(self.vm, HeaderMapType.GRPC_RECEIVE_TRAILING_METADATA)
        self._notify(self.on_trailing_metadata, self._trailing)

    def take_status(self, status: int) -> None:
        """End the stream, after the proxy has reported the gRPC status `status`."""
        self._end(GrpcResponse(status, b"", status_details(self.vm)))
        self._notify(self.on_close, self.result)

    def _end(self, result: GrpcResponse) -> None:
        self.result = result
        self.vm.callouts.grpc.pop(self.token, None)
        waits = self.context._waits
        if waits is not None and waits.discard(self):
            self.vm.deletes.remove()
        self._wake()

    def _notify(self, callback: Callable[..., object] | None, value: Any) -> None:
        if callback is not None:
            callback(value)
        self._wake()

    def _wake(self) -> None:
        """Resolve the waiting futures whose condition is true. A resumed task can change the conditions of the others."""
        while (ready := next((w for w in self._waiting if w.ready()), None)) is not None:
            self._waiting.remove(ready)
            ready.resolve()

    def __repr__(self) -> str:
        return f"<GrpcStream {self.token}: {self.result or 'open'}>"


class _Until(Future):
    """A future that is resolved when a condition of a gRPC stream becomes true."""

    __slots__ = ("ready", "stream")

    def __init__(self, stream: GrpcStream, ready: Callable[[], bool]) -> None:
        super().__init__()
        self.stream = stream
        self.ready = ready
        self.done = ready()

    def arm(self, task: Task) -> None:  # noqa: ARG002
        """Add this future to the futures that wait for the stream."""
        self.stream._waiting.append(self)

    def abandon(self) -> None:
        """Remove this future from the futures that wait for the stream."""
        self.stream._waiting.remove(self)


class _Sent:
    """The awaitable returned by `GrpcStream.send`, which is already done."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


_SENT = _Sent()


def _metadata(vm: VMInterface, map_type: HeaderMapType) -> ResponseHeaders:
    return response_headers(vm.abi, int(map_type))
