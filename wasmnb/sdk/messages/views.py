"""`self.request` and `self.response`: a stream's two messages, each with its parts by name.

They keep nothing: every read and write goes to the proxy at once, as with the header maps that they stand on. A filter
may use the names for something of its own (`self.request = ...`); then they are its own.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, Unpack

from .bodies import Body
from .cookies import CookieAttributes, Cookies, cookie_header
from .encoding import Value
from .headers import HeaderMap
from .query import Query

if TYPE_CHECKING:
    from ..http import HttpContext

__all__ = ["PluginConfig", "RequestView", "ResponseView", "View"]

V = TypeVar("V")


class View(Generic[V]):
    """An attribute that is made anew on each read; it has no `__set__`, so that a filter can use the name itself."""

    def __init__(self, make: Callable[["HttpContext"], V], doc: str) -> None:
        self._make = make
        self.__doc__ = doc

    def __get__(self, owner: Any, kind: type | None = None) -> V:
        if owner is None:
            return self  # type: ignore[return-value]
        return self._make(owner)


class PluginConfig:
    """`self.config` of a stream: its plugin's configuration."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else owner.plugin.config


class MessageView:
    """What requests and responses have in common: `headers`, `trailers`, `body`."""

    __slots__ = ("_context",)
    # Each reads one attribute of the context. (A plain function would become a method.)
    _headers: ClassVar["attrgetter[HeaderMap]"]
    _trailers: ClassVar["attrgetter[HeaderMap]"]
    _body: ClassVar["attrgetter[Body]"]

    def __init__(self, context: "HttpContext") -> None:
        self._context = context

    @property
    def headers(self) -> HeaderMap:
        """Its headers, pseudo-headers included."""
        return self._headers(self._context)

    @property
    def trailers(self) -> HeaderMap:
        """Its trailers."""
        return self._trailers(self._context)

    @property
    def body(self) -> Body:
        """What can be seen of its body; `self.request.body.json()`, `await self.request.body()`."""
        return self._body(self._context)

    @body.setter
    def body(self, data: Value) -> None:
        self.body.set(data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.removesuffix('View').lower()} of {self._context!r}>"


class Pseudo:
    """An attribute of a request that is one of its pseudo-headers."""

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

    method = Pseudo(":method", "Its method.")
    authority = Pseudo(":authority", "The host that it asks for.")
    target = Pseudo(":path", "Path and query, as they are spelled.")

    @property
    def path(self) -> str:
        """Its path without the query, as it is spelled. Setting keeps the query."""
        return self.target.partition("?")[0]

    @path.setter
    def path(self, value: str) -> None:
        if "?" in value:
            raise ValueError(f"a path has no query, got {value!r}: set request.target for both")
        _, mark, query = self.target.partition("?")
        self.target = value + mark + query

    @property
    def query(self) -> Query:
        """The query's parameters, decoded: a mutable mapping with `get_all` and `add`."""
        return Query(self.headers)

    @property
    def cookies(self) -> Cookies:
        """Its cookies: a mutable mapping."""
        return Cookies(self.headers)


class ResponseView(MessageView):
    """The response: `status`, `headers`, `trailers`, `body`."""

    __slots__ = ()
    _headers = attrgetter("response_headers")
    _trailers = attrgetter("response_trailers")
    _body = attrgetter("response_body")

    @property
    def status(self) -> int:
        """Its status."""
        return int(self.headers[":status"])

    @status.setter
    def status(self, value: int) -> None:
        if not isinstance(value, int) or not 200 <= value <= 599:
            raise ValueError(f"a response's status is from 200 to 599, got {value!r}")
        self.headers[":status"] = value

    def set_cookie(self, name: str, value: str | int, **attributes: Unpack[CookieAttributes]) -> None:
        """Add a `set-cookie` header: `max_age` (seconds), `path`, `domain`, `secure`, `http_only`, `same_site`."""
        self.headers.add("set-cookie", cookie_header(name, value, **attributes))
