"""Cookies: those that a request carries as a mapping, and one to set in a response.

Facts (RFC 6265): a request's cookies come as `name=value` pairs with `;` between them, in one header or several; nothing
is said of their encoding, so values are taken as they are, without surrounding quotes. A response sets each with a
`set-cookie` header of its own.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["Cookies", "cookie_header"]

#: What may not stand in a cookie: it would end it, or the header.
_FORBIDDEN = set("\0\r\n;, ")


class Cookies(MutableMapping[str, str]):
    """The request's cookies. A write goes to the `cookie` header at once, and joins several into one."""

    __slots__ = ("_headers",)

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every cookie in order; what is no pair is left out."""
        parts = (part.strip().partition("=") for line in self._headers.get_all("cookie") for part in line.split(";"))
        return [(name.strip(), value.strip().strip('"')) for name, equals, value in parts if equals]

    def _write(self, pairs: list[tuple[str, str]]) -> None:
        if pairs:
            self._headers["cookie"] = "; ".join(f"{name}={value}" for name, value in pairs)
        else:
            self._headers.remove("cookie")

    def __getitem__(self, name: str) -> str:
        for n, v in self.items():
            if n == name:
                return v
        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        _check(name, value)
        self._write([*((n, v) for n, v in self.items() if n != name), (name, value)])

    def __delitem__(self, name: str) -> None:
        pairs = self.items()
        kept = [(n, v) for n, v in pairs if n != name]
        if len(kept) == len(pairs):
            raise KeyError(name)
        self._write(kept)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(n for n, _ in self.items()))

    def __len__(self) -> int:
        return len({n for n, _ in self.items()})

    def __repr__(self) -> str:
        return f"<cookies {self.items()!r}>"


def cookie_header(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    http_only: bool = True,
    same_site: Literal["Strict", "Lax", "None"] | None = "Lax",
) -> str:
    """The value of a `set-cookie` header; ValueError if a part could not stand in one."""
    _check(name, value)
    attributes = [("Max-Age", max_age), ("Path", path), ("Domain", domain), ("SameSite", same_site)]
    given = [f"{key}={text}" for key, text in attributes if text is not None]
    if any(set(text) & set("\0\r\n;") for text in given):
        raise ValueError(f"an attribute of cookie {name!r} has a character that would end it")
    return "; ".join([f"{name}={value}", *given, *["Secure"] * secure, *["HttpOnly"] * http_only])


def _check(name: str, value: str) -> None:
    if not name or "=" in name or set(name + value) & _FORBIDDEN:
        raise ValueError(f"cookie {name!r} cannot be {value!r}: no spaces, commas, semicolons, or control characters")
