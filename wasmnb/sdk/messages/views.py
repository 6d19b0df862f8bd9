"""`self.request` and `self.response`: a stream's two messages by parts.

Every read and write goes to the proxy at once, as with the header maps below. A filter may assign its own values to these
names (`self.request = ...`).
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar, Unpack

from .bodies import Body
from .cookies import CookieAttributes, Cookies, cookie_header
from .encoding import Value
from .headers import HeaderMap
from .query import Query

__all__ = ["PluginConfig", "RequestView", "ResponseView", "View"]

V = TypeVar("V")


class View(Generic[V]):
    """An attribute that makes its value on each read. It has no `__set__`, so a filter can use the name itself."""

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
        """Path without the query, as it was sent. Setting it keeps the query."""
        return self.target.partition("?")[0]

    @path.setter
    def path(self, value: str) -> None:
        if "?" in value:
            raise ValueError(f"a path has no query, got {value!r}: set request.target for both")
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
            raise ValueError(f"a response's status is from 200 to 599, got {value!r}")
        self.headers[":status"] = value

    def set_cookie(self, name: str, value: str | int, **attributes: Unpack[CookieAttributes]) -> None:
        """Add a `set-cookie` header.

        Parameters
        ----------
        name, value
            The cookie. Neither may have spaces, commas, semicolons or control characters.
        attributes
            `max_age` in seconds, `path` ("/" by default), `domain`, `secure` (False), `http_only` (True), and `same_site`
            ("Lax"; "Strict", "None" or None).

        Raises
        ------
        ValueError
            A part can't be written in a cookie.
        """
        self.headers.add("set-cookie", cookie_header(name, value, **attributes))
