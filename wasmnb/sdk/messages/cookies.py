"""Cookies: a mapping of a request's cookies, and the header that sets a cookie in a response.

Facts (RFC 6265): a request has its cookies as `name=value` pairs with `;` between them, in one or more headers. Their
encoding is not specified, so values are read as they are, except that quotes around them are dropped. Writing a cookie leaves
the others unchanged. A response sets each cookie with its own `set-cookie` header.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from .lookup import Lookup

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["CookieAttributes", "Cookies", "cookie_header"]

#: Characters that would end a cookie, or the header.
_FORBIDDEN = set("\0\r\n;, ")

SameSite = Literal["Strict", "Lax", "None"]


class Cookies(MutableMapping[str, str]):
    """The request's cookies. A write changes the `cookie` header at once, and joins several such headers into one."""

    __slots__ = ("_headers", "_lookup", "_sent")

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers
        self._sent: list[str] = []
        self._lookup = Lookup()

    def _parts(self) -> list[str]:
        """Return the cookies as they were sent."""
        parts = [part.strip() for line in self._headers.get_all("cookie") for part in line.split(";")]
        return [part for part in parts if part]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the name and value of every cookie, in order. Parts that are not pairs are skipped."""
        return list(self._current().pairs)

    def _current(self) -> Lookup:
        """Return the cookies. They are parsed again only if the header has changed, since `dict(cookies)` asks for each name."""
        sent = self._headers.get_all("cookie")
        if sent != self._sent:
            pairs = map(_read, self._parts())
            self._sent, self._lookup = sent, Lookup((name, value) for name, value in pairs if name is not None)
        return self._lookup

    def values(self) -> list[str]:  # type: ignore[override]
        """Return every value in order."""
        return [value for _, value in self.items()]

    def _write(self, parts: list[str]) -> None:
        if parts:
            self._headers["cookie"] = "; ".join(parts)
        else:
            self._headers.remove("cookie")

    def __getitem__(self, name: str) -> str:
        return self._current().first(name)

    def __setitem__(self, name: str, value: str | int) -> None:
        cookie = _pair(name, value)
        self._write([*(part for part in self._parts() if _read(part)[0] != name), cookie])

    def __delitem__(self, name: str) -> None:
        self[name]
        self._write([part for part in self._parts() if _read(part)[0] != name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._current().names())

    def __len__(self) -> int:
        return len(self._current().names())

    def __repr__(self) -> str:
        return f"<cookies {self.items()!r}>"


def _read(part: str) -> tuple[str | None, str]:
    """Return the name and the value of a cookie as it was sent. The name is None if it is not a pair."""
    name, equals, value = part.partition("=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return name.strip() if equals else None, value


class CookieAttributes(TypedDict, total=False):
    """Keyword arguments of `set_cookie`."""

    max_age: int | None
    path: str | None
    domain: str | None
    secure: bool
    http_only: bool
    same_site: SameSite | None


def cookie_header(
    name: str,
    value: str | int,
    *,
    max_age: int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    http_only: bool = True,
    same_site: SameSite | None = "Lax",
) -> str:
    """Return the value of a `set-cookie` header.

    Parameters
    ----------
    name, value
        Name and value of the cookie. Neither may have spaces, commas, semicolons or line breaks.
    max_age
        Lifetime in seconds (default None: the browser's session).
    path, domain
        Path and host of the requests that get the cookie (default "/", and None: the response's host).
    secure, http_only
        Whether the cookie is sent over https only (default False), and whether it is hidden from scripts (default True).
    same_site
        "Strict", "Lax", "None", or None for no such attribute (default "Lax").

    Raises
    ------
    ValueError
        A part has a character that would end the cookie, or `same_site` is unknown.
    """
    if max_age is not None and not isinstance(max_age, int):
        raise TypeError(f"max_age of cookie {name!r} must be a whole number of seconds, not {max_age!r}")
    if same_site is not None and same_site not in get_args(SameSite):
        raise ValueError(f"same_site of cookie {name!r} must be 'Strict', 'Lax', 'None' or None, not {same_site!r}")
    attributes = [("Max-Age", max_age), ("Path", path), ("Domain", domain), ("SameSite", same_site)]
    texts = [f"{key}={text}" for key, text in attributes if text is not None]
    if any(set(text) & set("\0\r\n;") for text in texts):
        raise ValueError(
            f"an attribute of cookie {name!r} has a semicolon or a line break, which attributes can't contain"
        )
    return "; ".join([_pair(name, value), *texts, *["Secure"] * secure, *["HttpOnly"] * http_only])


def _pair(name: str, value: str | int) -> str:
    """Return a cookie as it is sent."""
    if not isinstance(name, str) or not isinstance(value, str | int):
        raise TypeError(f"invalid cookie {name!r}={value!r}: the name must be a str, and the value a str or an int")
    text = str(value)
    if not name or "=" in name or set(name + text) & _FORBIDDEN:
        raise ValueError(
            f"invalid cookie {name!r}={value!r}: the name must not be empty or have '=', and neither part may have spaces, "
            "commas, semicolons or line breaks (use urllib.parse.quote)"
        )
    return f"{name}={text}"
