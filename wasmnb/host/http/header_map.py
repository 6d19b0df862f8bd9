"""Header maps that behave like Envoy's.

In Envoy 1.40 (`Http::HeaderMapImpl`):

* Entries keep their order. Pseudo-headers such as `:path` form a block at the front, and new ones are added at the end of this
  block. Names are in lower case.
* Replacing a header removes all entries with its name, and adds a new one at the end of its block.
* If there are several values for a header that Envoy defines as single-valued ("inline"), they are joined with a comma.
  `set-cookie`, `cookie` and unknown names have a separate entry for each value.
* In request headers, `host` is another name for `:authority`.
* The byte size is the sum of all names and values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...abi import Pair
from ...abi.text import encode_text

__all__ = ["HeaderMap", "RequestHeaderMap", "RequestTrailerMap", "ResponseHeaderMap", "ResponseTrailerMap"]


def _names(text: str) -> frozenset[bytes]:
    return frozenset(encode_text(name) for name in text.split())


_BOTH = _names(
    """connection content-length content-type keep-alive proxy-connection transfer-encoding upgrade via
    x-request-id x-envoy-attempt-count x-envoy-decorator-operation cache-control proxy-status"""
)

_REQUEST = _BOTH | _names(
    """:authority :method :path :protocol :scheme
    expect grpc-timeout te user-agent x-client-trace-id x-forwarded-client-cert x-forwarded-for x-forwarded-host
    x-forwarded-port x-forwarded-proto x-envoy-downstream-service-cluster x-envoy-downstream-service-node
    x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-force-trace x-envoy-hedge-on-per-try-timeout
    x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry x-envoy-max-retries x-envoy-original-path
    x-envoy-original-host x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on
    x-envoy-retry-on x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms
    x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms x-envoy-upstream-stream-duration-ms
    accept accept-encoding access-control-request-headers access-control-request-method
    access-control-request-private-network authorization grpc-accept-encoding if-match if-modified-since
    authentication cdn-loop content-encoding if-none-match if-range if-unmodified-since origin pragma referer"""
)

_RESPONSE = _BOTH | _names(
    """:status date grpc-message grpc-status server x-envoy-degraded x-envoy-immediate-health-check-fail
    x-envoy-ratelimited x-envoy-upstream-canary x-envoy-upstream-healthchecked-cluster
    x-envoy-upstream-service-time
    access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-allow-private-network access-control-expose-headers
    access-control-max-age age content-encoding etag expires last-modified location vary"""
)

_RESPONSE_TRAILERS = _names("grpc-message grpc-status")


class HeaderMap:
    """Header entries in order. Names are in lower case, and callers must pass them in lower case.

    Parameters
    ----------
    items
        Entries to add (default none).

    Attributes
    ----------
    items
        All entries in order.
    first
        First value for each name.
    """

    __slots__ = ("first", "items")

    INLINE: frozenset[bytes] = frozenset()
    #: Name under which `host` is stored.
    HOST = b"host"

    #: Function that converts a name to the form used in the map.
    name = staticmethod(bytes.lower)

    def __init__(self, items: Iterable[Pair] = ()) -> None:
        self.items: list[Pair] = []
        self.first: dict[bytes, bytes] = {}
        for name, value in items:
            self.add(name, value)

    def get(self, name: bytes) -> bytes | None:
        """Return the first value for a name, or None."""
        return self.first.get(self.HOST if name == b"host" else name)

    def get_all(self, name: bytes) -> list[bytes]:
        """Return all values for a name, in order."""
        key = self.HOST if name == b"host" else name
        return [v for n, v in self.items if n == key]

    def add(self, name: bytes, value: bytes) -> None:
        """Append an entry. If the header is single-valued and exists, join the value to the existing one."""
        if name == b"host":
            name = self.HOST
        existing = self.first.get(name)
        if existing is None:
            self.first[name] = value
        elif name in self.INLINE:
            self.put(name, existing + b"," + value if existing else value)
            return
        if name[:1] == b":":
            self.items.insert(self._pseudo_end(), (name, value))
        else:
            self.items.append((name, value))

    def put(self, name: bytes, value: bytes) -> None:
        """Set the value of the first entry without moving it, or add an entry. Envoy's own setters do the same."""
        if name not in self.first:
            self.add(name, value)
            return
        self.first[name] = value
        at = next(i for i, (n, _) in enumerate(self.items) if n == name)
        self.items[at] = (name, value)

    def replace(self, name: bytes, value: bytes) -> None:
        """Remove all entries with this name and add a new one. The hostcall `replace_header_map_value` does the same."""
        if name == b"host":
            name = self.HOST
        first = self.first
        if name in first:
            self.items = [item for item in self.items if item[0] != name]
        first[name] = value
        if name[:1] == b":":
            self.items.insert(self._pseudo_end(), (name, value))
        else:
            self.items.append((name, value))

    def remove(self, name: bytes) -> None:
        """Remove all entries with this name."""
        if name == b"host":
            name = self.HOST
        if self.first.pop(name, None) is not None:
            self.items = [item for item in self.items if item[0] != name]

    def clear(self) -> None:
        """Remove all entries."""
        self.items = []
        self.first = {}

    def _pseudo_end(self) -> int:
        for at, (name, _) in enumerate(self.items):
            if name[:1] != b":":
                return at
        return len(self.items)

    @property
    def byte_size(self) -> int:
        """Total size of all names and values in bytes."""
        return sum(len(n) + len(v) for n, v in self.items)

    def copy(self) -> HeaderMap:
        """Return a copy of the map with the same class."""
        copy = type(self)()
        copy.items = list(self.items)
        copy.first = dict(self.first)
        return copy

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    def __contains__(self, name: object) -> bool:
        return (self.HOST if name == b"host" else name) in self.first

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.items!r})"


class RequestHeaderMap(HeaderMap):
    """Request headers, in which `host` is another name for `:authority`."""

    __slots__ = ()

    INLINE = _REQUEST
    HOST = b":authority"


class ResponseHeaderMap(HeaderMap):
    """Response headers."""

    __slots__ = ()

    INLINE = _RESPONSE


class RequestTrailerMap(HeaderMap):
    """Request trailers."""

    __slots__ = ()


class ResponseTrailerMap(HeaderMap):
    """Response trailers."""

    __slots__ = ()

    INLINE = _RESPONSE_TRAILERS
