"""`self.request` and `self.response`: the parts of a stream's two messages.

Every read and write goes to the proxy at once, as with the header maps that they use. A filter may assign its own values to these
names (`self.request = ...`).
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
    """An attribute whose value is made on each read. It has no `__set__`, so a filter can assign its own value to the name."""

    def __init__(self, make: Callable[[Any], V], doc: str) -> None:
        self._make = make
        self.__doc__ = doc

    def __get__(self, owner: Any, kind: type | None = None) -> V:
        if owner is None:
            return self  # type: ignore[return-value]
        return self._make(owner)


class PluginConfig:
    """The attribute `config` of a stream: its plugin's configuration."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner.plugin.config


class MessageView:
    """Parts of requests and responses: `headers`, `trailers`, `body`."""

    __slots__ = ("_context",)
    # Each reads one attribute of the context. (Functions would become methods.)
    _headers: ClassVar["attrgetter[HeaderMap]"]
    _trailers: ClassVar["attrgetter[HeaderMap]"]
    _body: ClassVar["attrgetter[Body]"]

    def __init__(self, context: Any) -> None:
        self._context = context

    @property
    def headers(self) -> HeaderMap:
        """Headers, pseudo-headers included."""
        return self._headers(self._context)

    @property
    def trailers(self) -> HeaderMap:
        """Trailers."""
        return self._trailers(self._context)

    @property
    def body(self) -> Body:
        """The part of the body that the callback sees; `self.request.body.json()`, `await self.request.body()`."""
        return self._body(self._context)

    @body.setter
    def body(self, data: Value) -> None:
        self.body.set(data)

    async def content(self, *, limit: int = CONTENT_LIMIT) -> Content:
        """Return the whole body without its content-encoding, in an async headers callback: `await self.response.content()`.

        Parameters
        ----------
        limit
            Largest size of the body, encoded and decoded, in bytes (default 16 MiB).

        Raises
        ------
        ContentError
            The content-encoding is neither gzip nor deflate, or the body is invalid or too large.
        """
        return await whole_content(self, limit)

    def lines(self, *, limit: int = ITEM_LIMIT) -> Items[str]:
        """Iterate over the lines of the body as they arrive, without line ends, in an async headers callback.

        Parameters
        ----------
        limit
            Largest line in bytes (default 1 MiB); a larger line raises ContentError. The other iterators have the same limit.
        """
        return Items(self, LineSplitter(limit))

    def json_lines(self, *, limit: int = ITEM_LIMIT) -> Items[Any]:
        """Iterate over the values of JSON lines (NDJSON) as they arrive."""
        return Items(self, JsonLineSplitter(limit))

    def sse(self, *, limit: int = ITEM_LIMIT) -> Items[ServerSentEvent]:
        """Iterate over server-sent events as they arrive: `async for event in self.response.sse(): event.data`."""
        return Items(self, EventSplitter(limit))

    def json_rpc(self, *, limit: int = ITEM_LIMIT) -> Items[JsonRpcMessage]:
        """Iterate over JSON-RPC messages (as in MCP) of a JSON body, or of server-sent events if the content-type says so."""
        is_stream = message_header(self, "content-type").lower().startswith("text/event-stream")
        return Items(self, EventMessages(limit) if is_stream else WholeMessages(limit))

    def __repr__(self) -> str:
        return f"<{type(self).__name__.removesuffix('View').lower()} of {self._context!r}>"


class Pseudo:
    """A pseudo-header as an attribute of the request."""

    def __init__(self, header: str, doc: str) -> None:
        self._header = header
        self.__doc__ = doc

    def __get__(self, view: MessageView | None, kind: type | None = None) -> str:
        return self if view is None else view.headers[self._header]  # type: ignore[return-value]

    def __set__(self, view: MessageView, value: Value) -> None:
        view.headers[self._header] = value


class RequestView(MessageView):
    """The request: `method`, `path`, `query`, `cookies`, `headers`, `trailers`, `body`."""

    __slots__ = ()
    _headers = attrgetter("request_headers")
    _trailers = attrgetter("request_trailers")
    _body = attrgetter("request_body")

    method = Pseudo(":method", "Method.")
    authority = Pseudo(":authority", "Host of the request.")
    target = Pseudo(":path", "Path and query, as they were sent.")

    @property
    def path(self) -> str:
        """Path without the query, as it was sent. Assigning to it keeps the query."""
        return self.target.partition("?")[0]

    @path.setter
    def path(self, value: str) -> None:
        if "?" in value:
            raise ValueError(
                f"the path must not have a query, got {value!r}: set request.target to change path and query"
            )
        _, mark, query = self.target.partition("?")
        self.target = value + mark + query

    @property
    def query(self) -> Query:
        """Decoded parameters of the query: a mutable mapping with `get_all` and `add`."""
        return Query(self.headers)

    @property
    def cookies(self) -> Cookies:
        """Cookies: a mutable mapping."""
        return Cookies(self.headers)


class ResponseView(MessageView):
    """The response: `status`, `headers`, `trailers`, `body`."""

    __slots__ = ()
    _headers = attrgetter("response_headers")
    _trailers = attrgetter("response_trailers")
    _body = attrgetter("response_body")

    @property
    def status(self) -> int:
        """Status, 200 to 599."""
        return int(self.headers[":status"])

    @status.setter
    def status(self, value: int) -> None:
        if not isinstance(value, int) or not 200 <= value <= 599:
            raise ValueError(f"the status of a response must be between 200 and 599, not {value!r}")
        self.headers[":status"] = value

    def set_cookie(self, name: str, value: str | int, **attributes: Unpack[CookieAttributes]) -> None:
        """Add a `set-cookie` header.

        Parameters
        ----------
        name, value
            Name and value of the cookie. Neither may have spaces, commas, semicolons or line breaks.
        attributes
            `max_age` in seconds (default None: the browser's session), `path` (default "/"), `domain` (default None: the
            response's host), `secure` (default False), `http_only` (default True), and `same_site`: "Strict", "Lax", "None" or
            None (default "Lax").

        Raises
        ------
        ValueError
            The name, the value or an attribute can't be written in a cookie.
        """
        self.headers.add("set-cookie", cookie_header(name, value, **attributes))
