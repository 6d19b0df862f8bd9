"""HTTP requests and responses, and the ordered header map that both contain.

As in Envoy, header names are stored in lower case, and values are bytes that the proxy never decodes. Methods accept `str` and
encode it as UTF-8. In returned `str`, bytes that aren't UTF-8 are represented by surrogates, so that encoding the text again
returns the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .abi.text import decode_text, encode_text
from .errors import UsageError

__all__ = ["Headers", "HeadersLike", "Request", "Response", "Text", "to_bytes", "to_text"]

Text = str | bytes

#: Types that are accepted as a header map: `Headers`, a mapping, or (name, value) pairs.
HeadersLike: TypeAlias = "Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] | None"


def to_bytes(value: Text | int) -> bytes:
    """Encode text or a number as UTF-8. Bytes are returned unchanged, and surrogates become the bytes that they represent."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return encode_text(str(value))


def to_text(value: bytes) -> str:
    """Decode bytes as UTF-8. Bytes that aren't UTF-8 become surrogates, which `to_bytes` converts back."""
    return decode_text(value)


class Headers:
    """An ordered header map with case-insensitive names. A name can occur more than once.

    Names and values are accepted as `str` or bytes, returned as `str`, and stored as bytes in `raw`. `headers["x"]` returns the
    first value of a name or raises KeyError. `headers["x"] = value` replaces all entries of the name by one, and `add` appends
    an entry. `dict(headers)` and `{**headers}` contain the first value of each name.

    Parameters
    ----------
    items
        `Headers`, a mapping, or (name, value) pairs (default none).

    Raises
    ------
    UsageError
        `items` is none of these.
    """

    __slots__ = ("raw",)

    #: The (name, value) pairs in order. Names are in lower case.
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

    @property
    def size(self) -> int:
        """Size of all names and values in bytes."""
        return sum(len(name) + len(value) for name, value in self.raw)

    def get(self, name: Text, default: str | None = None) -> str | None:
        """Return the first value of a name.

        Parameters
        ----------
        name
            Name of the header.
        default
            Value to return if the name doesn't occur (default None).
        """
        key = to_bytes(name).lower()
        return next((to_text(v) for n, v in self.raw if n == key), default)

    def get_all(self, name: Text) -> list[str]:
        """Return all values of the header `name`, in order."""
        key = to_bytes(name).lower()
        return [to_text(v) for n, v in self.raw if n == key]

    def items(self) -> list[tuple[str, str]]:
        """Return all entries, in order."""
        return [(to_text(n), to_text(v)) for n, v in self.raw]

    def keys(self) -> list[str]:
        """Return the names of all entries, in order. A name can occur more than once."""
        return list(self)

    def values(self) -> list[str]:
        """Return the values of all entries, in order."""
        return [to_text(v) for _, v in self.raw]

    def add(self, name: Text, value: Text | int) -> None:
        """Append an entry. Other entries with the same name are kept.

        Parameters
        ----------
        name, value
            Name and value of the entry. Numbers are written in decimal.
        """
        self.raw.append((to_bytes(name).lower(), to_bytes(value)))

    def __getitem__(self, name: Text) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(to_text(to_bytes(name)))
        return value

    def __setitem__(self, name: Text, value: Text | int) -> None:
        """Replace the first entry of a name and remove its other entries. If the name doesn't occur, append an entry."""
        key, data = to_bytes(name).lower(), to_bytes(value)
        index = next((i for i, (n, _) in enumerate(self.raw) if n == key), None)
        if index is None:
            self.raw.append((key, data))
            return
        self.raw = [*self.raw[:index], (key, data), *((n, v) for n, v in self.raw[index + 1 :] if n != key)]

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
    advice = " Pass a body as body=..." if isinstance(items, str | bytes) else ""
    return f"Headers must be a mapping or (name, value) pairs, not {items!r:.80}.{advice}"


class _Message:
    """Base class of requests and responses, which converts headers and bodies to `Headers` and bytes."""

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
    def size(self) -> int:
        """Approximate size of the message in memory, in bytes."""
        return len(self.body) + sum(map(len, self.chunks or ())) + self.headers.size + self.trailers.size

    @property
    def text(self) -> str:
        """The body decoded as UTF-8. Invalid bytes are replaced by U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Parse the body as JSON and return the value.

        Raises
        ------
        UsageError
            The body is not JSON. The message contains the first 60 bytes of the body.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            coding = self.headers.get("content-encoding")
            advice = f" Its content-encoding is {coding}." if coding else ""
            raise UsageError(f"The body {self.body[:60]!r} is not JSON: {error}.{advice}") from None


@dataclass
class Request(_Message):
    """An HTTP request, as the client sends it or as the upstream receives it.

    Parameters
    ----------
    method, path, authority, scheme
        The pseudo-headers, which `headers` doesn't contain (default "GET", "/", "example.com", "http").
    headers, trailers
        `Headers`, a mapping, or (name, value) pairs (default none).
    body
        The body as bytes or text (default empty). Text is encoded as UTF-8.
    chunks
        The body as a list of chunks (default None: `body` is sent as one chunk). `body` is set to the joined chunks.
    """

    method: str = "GET"
    path: str = "/"
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    authority: str = "example.com"
    scheme: str = "http"
    chunks: list[bytes] | None = None

    @property
    def size(self) -> int:
        """Approximate size of the request in memory, in bytes."""
        return super().size + len(self.method) + len(self.path) + len(self.authority)

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
        json: Any = ...,
    ) -> Request:
        """Create and return a request.

        Parameters
        ----------
        method, path, headers, body, trailers, authority, chunks
            As for the class. The headers, body and trailers are empty by default, and the authority is "example.com".
        json
            Value to send as a JSON body (default: none). A missing content-type header is set to application/json.

        Raises
        ------
        UsageError
            A body is set in addition to `json`, or the value of `json` can't be written as JSON.
        """
        request = cls(method, path, headers, body, trailers, authority, chunks=chunks)  # type: ignore[arg-type]
        if json is not ...:
            request.set_json(json)
        return request

    def set_json(self, value: Any) -> None:
        """Set the body to `value`, written as JSON. A missing content-type header is set to application/json.

        Raises
        ------
        UsageError
            The request already has a body, or the value can't be written as JSON.
        """
        if self.body or self.chunks is not None:
            raise UsageError("The request has more than one body. Pass only one of json=, body= and chunks=.")
        try:
            self.body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"The value of json= can't be written as JSON: {error}.") from None
        if "content-type" not in self.headers:
            self.headers.add("content-type", "application/json")


@dataclass
class Response(_Message):
    """An HTTP response, as the upstream sends it or as the client receives it.

    Parameters
    ----------
    status
        The HTTP status (default 200). 0 means that the connection was closed or reset before a response arrived.
    headers, body, trailers, chunks
        As for `Request`, with the same defaults.
    latency
        Seconds that an upstream waits before it sends the response (default 0). The simulated proxy uses virtual time.
    delays
        Seconds that an upstream waits before each chunk (default 0): a number for all chunks, or a list with a number for each
        chunk. Chunks beyond the end of the list are sent immediately. Without `chunks`, the body is one chunk.
    reset
        Whether the stream was reset before the end of the response (default False).
    until_close
        Whether an HTTP/1 upstream sends the response without a length and closes the connection at its end (default False).

    Raises
    ------
    UsageError
        `status` is not a whole number.
    """

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    chunks: list[bytes] | None = None
    latency: float = 0.0
    reset: bool = False
    until_close: bool = False
    delays: float | Sequence[float] = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.status, int):
            raise UsageError(f"status= of a Response must be a whole number, not {self.status!r:.80}.")
        super().__post_init__()

    def delay(self, number: int) -> float:
        """Return the seconds that the upstream waits before the chunk `number`, counted from 0."""
        if isinstance(self.delays, int | float):
            return float(self.delays)
        return float(self.delays[number]) if number < len(self.delays) else 0.0
