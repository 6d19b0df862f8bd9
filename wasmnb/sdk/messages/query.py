"""The query of a request as a mapping with several values to a name, straight on the `:path` header.

Facts: `:path` carries path and query as they came; the proxy decodes neither. A name may repeat. Parts that are not touched
keep their spelling; written parts are percent-encoded. Every read is one hostcall, every write two.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

from .encoding import encode

if TYPE_CHECKING:
    from .headers import HeaderMap

__all__ = ["Query"]


def _decode(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _encode(value: str | bytes | int) -> str:
    return quote(encode(value), safe="-._~")


class Query(MutableMapping[str, str]):
    """`query["a"]` is the first value, setting leaves one, `get_all` lists, `add` appends."""

    __slots__ = ("_headers",)

    def __init__(self, headers: "HeaderMap") -> None:
        self._headers = headers

    def _split(self) -> tuple[str, list[str]]:
        """The path, and the parts of the query as they are spelled."""
        path, _, query = (self._headers.get(":path") or "").partition("?")
        return path, [part for part in query.split("&") if part]

    def _join(self, path: str, parts: list[str]) -> None:
        self._headers[":path"] = f"{path}?{'&'.join(parts)}" if parts else path

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every parameter in order, repeated names one by one."""
        pairs = [part.partition("=") for part in self._split()[1]]
        return [(_decode(name), _decode(value)) for name, _, value in pairs]

    def values(self) -> list[str]:  # type: ignore[override]
        """Every value in order."""
        return [value for _, value in self.items()]

    def get_all(self, name: str) -> list[str]:
        """Every value of a name, in order."""
        return [v for n, v in self.items() if n == name]

    def __getitem__(self, name: str) -> str:
        for n, v in self.items():
            if n == name:
                return v
        raise KeyError(name)

    def __setitem__(self, name: str, value: str | bytes | int) -> None:
        """Put the value where the name stands first, and drop the others; append if it is new."""
        path, parts = self._split()
        new, written = f"{_encode(name)}={_encode(value)}", False
        kept = []
        for part in parts:
            if _decode(part.partition("=")[0]) != name:
                kept.append(part)
            elif not written:
                kept.append(new)
                written = True
        self._join(path, kept if written else [*kept, new])

    def add(self, name: str, value: str | bytes | int) -> None:
        """Append a parameter, whatever is there."""
        path, parts = self._split()
        self._join(path, [*parts, f"{_encode(name)}={_encode(value)}"])

    def __delitem__(self, name: str) -> None:
        path, parts = self._split()
        kept = [part for part in parts if _decode(part.partition("=")[0]) != name]
        if len(kept) == len(parts):
            raise KeyError(name)
        self._join(path, kept)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(n for n, _ in self.items()))

    def __len__(self) -> int:
        return len({n for n, _ in self.items()})

    def __str__(self) -> str:
        """The query as it is spelled, without the question mark."""
        return (self._headers.get(":path") or "").partition("?")[2]

    def __repr__(self) -> str:
        return f"<query {self.items()!r}>"
