"""The content of a message: its body without the content-encoding, as a whole or as a stream of items."""

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
    """A whole body without its content-encoding. `set` replaces the body, with the same encoding.

    Attributes
    ----------
    data
        The decoded bytes.
    encoding
        Value of `content-encoding`; empty if there is none.
    """

    __slots__ = ("_body", "data", "encoding")

    def __init__(self, body: Body, data: bytes, encoding: str) -> None:
        self._body = body
        self.data = data
        self.encoding = encoding

    @property
    def text(self) -> str:
        """The content as text; bytes that are not UTF-8 become surrogates, which `set` writes as the same bytes.

        Raises ContentError if the content is compressed or binary: content-encoding is missing, or the body isn't text.
        """
        return decoded_text(self.data)

    def json(self) -> Any:
        """Return the JSON value of the content. Raises ValueError, with line and column, if it is not JSON."""
        try:
            return from_json(self.data)
        except ValueError as error:
            raise content_error(self.data, error) from None

    def json_rpc(self) -> list[JsonRpcMessage]:
        """Return the JSON-RPC messages: one, or several for a batch. Raises ContentError if it is not JSON-RPC 2.0."""
        try:
            return to_messages(self.json())
        except ValueError as error:
            raise ContentError(str(error)) from None

    def set(self, data: Value) -> None:
        """Replace the body with new content, encoded as the old body was."""
        self._body.set(compress(data, self.encoding))
        self.data = encode(data)

    def set_json(self, value: Any) -> None:
        """Replace the body with a JSON document without white space, encoded as the old body was."""
        self.set(to_json(value))

    def __bytes__(self) -> bytes:
        return self.data

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"<content of {len(self.data)} bytes{f', {self.encoding}' if self.encoding else ''}>"


async def whole_content(view: Any, limit: int) -> Content:
    """Return the content of a message. Before awaiting the body, remove content-length, since `set` can change the length."""
    encoding = message_header(view, "content-encoding")
    StreamDecoder(encoding)  # raises for an unknown coding before the headers are sent on
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
    """Return a header of a message; empty if it is missing. Raises ContentError if headers are not available now."""
    try:
        return str(view.headers.get(name) or "")
    except HostcallError:
        side = type(view).__name__.removesuffix("View").lower()
        raise ContentError(
            f"the {side}'s content-encoding can't be read in this callback: read the content in an async on_http_{side}_headers"
        ) from None


class Items(Generic[T]):
    """Iterates over the items of a body as they arrive. A chunk is passed on when you request the items of the next one.

    Parameters
    ----------
    view
        The message.
    splitter
        Splits the bytes into items.
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
