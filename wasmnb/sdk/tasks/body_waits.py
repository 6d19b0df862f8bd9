"""Awaitables for the body of a request or response, as a whole or chunk by chunk."""

from collections.abc import Awaitable

from ...abi import BufferType
from ..interfaces import BodyReader
from .tasks import Future, Task

__all__ = ["BodyWait", "body_chunks", "whole_body"]

#: Number of a buffer -> direction of the stream.
_DIRECTIONS = {int(BufferType.HTTP_REQUEST_BODY): "request", int(BufferType.HTTP_RESPONSE_BODY): "response"}


class BodyWait(Future):
    """A future whose result is the whole body, or its next chunk (None after the last chunk).

    Parameters
    ----------
    buffer_type
        Number of the body's buffer.
    whole
        Whether to wait for the whole body instead of the next chunk.
    """

    __slots__ = ("_buffer_type", "_reader", "whole")

    def __init__(self, buffer_type: int, *, whole: bool) -> None:
        super().__init__()
        self._reader: BodyReader | None = None
        self._buffer_type = buffer_type
        self.whole = whole

    def arm(self, task: Task) -> None:
        """Read the data if it has already arrived, or begin to wait for it."""
        direction = _DIRECTIONS[self._buffer_type]
        reader = task.root.body_reader(direction)
        if reader is None:
            self.fail(
                RuntimeError(f"the {direction} body can only be awaited in an async on_http_{direction}_... callback")
            )
        elif reader.body_wait is not None:
            self.fail(
                RuntimeError(
                    f"the {direction} body is awaited twice at the same time. Await it once, and keep the result"
                )
            )
        elif reader.can_read(whole=self.whole):
            self.resolve(reader.read(whole=self.whole))
        else:
            task.vm.require(f"on_{direction}_body", f"{direction}_body")
            self._reader = reader
            reader.await_body(self)

    def abandon(self) -> None:
        """Stop waiting for the body."""
        if self._reader is not None:
            self._reader.abandon_body()


def whole_body(buffer_type: int) -> Awaitable[bytes]:
    """Return an awaitable whose result is the whole body in this buffer."""
    return BodyWait(buffer_type, whole=True)


class body_chunks:  # noqa: N801 - used like a function
    """Async iterator over the chunks of a body as they arrive."""

    def __init__(self, buffer_type: int) -> None:
        self._buffer_type = buffer_type

    def __aiter__(self) -> "body_chunks":
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes | None = b""
        while chunk == b"":  # the end of a body often arrives as an empty chunk
            chunk = await BodyWait(self._buffer_type, whole=False)
        if chunk is None:
            raise StopAsyncIteration
        return chunk
