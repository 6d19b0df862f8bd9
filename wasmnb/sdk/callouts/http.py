"""HTTP callouts: requests to a cluster, whose responses go to the context that made the call.

Facts: `:method`, `:path` and `:authority` are required. A call belongs to the plugin and outlives the stream. A failure
usually arrives as a response from the proxy itself: 504 for a timeout, 503 without a connection, with three headers and a
fixed text. Only a response that was reset in the middle has no headers.
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
    """Headers of a response: read-only, and kept after the callback. `get_all` returns all values of a name; `raw` has the bytes."""

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
        """Return every value of a name, in order."""
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Return every entry in order; names can repeat."""
        return [(decode(n), decode(v)) for n, v in self.raw]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(decode(n) for n, _ in self.raw))

    def __len__(self) -> int:
        return len({n for n, _ in self.raw})

    def __repr__(self) -> str:
        return f"ResponseHeaders({self.items()!r})"


def response_headers(abi: Any, map_type: int) -> ResponseHeaders:
    """Return the headers, trailers or metadata that the running callback is for; empty if they are not available."""
    pairs = read_pairs(abi, map_type)
    return ResponseHeaders([] if isinstance(pairs, int) else pairs)


class HttpCallResponse:
    """The response to a callout.

    Attributes
    ----------
    status
        HTTP status; 0 if the response was reset in the middle.
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
        """Read the response that the running callback is for. Empty parts don't cost a hostcall."""
        headers = response_headers(abi, _HEADERS) if num_headers else ResponseHeaders([])
        trailers = response_headers(abi, _TRAILERS) if num_trailers else ResponseHeaders([])
        body = abi.get_buffer_bytes(_BODY, 0, WHOLE)[1] if body_size else b""
        return cls(headers, body, trailers)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """Body as text, without its gzip or deflate encoding; bytes that are not UTF-8 become surrogates."""
        return decode(self._decoded())

    def json(self) -> Any:
        """Return the JSON value of the body, without its gzip or deflate encoding. Raises ValueError if it is not JSON."""
        data = self._decoded()
        try:
            return from_json(data)
        except ValueError as error:
            raise content_error(data, error) from None

    def _decoded(self) -> bytes:
        return decompress(self.body, self.headers.get("content-encoding")) if self.body else b""

    @property
    def error(self) -> CalloutError | None:
        """The failure as an exception; None if the cluster responded, whatever the status."""
        if self.status == 0:
            return CalloutReset("the connection was reset in the middle of the response")
        if self.status not in (503, 504) or len(self.headers.raw) > 3 or "server" in self.headers:
            return None  # the proxy's own responses have few headers, and not this one
        if self.status == 504 and self.body == _TIMEOUT:
            return CalloutTimeout("the response did not arrive in time")
        if self.status == 503 and self.body.startswith(_UNREACHABLE):
            return CalloutUnreachable(decode(self.body))
        return None

    def __repr__(self) -> str:
        return f"<HttpCallResponse {self.status}, {len(self.headers.raw)} headers, {len(self.body)} bytes>"


class HttpCall(Call[HttpCallResponse]):
    """A callout in progress. Awaiting it raises `CalloutTimeout`, `CalloutUnreachable` or `CalloutReset` if it fails.

    `cancel` drops the response; the ABI can't cancel the request itself.
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
        """Make the hostcall, and return the call in progress.

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
        """Read the response, which is available only now, and end the call."""
        self.end(HttpCallResponse.read(self.vm.abi, num_headers, body_size, num_trailers))

    def _forget(self) -> None:
        self.vm.callouts.http.pop(self.token, None)


def request_pairs(method: Text, path: Text, authority: Text, headers: PairsLike) -> list[tuple[Text, Value]]:
    """Return the headers of a request: pseudo-headers first, unless `headers` has them, then `headers`."""
    pseudo: list[tuple[Text, Value]] = [(b":method", method), (b":path", path), (b":authority", authority)]
    encoded = encode_all(headers)
    if not encoded:
        return pseudo
    names = {name.lower() for name, _ in encoded}
    return [(n, v) for n, v in pseudo if n not in names] + [*encoded]


def milliseconds(seconds: float | None) -> int:
    """Return a timeout in milliseconds for the ABI: 0 for None, otherwise at least 1."""
    if seconds is None:
        return 0
    if not isinstance(seconds, (int, float)) or not 0 < seconds < 2**31 / 1000:
        raise ValueError(f"a timeout must be between 0 and 2147483 seconds, or None for no timeout, not {seconds!r}")
    return max(1, round(seconds * 1000))
