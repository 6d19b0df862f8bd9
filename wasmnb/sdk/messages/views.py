"""The classes of `self.request` and `self.response`, which group the parts of a stream's messages.

Nothing is cached: every read and every write is a hostcall. A filter may also assign its own values to these attributes
(`self.request = ...`).
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar, Unpack

from ..body_formats.coding import CONTENT_LIMIT
from ..body_formats.json_rpc import JsonRpcMessage
from ..body_formats.messages import Content, Items, message_header, whole_content
from ..body_formats.splitters import (
    ITEM_LIMIT,
    EventMessages,
    EventSplitter,
    JsonLineSplitter,
    LineSplitter,
    ServerSentEvent,
    WholeMessages,
)
from .bodies import Body
from .cookies import CookieAttributes, Cookies, cookie_header
from .encoding import Value
from .headers import HeaderMap
from .query import Query

__all__ = ["PluginConfig", "RequestView", "ResponseView", "View"]

V = TypeVar("V")


class View(Generic[V]):
    """Descriptor of an attribute whose value is created on each read. A filter can still assign a value to the attribute."""

    def __init__(self, make: Callable[[Any], V], doc: str) -> None:
        self._make = make
        self.__doc__ = doc

    def __get__(self, owner: Any, kind: type | None = None) -> V:
        if owner is None:
            return self  # type: ignore[return-value]
        return self._make(owner)


class PluginConfig:
    """Descriptor of a stream's attribute `config`, which returns the configuration of the stream's plugin."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner.plugin.config


class MessageView:
    """Base class of RequestView and ResponseView, with the parts that both have: headers, trailers and body."""

    __slots__ = ("_context",)
    # Functions that read one attribute of the context. An attrgetter, unlike a function, doesn't become a method.
    _headers: ClassVar["attrgetter[HeaderMap]"]
    _trailers: ClassVar["attrgetter[HeaderMap]"]
    _body: ClassVar["attrgetter[Body]"]

    def __init__(self, context: Any) -> None:
        self._context = context

    @property
    def headers(self) -> HeaderMap:
        """The headers of this message, including pseudo-headers such as `:path`."""
        return self._headers(self._context)

    @property
    def trailers(self) -> HeaderMap:
        """The trailers of this message."""
        return self._trailers(self._context)

    @property
    def body(self) -> Body:
        """The part of the body that the current callback can read. `await self.request.body()` waits for the whole body."""
        return self._body(self._context)

    @body.setter
    def body(self, data: Value) -> None:
        self.body.set(data)

    async def content(self, *, limit: int = CONTENT_LIMIT) -> Content:
        """Wait for the whole body, and decode its content-encoding. Use `await self.response.content()` in a headers callback.

        Parameters
        ----------
        limit
            Largest allowed size of the body in bytes, both encoded and decoded (default 16 MiB).

        Raises
        ------
        ContentError
            The content-encoding is neither gzip nor deflate, or the body is invalid or too large.
        """
        return await whole_content(self, limit)

    def lines(self, *, limit: int = ITEM_LIMIT) -> Items[str]:
        """Iterate over the lines of the body as they arrive, without line ends. Use `async for` in a headers callback.

        Parameters
        ----------
        limit
            Largest allowed size of a line in bytes (default 1 MiB). A longer line raises ContentError.
        """
        return Items(self, LineSplitter(limit))

    def json_lines(self, *, limit: int = ITEM_LIMIT) -> Items[Any]:
        """Iterate over the values of a body of JSON lines (NDJSON) as they arrive.

        Parameters
        ----------
        limit
            Largest allowed size of a line in bytes (default 1 MiB). A longer line raises ContentError.
        """
        return Items(self, JsonLineSplitter(limit))

    def sse(self, *, limit: int = ITEM_LIMIT) -> Items[ServerSentEvent]:
        """Iterate over server-sent events as they arrive, for example `async for event in self.response.sse(): ...`.

        Parameters
        ----------
        limit
            Largest allowed size of an event in bytes (default 1 MiB). A larger event raises ContentError.
        """
        return Items(self, EventSplitter(limit))

    def json_rpc(self, *, limit: int = ITEM_LIMIT) -> Items[JsonRpcMessage]:
        """Iterate over JSON-RPC messages (as in MCP). The content-type decides whether the body is JSON or server-sent events.

        Parameters
        ----------
        limit
            Largest allowed size of an event or of the JSON body, in bytes (default 1 MiB). A larger one raises ContentError.
        """
        is_stream = message_header(self, "content-type").lower().startswith("text/event-stream")
        return Items(self, EventMessages(limit) if is_stream else WholeMessages(limit))

    def __repr__(self) -> str:
        return f"<{type(self).__name__.removesuffix('View').lower()} of {self._context!r}>"


class Pseudo:
    """Descriptor of an attribute that reads and writes a pseudo-header of the request."""

    def __init__(self, header: str, doc: str) -> None:
        self._header = header
        self.__doc__ = doc

    def __get__(self, view: MessageView | None, kind: type | None = None) -> str:
        return self if view is None else view.headers[self._header]  # type: ignore[return-value]

    def __set__(self, view: MessageView, value: Value) -> None:
        view.headers[self._header] = value


class RequestView(MessageView):
    """The parts of a request: `method`, `authority`, `path`, `query`, `cookies`, `headers`, `trailers` and `body`."""

    __slots__ = ()
    _headers = attrgetter("request_headers")
    _trailers = attrgetter("request_trailers")
    _body = attrgetter("request_body")

    method = Pseudo(":method", "The method, such as `GET`.")
    authority = Pseudo(":authority", "The host to which the request was sent.")
    target = Pseudo(":path", "The undecoded path, including the query.")

    @property
    def path(self) -> str:
        """The undecoded path without the query. Assigning a path keeps the query."""
        return self.target.partition("?")[0]

    @path.setter
    def path(self, value: str) -> None:
        if "?" in value:
            raise ValueError(
                f"request.path can't be set to {value!r}, because it contains a query. Set request.target instead."
            )
        _, mark, query = self.target.partition("?")
        self.target = value + mark + query

    @property
    def query(self) -> Query:
        """The decoded query parameters, as a mutable mapping. `get_all` and `add` support names with several values."""
        return Query(self.headers)

    @property
    def cookies(self) -> Cookies:
        """The cookies of the request, as a mutable mapping from names to values."""
        return Cookies(self.headers)


class ResponseView(MessageView):
    """The parts of a response: `status`, `headers`, `trailers` and `body`."""

    __slots__ = ()
    _headers = attrgetter("response_headers")
    _trailers = attrgetter("response_trailers")
    _body = attrgetter("response_body")

    @property
    def status(self) -> int:
        """The HTTP status as an int. Assigning a value outside of 200 to 599 raises ValueError."""
        return int(self.headers[":status"])

    @status.setter
    def status(self, value: int) -> None:
        if not isinstance(value, int) or not 200 <= value <= 599:
            raise ValueError(f"response.status must be an int between 200 and 599, not {value!r}")
        self.headers[":status"] = value

    def set_cookie(self, name: str, value: str | int, **attributes: Unpack[CookieAttributes]) -> None:
        """Add a `set-cookie` header to the response.

        Parameters
        ----------
        name, value
            Name and value of the cookie. Neither may contain spaces, commas, semicolons or line breaks.
        attributes
            `max_age` in seconds (default None: until the browser is closed), `path` (default "/"), `domain` (default None: the
            host of the response), `secure` (default False), `http_only` (default True), and `same_site`, which is "Strict",
            "Lax", "None" or None (default "Lax").

        Raises
        ------
        ValueError
            The name, the value or an attribute contains a character that would end the cookie, or `same_site` is unknown.
        """
        self.headers.add("set-cookie", cookie_header(name, value, **attributes))
