"""Cookies of a request as a mapping, and the `set-cookie` header of a response.

According to RFC 6265, a request sends its cookies as `name=value` pairs separated by `;`, in one or more headers. The RFC
doesn't specify an encoding, so values are not decoded; only quotes around them are removed. Writing one cookie doesn't change
the others. A response sends a separate `set-cookie` header for each cookie.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from .lookup import Lookup

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["CookieAttributes", "Cookies", "cookie_header"]

#: Characters that are not allowed in a cookie, because they would end the cookie or the header.
_FORBIDDEN = set("\0\r\n;, ")

SameSite = Literal["Strict", "Lax", "None"]


class Cookies(MutableMapping[str, str]):
    """The cookies of a request, as a mutable mapping. A write changes the `cookie` header immediately.

    If the request has several `cookie` headers, a write joins them into one.
    """

    __slots__ = ("_headers", "_lookup", "_sent")

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers
        self._sent: list[str] = []
        self._lookup = Lookup()

    def _parts(self) -> list[str]:
        """Return the unparsed cookies of all `cookie` headers."""
        parts = [part.strip() for line in self._headers.get_all("cookie") for part in line.split(";")]
        return [part for part in parts if part]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the name and value of every cookie, in order. Parts without `=` are skipped."""
        return list(self._current().pairs)

    def _current(self) -> Lookup:
        """Return the parsed cookies. To keep `dict(cookies)` fast, they are parsed again only if the header has changed."""
        sent = self._headers.get_all("cookie")
        if sent != self._sent:
            pairs = map(_read, self._parts())
            self._sent, self._lookup = sent, Lookup((name, value) for name, value in pairs if name is not None)
        return self._lookup

    def values(self) -> list[str]:  # type: ignore[override]
        """Return the value of every cookie, in order."""
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
    """Split a cookie into its name and value. The name is None if the cookie contains no `=`."""
    name, equals, value = part.partition("=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return name.strip() if equals else None, value


class CookieAttributes(TypedDict, total=False):
    """Keyword arguments of `self.response.set_cookie`."""

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
        Name and value of the cookie. Neither may contain spaces, commas, semicolons or line breaks.
    max_age
        Lifetime in seconds (default None: until the browser is closed).
    path
        Path of the requests with which the browser sends the cookie (default "/").
    domain
        Host to which the browser sends the cookie (default None: the host of the response).
    secure
        Whether the browser sends the cookie only over https (default False).
    http_only
        Whether the cookie is hidden from scripts (default True).
    same_site
        Value of the SameSite attribute: "Strict", "Lax" or "None" (default "Lax"). None omits the attribute.

    Raises
    ------
    ValueError
        A part contains a character that would end the cookie, or `same_site` is not one of these values.
    """
    if max_age is not None and not isinstance(max_age, int):
        raise TypeError(f"max_age of cookie {name!r} must be a whole number of seconds, not {max_age!r}")
    if same_site is not None and same_site not in get_args(SameSite):
        raise ValueError(f"same_site of cookie {name!r} must be 'Strict', 'Lax', 'None' or None, not {same_site!r}")
    attributes = [("Max-Age", max_age), ("Path", path), ("Domain", domain), ("SameSite", same_site)]
    texts = [f"{key}={text}" for key, text in attributes if text is not None]
    if any(set(text) & set("\0\r\n;") for text in texts):
        raise ValueError(
            f"path= or domain= of cookie {name!r} contains a semicolon or a line break. Either would end the attribute."
        )
    return "; ".join([_pair(name, value), *texts, *["Secure"] * secure, *["HttpOnly"] * http_only])


def _pair(name: str, value: str | int) -> str:
    """Return `name=value`. Raises ValueError if the name or the value contains a character that would end the cookie."""
    if not isinstance(name, str) or not isinstance(value, str | int):
        raise TypeError(f"invalid cookie {name!r}={value!r}: the name must be a str, and the value a str or an int")
    text = str(value)
    if not name or "=" in name or set(name + text) & _FORBIDDEN:
        raise ValueError(
            f"invalid cookie {name!r}={value!r}: the name must not be empty or contain '=', and neither part may contain "
            "spaces, commas, semicolons or line breaks. Encode the value with urllib.parse.quote."
        )
    return f"{name}={text}"
