"""HTTP requests that a filter makes to clusters, and their responses.

`:method`, `:path` and `:authority` are required. A call belongs to the plugin, so it can outlive the stream that made it. For
most failures, the proxy itself creates a response with three headers and a fixed text: 504 for a timeout, 503 if it has no
connection. Only a response that was reset in the middle has no headers.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...abi import BufferType, HeaderMapType, Pair
from ..body_formats.coding import decompress
from ..body_formats.text import content_error
from ..errors import CalloutError, CalloutReset, CalloutTimeout, CalloutUnreachable
from ..interfaces import ContextInterface, VMInterface
from ..messages.bodies import WHOLE, from_json
from ..messages.encoding import PairsLike, Text, Value, decode, encode
from ..messages.pairs import encode_all, read_pairs, serialised
from .base import Call, place_call

__all__ = ["HttpCall", "HttpCallResponse", "ResponseHeaders", "milliseconds", "request_pairs", "response_headers"]

_TIMEOUT = b"upstream request timeout"
_UNREACHABLE = (b"upstream connect error or disconnect/reset before headers", b"no healthy upstream")

_HEADERS, _TRAILERS = int(HeaderMapType.HTTP_CALL_RESPONSE_HEADERS), int(HeaderMapType.HTTP_CALL_RESPONSE_TRAILERS)
_BODY = int(BufferType.HTTP_CALL_RESPONSE_BODY)


class ResponseHeaders(Mapping[str, str]):
    """Headers, trailers or metadata of a callout's response, as a read-only mapping that stays valid after the callback.

    `headers["x"]` returns the first value of a name, and `get_all` returns all of them. `raw` contains the pairs as bytes.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: list[Pair]) -> None:
        self.raw = raw

    def __getitem__(self, name: Text) -> str:
        key = encode(name).lower()
        for n, v in self.raw:
            if n == key:
                return decode(v)
        raise KeyError(name)

    def get_all(self, name: Text) -> list[str]:
        """Return all values of a header, in order."""
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return the name and value of every entry, in order. Names can repeat."""
        return [(decode(n), decode(v)) for n, v in self.raw]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(decode(n) for n, _ in self.raw))

    def __len__(self) -> int:
        return len({n for n, _ in self.raw})

    def __repr__(self) -> str:
        return f"ResponseHeaders({self.items()!r})"


def response_headers(abi: Any, map_type: int) -> ResponseHeaders:
    """Read the headers, trailers or metadata received in the running callback. Returns an empty mapping if there are none."""
    pairs = read_pairs(abi, map_type)
    return ResponseHeaders([] if isinstance(pairs, int) else pairs)


class HttpCallResponse:
    """The response to an HTTP call.

    Attributes
    ----------
    status
        HTTP status, or 0 if the response was reset in the middle.
    headers, trailers
        Headers and trailers of the response.
    body
        Body as bytes.
    """

    __slots__ = ("body", "headers", "status", "trailers")

    def __init__(self, headers: ResponseHeaders, body: bytes, trailers: ResponseHeaders) -> None:
        self.headers = headers
        self.body = body
        self.trailers = trailers
        self.status = 0
        for name, value in headers.raw:
            if name == b":status":
                self.status = int(value) if value.isdigit() else 0
                break

    @classmethod
    def read(cls, abi: Any, num_headers: int, body_size: int, num_trailers: int) -> "HttpCallResponse":
        """Read the response received in the running callback. No hostcall is made for parts that are empty."""
        headers = response_headers(abi, _HEADERS) if num_headers else ResponseHeaders([])
        trailers = response_headers(abi, _TRAILERS) if num_trailers else ResponseHeaders([])
        body = abi.get_buffer_bytes(_BODY, 0, WHOLE)[1] if body_size else b""
        return cls(headers, body, trailers)

    @property
    def ok(self) -> bool:
        """Whether the HTTP status is between 200 and 299."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body, decompressed (gzip or deflate) and decoded as UTF-8. Invalid bytes become surrogates."""
        return decode(self._decoded())

    def json(self) -> Any:
        """Decompress the body (gzip or deflate), and return it parsed as JSON. Raises ValueError if it is not JSON."""
        data = self._decoded()
        try:
            return from_json(data)
        except ValueError as error:
            raise content_error(data, error) from None

    def _decoded(self) -> bytes:
        return decompress(self.body, self.headers.get("content-encoding")) if self.body else b""

    @property
    def error(self) -> CalloutError | None:
        """The failure as an exception, or None if the cluster has responded. An error status such as 500 is not a failure."""
        if self.status == 0:
            return CalloutReset("the connection was reset in the middle of the response")
        if self.status not in (503, 504) or len(self.headers.raw) > 3 or "server" in self.headers:
            return None  # the proxy's own responses have fewer headers, and this header is not among them
        if self.status == 504 and self.body == _TIMEOUT:
            return CalloutTimeout("the response did not arrive in time")
        if self.status == 503 and self.body.startswith(_UNREACHABLE):
            return CalloutUnreachable(decode(self.body))
        return None

    def __repr__(self) -> str:
        return f"<HttpCallResponse {self.status}, {len(self.headers.raw)} headers, {len(self.body)} bytes>"


class HttpCall(Call[HttpCallResponse]):
    """An HTTP call in progress. Awaiting it raises `CalloutTimeout`, `CalloutUnreachable` or `CalloutReset` if it fails.

    The ABI can't cancel requests, so after `cancel` the response still arrives, but is dropped.
    """

    __slots__ = ()
    kind = "http_call"

    @classmethod
    def start(
        cls,
        vm: VMInterface,
        context: ContextInterface,
        cluster: Text,
        pairs: PairsLike,
        *,
        body: Value,
        trailers: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "HttpCall":
        """Send a request to a cluster, and return the call in progress.

        Raises
        ------
        BadArgument
            The cluster doesn't exist, or `:method`, `:path` or `:authority` is missing.
        CalloutNotStarted
            The cluster has no healthy endpoint.
        """
        headers, last = serialised(vm.abi, pairs), serialised(vm.abi, trailers) if trailers else b""
        token = place_call(vm, "http_call", repr(cluster), encode(cluster), headers, encode(body), last, timeout_ms)
        call = vm.callouts.http[token] = cls(vm, context, token, callback)
        return call

    def deliver(self, num_headers: int, body_size: int, num_trailers: int) -> None:
        """Read the response, which is available only in the running callback, and end the call with it."""
        self.end(HttpCallResponse.read(self.vm.abi, num_headers, body_size, num_trailers))

    def _forget(self) -> None:
        self.vm.callouts.http.pop(self.token, None)


def request_pairs(method: Text, path: Text, authority: Text, headers: PairsLike) -> list[tuple[Text, Value]]:
    """Return all headers of a request: first the pseudo-headers that `headers` doesn't contain, then `headers`."""
    pseudo: list[tuple[Text, Value]] = [(b":method", method), (b":path", path), (b":authority", authority)]
    encoded = encode_all(headers)
    if not encoded:
        return pseudo
    names = {name.lower() for name, _ in encoded}
    return [(n, v) for n, v in pseudo if n not in names] + [*encoded]


def milliseconds(seconds: float | None) -> int:
    """Convert a timeout to milliseconds, as the ABI expects it: 0 for None (no timeout), otherwise at least 1."""
    if seconds is None:
        return 0
    if not isinstance(seconds, (int, float)) or not 0 < seconds < 2**31 / 1000:
        raise ValueError(f"timeout= must be between 0 and 2147483 seconds, or None for no timeout, not {seconds!r}")
    return max(1, round(seconds * 1000))
