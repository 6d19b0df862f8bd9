"""The query parameters of a request as a mutable mapping in which a name can have several values.

The parameters are read from and written to the `:path` header, which the proxy doesn't decode. Writing a parameter
percent-encodes its value and doesn't change the other parameters. A read takes one hostcall, and a write takes two.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_plus

from .encoding import encode
from .lookup import Lookup

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["Query"]


def _decode(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _encode(value: str | bytes | int) -> str:
    return quote(encode(value), safe="-._~")


class Query(MutableMapping[str, str]):
    """The query parameters of a request, as a mutable mapping.

    `query["a"]` returns the first value, `query["a"] = "b"` replaces all values, `add` appends one, and `get_all` returns all.
    """

    __slots__ = ("_headers", "_lookup", "_sent")

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers
        self._sent = ""
        self._lookup = Lookup()

    def _split(self) -> tuple[str, list[str]]:
        """Split `:path` into the path and the undecoded `name=value` parts of the query."""
        path, _, query = (self._headers.get(":path") or "").partition("?")
        return path, [part for part in query.split("&") if part]

    def _join(self, path: str, parts: list[str]) -> None:
        self._headers[":path"] = f"{path}?{'&'.join(parts)}" if parts else path

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the name and value of every parameter, in order. Names can repeat."""
        return list(self._current().pairs)

    def _current(self) -> Lookup:
        """Return the parsed parameters. To keep `dict(query)` fast, they are parsed again only if the query has changed."""
        sent = str(self)
        if sent != self._sent:
            self._sent = sent
            self._lookup = Lookup(parse_qsl(sent, keep_blank_values=True, errors="surrogateescape"))
        return self._lookup

    def values(self) -> list[str]:  # type: ignore[override]
        """Return the value of every parameter, in order."""
        return [value for _, value in self.items()]

    def get_all(self, name: str) -> list[str]:
        """Return all values of a parameter, in order."""
        return [v for n, v in self.items() if n == name]

    def __getitem__(self, name: str) -> str:
        return self._current().first(name)

    def __setitem__(self, name: str, value: str | bytes | int) -> None:
        """Replace all values of a parameter by one value, in the place of the first. Append the parameter if it is new."""
        path, parts = self._split()
        new, is_new = f"{_encode(name)}={_encode(value)}", True
        others = []
        for part in parts:
            if _decode(part.partition("=")[0]) != name:
                others.append(part)
            elif is_new:
                others.append(new)
                is_new = False
        self._join(path, [*others, new] if is_new else others)

    def add(self, name: str, value: str | bytes | int) -> None:
        """Append a parameter, even if its name already exists."""
        path, parts = self._split()
        self._join(path, [*parts, f"{_encode(name)}={_encode(value)}"])

    def __delitem__(self, name: str) -> None:
        path, parts = self._split()
        others = [part for part in parts if _decode(part.partition("=")[0]) != name]
        if len(others) == len(parts):
            raise KeyError(name)
        self._join(path, others)

    def __iter__(self) -> Iterator[str]:
        return iter(self._current().names())

    def __len__(self) -> int:
        return len(self._current().names())

    def __str__(self) -> str:
        """Return the undecoded query without the question mark."""
        return (self._headers.get(":path") or "").partition("?")[2]

    def __repr__(self) -> str:
        return f"<query {self.items()!r}>"
