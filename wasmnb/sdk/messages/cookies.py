"""Cookies: those that a request carries as a mapping, and one to set in a response.

Facts (RFC 6265): a request's cookies come as `name=value` pairs with `;` between them, in one header or several; nothing
is said of their encoding, so values are taken as they are, without the quotes around them. What is not written keeps its
spelling. A response sets each with a `set-cookie` header of its own.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["CookieAttributes", "Cookies", "cookie_header"]

#: What may not stand in a cookie: it would end it, or the header.
_FORBIDDEN = set("\0\r\n;, ")

SameSite = Literal["Strict", "Lax", "None"]


class Cookies(MutableMapping[str, str]):
    """The request's cookies. A write goes to the `cookie` header at once, and joins several into one."""

    __slots__ = ("_headers",)

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers

    def _parts(self) -> list[str]:
        """The cookies as they are spelled."""
        parts = [part.strip() for line in self._headers.get_all("cookie") for part in line.split(";")]
        return [part for part in parts if part]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every cookie in order; what is no pair is left out."""
        return [(name, value) for name, value in map(_read, self._parts()) if name is not None]

    def values(self) -> list[str]:  # type: ignore[override]
        """Every value in order."""
        return [value for _, value in self.items()]

    def _keep(self, parts: list[str]) -> None:
        if parts:
            self._headers["cookie"] = "; ".join(parts)
        else:
            self._headers.remove("cookie")

    def __getitem__(self, name: str) -> str:
        for n, v in self.items():
            if n == name:
                return v
        raise KeyError(name)

    def __setitem__(self, name: str, value: str | int) -> None:
        written = _pair(name, value)
        self._keep([*(part for part in self._parts() if _read(part)[0] != name), written])

    def __delitem__(self, name: str) -> None:
        self[name]
        self._keep([part for part in self._parts() if _read(part)[0] != name])

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(n for n, _ in self.items()))

    def __len__(self) -> int:
        return len({n for n, _ in self.items()})

    def __repr__(self) -> str:
        return f"<cookies {self.items()!r}>"


def _read(part: str) -> tuple[str | None, str]:
    """Name and value of a cookie as it is spelled; no name if it is no pair."""
    name, equals, value = part.partition("=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return name.strip() if equals else None, value


class CookieAttributes(TypedDict, total=False):
    """What `set_cookie` takes beside name and value."""

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
    """The value of a `set-cookie` header; ValueError if a part could not stand in one."""
    if max_age is not None and not isinstance(max_age, int):
        raise TypeError(f"max_age of cookie {name!r} is a number of seconds, not {max_age!r}")
    if same_site is not None and same_site not in get_args(SameSite):
        raise ValueError(f"same_site of cookie {name!r} is Strict, Lax or None, not {same_site!r}")
    attributes = [("Max-Age", max_age), ("Path", path), ("Domain", domain), ("SameSite", same_site)]
    given = [f"{key}={text}" for key, text in attributes if text is not None]
    if any(set(text) & set("\0\r\n;") for text in given):
        raise ValueError(f"an attribute of cookie {name!r} has a character that would end it")
    return "; ".join([_pair(name, value), *given, *["Secure"] * secure, *["HttpOnly"] * http_only])


def _pair(name: str, value: str | int) -> str:
    """A cookie as it is spelled."""
    if not isinstance(name, str) or not isinstance(value, str | int):
        raise TypeError(f"cookie {name!r} cannot be {value!r}: a name is a str, a value a str or an int")
    text = str(value)
    if not name or "=" in name or set(name + text) & _FORBIDDEN:
        raise ValueError(
            f"cookie {name!r} cannot be {value!r}: no spaces, commas, semicolons, or control characters "
            "(urllib.parse.quote writes them otherwise)"
        )
    return f"{name}={text}"
