"""`self.request` and `self.response`: a stream's two messages, each with its parts by name.

They keep nothing: every read and write goes to the proxy at once, as with the header maps that they stand on. A filter
may use the names for something of its own (`self.request = ...`); then they are its own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .bodies import Body
from .cookies import Cookies, cookie_header
from .headers import HeaderMap
from .query import Query

if TYPE_CHECKING:
    from .http import HttpContext

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


class RequestView:
    """The request: `method`, `path`, `query`, `cookies`, `headers`, `trailers`, `body`."""

    __slots__ = ("_context",)

    def __init__(self, context: "HttpContext") -> None:
        self._context = context

    @property
    def headers(self) -> HeaderMap:
        """Its headers, pseudo-headers included."""
        return self._context.request_headers

    @property
    def trailers(self) -> HeaderMap:
        """Its trailers."""
        return self._context.request_trailers

    @property
    def body(self) -> Body:
        """What can be seen of its body; `self.request.body.json()`, `await self.request.body()`."""
        return self._context.request_body

    @body.setter
    def body(self, data: str | bytes) -> None:
        self._context.request_body.set(data)

    @property
    def method(self) -> str:
        """Its method."""
        return self.headers[":method"]

    @method.setter
    def method(self, value: str) -> None:
        self.headers[":method"] = value

    @property
    def authority(self) -> str:
        """The host that it asks for."""
        return self.headers[":authority"]

    @authority.setter
    def authority(self, value: str) -> None:
        self.headers[":authority"] = value

    @property
    def target(self) -> str:
        """Path and query, as they are spelled."""
        return self.headers[":path"]

    @target.setter
    def target(self, value: str) -> None:
        self.headers[":path"] = value

    @property
    def path(self) -> str:
        """Its path without the query, as it is spelled. Setting keeps the query."""
        return self.target.partition("?")[0]

    @path.setter
    def path(self, value: str) -> None:
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

    def __repr__(self) -> str:
        return f"<request of {self._context!r}>"


class ResponseView:
    """The response: `status`, `headers`, `trailers`, `body`."""

    __slots__ = ("_context",)

    def __init__(self, context: "HttpContext") -> None:
        self._context = context

    @property
    def headers(self) -> HeaderMap:
        """Its headers, `:status` included."""
        return self._context.response_headers

    @property
    def trailers(self) -> HeaderMap:
        """Its trailers."""
        return self._context.response_trailers

    @property
    def body(self) -> Body:
        """What can be seen of its body."""
        return self._context.response_body

    @body.setter
    def body(self, data: str | bytes) -> None:
        self._context.response_body.set(data)

    @property
    def status(self) -> int:
        """Its status."""
        return int(self.headers[":status"])

    @status.setter
    def status(self, value: int) -> None:
        if not 200 <= value <= 599:
            raise ValueError(f"a response's status is from 200 to 599, got {value!r}")
        self.headers[":status"] = value

    def set_cookie(self, name: str, value: str, **attributes: Any) -> None:
        """Add a `set-cookie` header: `max_age`, `path`, `domain`, `secure`, `http_only`, `same_site`."""
        self.headers.add("set-cookie", cookie_header(name, value, **attributes))

    def __repr__(self) -> str:
        return f"<response of {self._context!r}>"
