"""HTTP messages as the proxy sees them: header maps in order with duplicates, bodies in bytes, trailers.

Facts: names are lower case inside (HTTP/2's rule, and Envoy's for every codec); values are bytes and are never decoded
by the proxy. `str` is taken at the door and encoded as UTF-8; when bytes are shown as `str`, those that are not UTF-8
become surrogates, so that encoding them again gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .errors import UsageError

__all__ = ["Headers", "HeadersLike", "Request", "Response", "Text", "to_bytes", "to_text"]

Text = str | bytes

#: What is taken for a header map: one, a mapping, or names and values in pairs.
HeadersLike: TypeAlias = "Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] | None"


def to_bytes(value: Text | int) -> bytes:
    """Bytes as they are; text (and numbers) as UTF-8, surrogates back to the bytes that they stand for."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return str(value).encode("utf-8", "surrogateescape")


def to_text(value: bytes) -> str:
    """UTF-8 text; bytes that are not UTF-8 become surrogates (`to_bytes` turns them back)."""
    return value.decode("utf-8", "surrogateescape")


class Headers:
    """An ordered header map with duplicates; names compare without case.

    `str` at the door, bytes inside (`.raw`). `headers["x"]` is the first value and raises KeyError; setting replaces
    every entry of that name by one; `add` appends.
    """

    __slots__ = ("raw",)

    #: Names in lower case and values, in order.
    raw: list[tuple[bytes, bytes]]

    def __init__(self, items: HeadersLike = None) -> None:
        if isinstance(items, Headers):
            self.raw = list(items.raw)
            return
        pairs: Iterable[tuple[Text, Text]] = items.items() if isinstance(items, Mapping) else (items or ())
        try:
            self.raw = [(to_bytes(name).lower(), to_bytes(value)) for name, value in pairs]
        except (TypeError, ValueError):
            raise UsageError(_not_headers(items)) from None

    def get(self, name: Text, default: str | None = None) -> str | None:
        """First value of a name, or `default`."""
        key = to_bytes(name).lower()
        return next((to_text(v) for n, v in self.raw if n == key), default)

    def get_all(self, name: Text) -> list[str]:
        """Every value of a name, in order."""
        key = to_bytes(name).lower()
        return [to_text(v) for n, v in self.raw if n == key]

    def items(self) -> list[tuple[str, str]]:
        """All entries in order, duplicates one by one."""
        return [(to_text(n), to_text(v)) for n, v in self.raw]

    def add(self, name: Text, value: Text | int) -> None:
        """Append an entry, whatever is there."""
        self.raw.append((to_bytes(name).lower(), to_bytes(value)))

    def __getitem__(self, name: Text) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(to_text(to_bytes(name)))
        return value

    def __setitem__(self, name: Text, value: Text | int) -> None:
        """Replace the first entry where it stands and drop the others; append if there is none."""
        key, data = to_bytes(name).lower(), to_bytes(value)
        at = next((i for i, (n, _) in enumerate(self.raw) if n == key), None)
        if at is None:
            self.raw.append((key, data))
            return
        self.raw = [*self.raw[:at], (key, data), *((n, v) for n, v in self.raw[at + 1 :] if n != key)]

    def __delitem__(self, name: Text) -> None:
        key = to_bytes(name).lower()
        kept = [(n, v) for n, v in self.raw if n != key]
        if len(kept) == len(self.raw):
            raise KeyError(to_text(key))
        self.raw = kept

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str | bytes) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return (to_text(n) for n, _ in self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            return self.raw == other.raw
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self.items()!r})"


def _not_headers(items: object) -> str:
    advice = " A body is given by name: body=..." if isinstance(items, str | bytes) else ""
    return f"Headers are a mapping, or names and values in pairs, not {items!r:.80}.{advice}"


class _Message:
    """What requests and responses have in common: whatever people type becomes header maps and bytes."""

    headers: Headers
    trailers: Headers
    body: bytes
    chunks: list[bytes] | None

    def __post_init__(self) -> None:
        self.headers, self.trailers = Headers(self.headers), Headers(self.trailers)
        if self.chunks is not None:
            self.chunks = [to_bytes(c) for c in self.chunks]
            self.body = b"".join(self.chunks)
        self.body = to_bytes(self.body)

    @property
    def text(self) -> str:
        """Body as text, bytes that are not UTF-8 replaced."""
        return self.body.decode("utf-8", "replace")


@dataclass
class Request(_Message):
    """A request as one party sees it.

    Attributes
    ----------
    method, path, authority, scheme
        The pseudo-headers, which are not among `headers`.
    chunks
        How the body arrives, if it matters; `body` is then their sum.
    """

    method: str = "GET"
    path: str = "/"
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    authority: str = "example.com"
    scheme: str = "http"
    chunks: list[bytes] | None = None

    @classmethod
    def of(
        cls,
        method: str,
        path: str,
        headers: HeadersLike = (),
        body: Text = b"",
        trailers: HeadersLike = (),
        authority: str = "example.com",
        chunks: Iterable[Text] | None = None,
    ) -> Request:
        """A request from whatever people type, which every message makes header maps and bytes of."""
        return cls(method, path, headers, body, trailers, authority, chunks=chunks)  # type: ignore[arg-type]


@dataclass
class Response(_Message):
    """A response as one party sees it.

    Attributes
    ----------
    status
        HTTP status; 0 when the connection was closed or reset before one was sent.
    chunks
        How the body arrives, if it matters; `body` is then their sum.
    latency
        Seconds that the upstream takes before it answers, on the proxy's virtual clock.
    reset
        True if the stream ended with a reset instead of a proper end.
    """

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    chunks: list[bytes] | None = None
    latency: float = 0.0
    reset: bool = False
