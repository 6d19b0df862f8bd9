"""HTTP callouts: sending a request to a cluster, and routing its answer to the context that asked.

Facts: `:method`, `:path` and `:authority` are required. A call belongs to the plugin and outlives the stream. Failure
usually arrives as an ordinary answer that the proxy made: 504 for a timeout, 503 for no connection, three headers and a
text that it always writes. Only an answer that broke off in the middle has no headers at all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...abi import BufferType, HeaderMapType, Pair
from ..errors import CalloutError, CalloutReset, CalloutTimeout, CalloutUnreachable
from ..messages.bodies import WHOLE, from_json
from ..messages.encoding import PairsLike, Text, Value, decode, encode
from ..messages.pairs import encode_all, read_pairs, serialised
from .base import Call, place_call

if TYPE_CHECKING:
    from ..contexts import Context
    from ..vm import VM

__all__ = ["AnswerHeaders", "HttpCall", "HttpCallResponse", "milliseconds"]

_TIMEOUT = b"upstream request timeout"
_UNREACHABLE = (b"upstream connect error or disconnect/reset before headers", b"no healthy upstream")


_HEADERS, _TRAILERS = int(HeaderMapType.HTTP_CALL_RESPONSE_HEADERS), int(HeaderMapType.HTTP_CALL_RESPONSE_TRAILERS)
_BODY = int(BufferType.HTTP_CALL_RESPONSE_BODY)


class AnswerHeaders(Mapping[str, str]):
    """Headers that came with an answer: read-only, kept after the callback. `get_all` for repeated names, `raw` for bytes."""

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
        """Every value of a name, in order."""
        key = encode(name).lower()
        return [decode(v) for n, v in self.raw if n == key]

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        """Every entry in order, repeated names one by one."""
        return [(decode(n), decode(v)) for n, v in self.raw]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(decode(n) for n, _ in self.raw))

    def __len__(self) -> int:
        return len({n for n, _ in self.raw})

    def __repr__(self) -> str:
        return f"AnswerHeaders({self.items()!r})"


def answer_headers(abi: Any, map_type: int) -> AnswerHeaders:
    """The headers, trailers or metadata of an answer whose callback runs now; none if they cannot be had."""
    found = read_pairs(abi, map_type)
    return AnswerHeaders([] if isinstance(found, int) else found)


class HttpCallResponse:
    """The answer to a callout, read in full: `status`, `headers`, `body`, `trailers`, and `error` if there was none."""

    __slots__ = ("body", "headers", "status", "trailers")

    def __init__(self, headers: AnswerHeaders, body: bytes, trailers: AnswerHeaders) -> None:
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
        """Read the answer whose callback runs now; parts that are not there cost no hostcall."""
        headers = answer_headers(abi, _HEADERS) if num_headers else AnswerHeaders([])
        trailers = answer_headers(abi, _TRAILERS) if num_trailers else AnswerHeaders([])
        body = abi.get_buffer_bytes(_BODY, 0, WHOLE)[1] if body_size else b""
        return cls(headers, body, trailers)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """Body as text, bytes that are not UTF-8 replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Body as JSON; ValueError if it is none."""
        return from_json(self.body)

    @property
    def error(self) -> CalloutError | None:
        """The way in which the call failed, or None if the other side answered (with whatever status)."""
        if self.status == 0:
            return CalloutReset("the other side broke off in the middle of its answer")
        if self.status not in (503, 504) or len(self.headers.raw) > 3 or "server" in self.headers:
            return None  # what the proxy makes has few headers, and no server's name
        if self.status == 504 and self.body == _TIMEOUT:
            return CalloutTimeout("no answer in time")
        if self.status == 503 and self.body.startswith(_UNREACHABLE):
            return CalloutUnreachable(self.text)
        return None

    def __repr__(self) -> str:
        return f"<HttpCallResponse {self.status}, {len(self.headers.raw)} headers, {len(self.body)} bytes>"


class HttpCall(Call[HttpCallResponse]):
    """A callout under way. Awaiting it raises `CalloutTimeout`, `CalloutUnreachable` or `CalloutReset` if it fails.

    `cancel` forgets it; the proxy still finishes it.
    """

    __slots__ = ()
    kind = "http_call"

    @classmethod
    def start(
        cls,
        vm: "VM",
        context: "Context",
        cluster: Text,
        pairs: PairsLike,
        *,
        body: Value,
        trailers: PairsLike,
        timeout_ms: int,
        callback: Callable[..., Any] | None,
    ) -> "HttpCall":
        """Make the hostcall. Raises `BadArgument` (cluster, headers) or `CalloutNotStarted` (no endpoint)."""
        headers, ends = serialised(vm.abi, pairs), serialised(vm.abi, trailers)
        token = place_call(vm, "http_call", repr(cluster), encode(cluster), headers, encode(body), ends, timeout_ms)
        call = vm.http_calls[token] = cls(vm, context, token, callback)
        return call

    def deliver(self, num_headers: int, body_size: int, num_trailers: int) -> None:
        """Take the answer, which has to be read now."""
        self.end(HttpCallResponse.read(self.vm.abi, num_headers, body_size, num_trailers))

    def _forget(self) -> None:
        self.vm.http_calls.pop(self.token, None)


def request_pairs(method: Text, path: Text, authority: Text, headers: PairsLike) -> list[tuple[Text, Value]]:
    """Pseudo-headers first (those that the caller has not given among the headers), then the headers."""
    pseudo: list[tuple[Text, Value]] = [(b":method", method), (b":path", path), (b":authority", authority)]
    given = encode_all(headers)
    if not given:
        return pseudo
    names = {name.lower() for name, _ in given}
    return [(n, v) for n, v in pseudo if n not in names] + [*given]


def milliseconds(seconds: float | None) -> int:
    """A timeout for the ABI: 0 means none, and anything above 0 is at least one millisecond."""
    if seconds is None:
        return 0
    if not isinstance(seconds, (int, float)) or not 0 < seconds < 2**31 / 1000:
        raise ValueError(f"a timeout is between 0 and 2147483 seconds, or None for no timeout; got {seconds!r}")
    return max(1, round(seconds * 1000))
