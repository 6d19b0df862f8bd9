"""Routes, with their conditions, their clusters, and their changes to requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from ....abi.text import encode_text
from ....errors import UsageError
from ....messages import to_bytes, to_text
from ..header_map import HeaderMap
from .duration import StreamDuration
from .formatter import BodyFormat
from .matchers import HeaderMatcher, PathMatcher
from .mutations import Mutations
from .retry_policy import RetryPolicy

if TYPE_CHECKING:
    from .table import VirtualHost

__all__ = ["DirectResponse", "Redirect", "Route", "RouteEntry", "RouteMatch", "RouteRewrite", "WeightedCluster"]


@dataclass(frozen=True)
class DirectResponse:
    """A response that Envoy sends itself, from a route's `direct_response`."""

    status: int
    body: bytes = b""
    format: BodyFormat | None = None


@dataclass(frozen=True)
class Redirect:
    """A redirect, with the fields of Envoy's `RedirectAction`."""

    status: int = 301
    https: bool = False
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    prefix: str | None = None
    regex: tuple[re.Pattern[bytes], bytes] | None = None
    strip_query: bool = False

    def location(self, headers: HeaderMap, entry: RouteEntry) -> bytes:
        """Return the URL to which the client is redirected."""
        scheme = (headers.get(b":scheme") or b"http").decode("latin-1")
        new = "https" if self.https else self.scheme or scheme
        host = headers.get(b":authority") or b""
        name, colon, port = host.rpartition(b":")
        if colon and port.isdigit():
            default = {"http": b"80", "https": b"443"}
            if self.host or self.port or (new != scheme and default.get(scheme) == port):
                host = name
        if self.host:
            host = encode_text(self.host)
        if self.port:
            host += b":%d" % self.port
        return encode_text(new) + b"://" + host + self._path(headers.get(b":path") or b"", entry)

    def _path(self, path: bytes, entry: RouteEntry) -> bytes:
        plain, mark, query = path.partition(b"?")
        tail = b"" if self.strip_query else mark + query
        if self.path:
            return encode_text(self.path) + (b"" if "?" in self.path else tail)
        if self.prefix is not None:
            return encode_text(self.prefix) + plain[len(entry.path.matched(path)) :] + tail
        if self.regex is not None:
            return self.regex[0].sub(self.regex[1], plain) + tail
        return plain + tail


@dataclass(frozen=True)
class RouteRewrite:
    """Changes of path and host that a route makes before a request is sent to the upstream."""

    prefix: str | None = None
    path: str | None = None
    regex: tuple[re.Pattern[bytes], bytes] | None = None
    host: str = ""
    host_header: str = ""
    host_regex: tuple[re.Pattern[bytes], bytes] | None = None
    append_host: bool = False

    def apply(self, headers: HeaderMap, entry: RouteEntry) -> None:
        """Rewrite a request's path and host, and store the original values in additional headers."""
        self._host(headers)
        self._path(headers, entry)

    def _path(self, headers: HeaderMap, entry: RouteEntry) -> None:
        path = headers.get(b":path")
        if path is None:
            return
        plain, mark, query = path.partition(b"?")
        if self.prefix is not None:
            new = encode_text(self.prefix) + path[len(entry.path.matched(path)) :]
        elif self.regex is not None:
            new = self.regex[0].sub(self.regex[1], plain) + mark + query
        elif self.path is not None:
            new = encode_text(self.path) + mark + query
        else:
            return
        if not new:
            return
        headers.put(b"x-envoy-original-path", path)
        headers.put(b":path", new)

    def _host(self, headers: HeaderMap) -> None:
        host = headers.get(b":authority")
        new = encode_text(self.host) if self.host else None
        if self.host_header:
            new = headers.get(encode_text(self.host_header.lower())) or None
        elif self.host_regex is not None:
            plain = (headers.get(b":path") or b"").partition(b"?")[0]
            new = self.host_regex[0].sub(self.host_regex[1], plain)
        if not new:
            return
        if host is not None:
            headers.put(b"x-envoy-original-host", host)
            if self.append_host:
                hosts = headers.get(b"x-forwarded-host")
                headers.put(b"x-forwarded-host", hosts + b"," + host if hosts else host)
        headers.put(b":authority", new)


@dataclass(frozen=True)
class WeightedCluster:
    """One of the weighted clusters of a route."""

    name: str
    weight: int
    mutations: Mutations = field(default_factory=Mutations)
    host: str = ""
    per_filter: Mapping[str, Any] = field(default_factory=dict)
    metadata: Any = None


@dataclass(frozen=True)
class RouteEntry:
    """A route of a virtual host.

    Attributes
    ----------
    conditions
        Conditions for a request's headers, in addition to `path`.
    cluster, cluster_header, weighted
        Destination of requests: a cluster, a header that contains the cluster's name, or weighted clusters.
    timeout, idle_timeout
        Timeouts in seconds. 0: no limit. None (the default): the timeout of the connection manager.
    duration
        Envoy's `max_stream_duration`.
    grpc_max
        Envoy's `max_grpc_timeout` in seconds. If it is None (the default), a request's own timeout is ignored.
    grpc_offset
        Envoy's `grpc_timeout_offset` in seconds.
    upgrades
        Types of upgrades, and whether each is allowed.
    per_filter
        Envoy's `typed_per_filter_config`.
    """

    path: PathMatcher
    conditions: Sequence[Callable[[HeaderMap], bool]] = ()
    name: str = ""
    metadata: Any = None
    cluster: str = ""
    cluster_header: str = ""
    weighted: Sequence[WeightedCluster] = ()
    redirect: Redirect | None = None
    direct: DirectResponse | None = None
    rewrite: RouteRewrite = field(default_factory=RouteRewrite)
    mutations: Mutations = field(default_factory=Mutations)
    retry: RetryPolicy | None = None
    hedge: bool | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    duration: StreamDuration | None = None
    upgrades: Mapping[str, bool] = field(default_factory=dict)
    per_filter: Mapping[str, Any] = field(default_factory=dict)
    not_found_status: int = 503
    grpc_max: float | None = None
    grpc_offset: float = 0.0

    def matches(self, headers: HeaderMap) -> bool:
        """Return whether a request matches the route."""
        path = headers.get(b":path")
        connect = path is None and headers.get(b":method") == b"CONNECT"
        if path is None and not connect:
            return False
        return self.path(path or b"", connect=connect) and all(c(headers) for c in self.conditions)

    def resolve(self, headers: HeaderMap, host: VirtualHost, random: Random) -> Route:
        """Choose the cluster for one request, and return the request's route."""
        if self.cluster_header:
            named = headers.get(encode_text(self.cluster_header.lower())) or b""
            return Route(named.decode("latin-1"), self.name, self.metadata, self, host)
        if self.weighted:
            chosen = _choose(self.weighted, random)
            return Route(chosen.name, self.name, self.metadata, self, host, chosen)
        return Route(self.cluster, self.name, self.metadata, self, host)


def _choose(weighted: Sequence[WeightedCluster], random: Random) -> WeightedCluster:
    possible = [w for w in weighted if w.weight]
    if len(possible) < 2:
        return (possible or list(weighted))[0]
    return random.choices(possible, [w.weight for w in possible])[0]


@dataclass(frozen=True)
class Route:
    """The route of one request, with its cluster, name and metadata, and its entry in the route table."""

    cluster: str
    name: str = ""
    metadata: Any = None
    entry: RouteEntry | None = None
    host: VirtualHost | None = None
    weighted: WeightedCluster | None = None

    def upgrade(self, kind: str) -> bool | None:
        """Return whether the route allows an upgrade, or None if the route doesn't configure it."""
        return self.entry.upgrades.get(kind) if self.entry is not None else None

    def runs(self, name: str, *, disabled: bool) -> bool:
        """Return whether a filter runs on this route.

        The most specific level that configures the filter decides. If there is none, the filter runs unless the filter chain
        disables it (`disabled`).
        """
        config = self.filter_config(name)
        return not disabled if config is None else not config.get("disabled", False)

    def filter_config(self, name: str) -> Any:
        """Return the most specific `typed_per_filter_config` for a filter, or None."""
        levels = [self.weighted, self.entry, self.host, self.host.table if self.host is not None else None]
        config: Any = None
        for level in levels:
            if level is not None and name in level.per_filter:
                config = level.per_filter[name]
                break
        return config

    @property
    def levels(self) -> list[Mutations]:
        """Header changes of all levels, in the order in which they are made."""
        holders = [self.weighted, self.entry, self.host, self.host.table if self.host is not None else None]
        mutations = [h.mutations for h in holders if h is not None and h.mutations]
        table = self.host.table if self.host is not None else None
        return mutations[::-1] if table is not None and table.most_specific_wins else mutations

    @property
    def hedge(self) -> bool:
        """Whether an attempt that takes too long continues while it is retried."""
        own = self.entry.hedge if self.entry is not None else None
        return bool(self.host.hedge if own is None and self.host is not None else own)

    @property
    def retry(self) -> RetryPolicy | None:
        """Retry policy of the route, or otherwise of its virtual host."""
        own = self.entry.retry if self.entry is not None else None
        return own if own is not None or self.host is None else self.host.retry


def _to_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else to_text(to_bytes(value))


@dataclass(frozen=True)
class RouteMatch:
    """A route, which consists of a condition for requests and the cluster that receives matching requests.

    Parameters
    ----------
    prefix
        Required prefix of the path, as text or bytes (default `/`).
    headers
        Required headers with their exact values, as text or bytes (default none).
    cluster
        Cluster that receives matching requests (default `upstream`).
    name
        Name of the route, as in the property `xds.route_name` (default empty).
    metadata
        Metadata of the route as in Envoy's configuration, such as `{"filter_metadata": {...}}` (default none).

    Raises
    ------
    UsageError
        A parameter has the wrong type.
    """

    prefix: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    cluster: str = "upstream"
    name: str = ""
    metadata: Any = None

    def __post_init__(self) -> None:
        for name in ("cluster", "name"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise UsageError(f"{name}= of a RouteMatch must be text, not {value!r:.60}.")
        if not isinstance(self.headers, Mapping):
            raise UsageError(f"headers= of a RouteMatch must be a mapping, not {self.headers!r:.60}.")
        object.__setattr__(self, "prefix", _to_text(self.prefix))
        object.__setattr__(self, "headers", {_to_text(n): _to_text(v) for n, v in self.headers.items()})

    @property
    def entry(self) -> RouteEntry:
        """Entry of the route table for this route."""
        conditions = [HeaderMatcher({"name": n, "string_match": {"exact": v}}) for n, v in self.headers.items()]
        path = PathMatcher("prefix", to_bytes(self.prefix))
        return RouteEntry(path, conditions, self.name, self.metadata, self.cluster)
