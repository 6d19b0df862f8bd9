"""Decoded bodies of requests and responses, as a whole (Content) or item by item as they arrive (Items)."""

from collections.abc import AsyncIterator
from typing import Any, Generic, TypeVar

from ..diagnostics.hostcall_causes import running_frame
from ..errors import ContentError, HostcallError
from ..messages.bodies import Body, from_json, to_json
from ..messages.encoding import Value, encode
from .coding import StreamDecoder, compress, decompress
from .json_rpc import JsonRpcMessage, to_messages
from .splitters import Splitter
from .text import content_error, decoded_text

__all__ = ["Content", "Items", "message_header", "whole_content"]

T = TypeVar("T")


class Content:
    """A complete body, decompressed if its content-encoding is gzip or deflate. `set` compresses new content in the same way.

    Attributes
    ----------
    data
        The decoded bytes.
    encoding
        Value of the `content-encoding` header, or '' if there is none.
    """

    __slots__ = ("_body", "data", "encoding")

    def __init__(self, body: Body, data: bytes, encoding: str) -> None:
        self._body = body
        self.data = data
        self.encoding = encoding

    @property
    def text(self) -> str:
        """The content, decoded as UTF-8. Invalid bytes become surrogates, which `set` converts back to the same bytes.

        Raises ContentError if the content is binary, or is compressed although it has no `content-encoding` header.
        """
        return decoded_text(self.data)

    def json(self) -> Any:
        """Parse the content as JSON. Raises ValueError, with line and column, if it is not JSON."""
        try:
            return from_json(self.data)
        except ValueError as error:
            raise content_error(self.data, error) from None

    def json_rpc(self) -> list[JsonRpcMessage]:
        """Parse the content as JSON-RPC 2.0. A batch contains several messages. Raises ContentError if it is invalid."""
        try:
            return to_messages(self.json())
        except ValueError as error:
            raise ContentError(str(error)) from None

    def set(self, data: Value) -> None:
        """Replace the body with new content, compressed with the same encoding as the old body."""
        self._body.set(compress(data, self.encoding))
        self.data = encode(data)

    def set_json(self, value: Any) -> None:
        """Replace the body with a value, serialised as JSON and compressed with the same encoding as the old body."""
        self.set(to_json(value))

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<content of {len(self.data)} bytes{f', {self.encoding}' if self.encoding else ''}>"


async def whole_content(view: Any, limit: int) -> Content:
    """Wait for the whole body of a request or response, and return its decoded content.

    Removes the content-length header before the wait, because `Content.set` can change the length.
    """
    encoding = message_header(view, "content-encoding")
    StreamDecoder(encoding)  # raises an exception for unsupported codings before the proxy sends the headers on
    frame = running_frame()
    has_body = frame is None or not frame.f_locals.get("end_of_stream")
    if has_body and "content-length" in view.headers:
        view.headers.remove("content-length")
    data = await view.body()
    if len(data) > limit:
        raise ContentError(f"the body is larger than the limit of {limit} bytes: pass a larger limit=")
    if not data:
        return Content(view.body, b"", encoding)
    return Content(view.body, decompress(data, encoding, limit=limit), encoding)


def message_header(view: Any, name: str) -> str:
    """Return a header of a request or response, or '' if it is missing.

    Raises ContentError if headers can't be read in the running callback.
    """
    try:
        return str(view.headers.get(name) or "")
    except HostcallError:
        side = type(view).__name__.removesuffix("View").lower()
        raise ContentError(
            f"the {side}'s content-encoding can't be read in this callback. Await the content in on_http_{side}_headers instead."
        ) from None


class Items(Generic[T]):
    """Async iterator over the items of a body (lines, events or messages) as they arrive.

    The proxy passes a chunk on when the filter has received all items of this chunk and asks for another.

    Parameters
    ----------
    view
        The request or response.
    splitter
        Object that splits the bytes into items.
    """

    def __init__(self, view: Any, splitter: Splitter) -> None:
        self._chunks: AsyncIterator[bytes] = aiter(view.body)
        self._decoder = StreamDecoder(message_header(view, "content-encoding"))
        self._splitter = splitter
        self._ready: list[T] = []
        self._ended = False

    def __aiter__(self) -> "Items[T]":
        return self

    async def __anext__(self) -> T:
        while not self._ready and not self._ended:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                self._ended = True
                self._decoder.finish()
                items = self._splitter.finish()
            else:
                items = self._splitter.feed(self._decoder.feed(chunk))
            self._ready = items[::-1]
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.pop()
