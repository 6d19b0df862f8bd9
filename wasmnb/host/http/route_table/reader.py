"""Conversion of Envoy's route configuration from plain mappings to a route table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ....abi.text import encode_text
from ....errors import UsageError
from ....messages import to_bytes
from ....parsing.durations import duration_seconds
from ...envoy_messages.message_check import checked_argument
from ..connection_manager.manager import upgrade_types
from ..header_map import HeaderMap
from ..local_reply import is_grpc
from .duration import StreamDuration
from .formatter import BodyFormat, data_source
from .matchers import HeaderMatcher, PathMatcher, cookie, parameter
from .mutations import Mutations
from .retry_policy import RetryPolicy
from .route import DirectResponse, Redirect, RouteEntry, RouteMatch, RouteRewrite, WeightedCluster
from .table import RouteTable, VirtualHost

__all__ = ["read_entry", "read_table", "to_table"]

_REDIRECTS = {
    "MOVED_PERMANENTLY": 301,
    "FOUND": 302,
    "SEE_OTHER": 303,
    "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}

_NOT_FOUND = {"SERVICE_UNAVAILABLE": 503, "NOT_FOUND": 404, "INTERNAL_SERVER_ERROR": 500}
_MILLION = 1_000_000
_DENOMINATORS = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": _MILLION}


def to_table(routes: Any, host: str = "default") -> RouteTable:
    """Convert the parameter `routes` of a proxy to a route table.

    Parameters
    ----------
    routes
        A `RouteTable`, Envoy's route configuration (a mapping), or a list of `RouteMatch` objects and Envoy's routes
        (mappings).
    host
        Name of the virtual host for the routes of a list (default `default`).

    Raises
    ------
    UsageError
        A route is neither a `RouteMatch` nor a mapping, or it contains a field that is unknown or has the wrong type.
    """
    if isinstance(routes, RouteTable):
        return routes
    if isinstance(routes, Mapping):
        return read_table(checked_argument("routes", routes, "RouteConfiguration"))
    if routes is None:
        routes = [RouteMatch()]
    if not isinstance(routes, Iterable) or isinstance(routes, str | bytes):
        raise UsageError(f"routes= must be a list of RouteMatches or of Envoy's routes, not {routes!r:.60}.")
    return RouteTable.of([_entry(route, f"routes[{index}]") for index, route in enumerate(routes)], host)


def _entry(route: Any, name: str) -> RouteEntry:
    """Convert one route to an entry of the route table."""
    if isinstance(route, RouteMatch):
        return route.entry
    if not isinstance(route, Mapping):
        raise UsageError(f"{name} must be a RouteMatch, or Envoy's route as a mapping, not {route!r:.60}.")
    return read_entry(checked_argument(name, route, "Route"))


def read_table(config: Mapping[str, Any]) -> RouteTable:
    """Convert a `RouteConfiguration` message to a route table."""
    return RouteTable(
        [_host(h) for h in config.get("virtual_hosts") or ()],
        Mutations.of(config),
        _per_filter(config),
        [encode_text(str(n).lower()) for n in config.get("internal_only_headers") or ()],
        bool(config.get("ignore_port_in_host_matching")),
        bool(config.get("most_specific_header_mutations_wins")),
    )


def _host(config: Mapping[str, Any]) -> VirtualHost:
    return VirtualHost(
        str(config.get("name", "")),
        [str(d) for d in config.get("domains") or ()],
        [read_entry(r) for r in config.get("routes") or ()],
        Mutations.of(config),
        RetryPolicy.of(config.get("retry_policy")),
        _per_filter(config),
        config.get("metadata"),
        str(config.get("require_tls", "NONE")),
        bool(config.get("include_request_attempt_count")),
        bool(config.get("include_attempt_count_in_response")),
        bool(config.get("include_is_timeout_retry_header")),
        _hedge(config),
    )


def _per_filter(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(config.get("typed_per_filter_config") or {})


def read_entry(config: Mapping[str, Any]) -> RouteEntry:
    """Convert a `Route` message to an entry of the route table."""
    match, action = config.get("match") or {}, config.get("route") or {}
    path = PathMatcher.of(match) or PathMatcher("prefix", b"")
    retry = action.get("retry_policy")
    return RouteEntry(
        path,
        _conditions(match),
        str(config.get("name", "")),
        config.get("metadata"),
        str(action.get("cluster", "")),
        str(action.get("cluster_header", "")),
        [_weighted(w) for w in (action.get("weighted_clusters") or {}).get("clusters") or ()],
        _redirect(config.get("redirect")),
        _direct(config.get("direct_response")),
        _rewrite(action),
        Mutations.of(config),
        RetryPolicy.of(retry),
        _hedge(action),
        duration_seconds(action["timeout"]) if "timeout" in action else None,
        duration_seconds(action["idle_timeout"]) if "idle_timeout" in action else None,
        StreamDuration.of(action.get("max_stream_duration")),
        upgrade_types(action.get("upgrade_configs") or ()),
        _per_filter(config),
        _NOT_FOUND.get(str(action.get("cluster_not_found_response_code", "")), 503),
        duration_seconds(action["max_grpc_timeout"]) if "max_grpc_timeout" in action else None,
        duration_seconds(action.get("grpc_timeout_offset", 0)),
    )


def _hedge(config: Mapping[str, Any]) -> bool | None:
    policy = config.get("hedge_policy")
    return None if policy is None else bool(policy.get("hedge_on_per_try_timeout"))


def _conditions(match: Mapping[str, Any]) -> list[Callable[[HeaderMap], bool]]:
    conditions: list[Callable[[HeaderMap], bool]] = [HeaderMatcher(c) for c in match.get("headers") or ()]
    conditions += [_on_path(parameter(c)) for c in match.get("query_parameters") or ()]
    conditions += [cookie(c) for c in match.get("cookies") or ()]
    if "grpc" in match:
        conditions.append(is_grpc)
    fraction = (match.get("runtime_fraction") or {}).get("default_value")
    if fraction is not None:
        share = int(fraction.get("numerator", 0)) / _DENOMINATORS[str(fraction.get("denominator", "HUNDRED"))]
        conditions.append(_share(share))
    tls, metadata = match.get("tls_context") or {}, match.get("dynamic_metadata") or ()
    if tls.get("presented") or tls.get("validated") or not all(m.get("invert") for m in metadata):
        conditions.append(
            lambda _headers: False
        )  # never matches, because there is no TLS, and no metadata when the route is chosen
    return conditions


def _on_path(matches: Callable[[bytes], bool]) -> Callable[[HeaderMap], bool]:
    return lambda headers: matches(headers.get(b":path") or b"")


def _share(share: float) -> Callable[[HeaderMap], bool]:
    """Create a condition that matches a share (0 to 1) of all requests, depending on their ids."""

    def chosen(headers: HeaderMap) -> bool:
        digits = re.sub(rb"[^0-9a-f]", b"", headers.get(b"x-request-id") or b"0")[:8] or b"0"
        return int(digits, 16) % _MILLION < share * _MILLION

    return chosen


def _weighted(config: Mapping[str, Any]) -> WeightedCluster:
    return WeightedCluster(
        str(config.get("name", "")),
        int(config.get("weight", 0)),
        Mutations.of(config),
        str(config.get("host_rewrite_literal", "")),
        _per_filter(config),
        config.get("metadata_match"),
    )


def _direct(config: Mapping[str, Any] | None) -> DirectResponse | None:
    if config is None:
        return None
    form = config.get("body_format")
    body = data_source(config.get("body") or {})
    return DirectResponse(int(config.get("status", 200)), body, BodyFormat.of(form) if form is not None else None)


def _redirect(config: Mapping[str, Any] | None) -> Redirect | None:
    if config is None:
        return None
    return Redirect(
        _REDIRECTS.get(str(config.get("response_code", "")), 301),
        bool(config.get("https_redirect")),
        str(config.get("scheme_redirect", "")),
        str(config.get("host_redirect", "")),
        int(config.get("port_redirect", 0)),
        str(config.get("path_redirect", "")),
        config.get("prefix_rewrite") or None,
        _substitution(config.get("regex_rewrite")),
        bool(config.get("strip_query")),
    )


def _rewrite(action: Mapping[str, Any]) -> RouteRewrite:
    return RouteRewrite(
        action.get("prefix_rewrite") or None,
        action.get("path_rewrite"),
        _substitution(action.get("regex_rewrite")),
        str(action.get("host_rewrite_literal", "")),
        str(action.get("host_rewrite_header", "")),
        _substitution(action.get("host_rewrite_path_regex")),
        bool(action.get("append_x_forwarded_host")),
    )


def _substitution(config: Mapping[str, Any] | None) -> tuple[re.Pattern[bytes], bytes] | None:
    r"""Convert a `RegexMatchAndSubstitute` message to a pattern and its replacement. `\0` is the whole match, as in RE2."""
    if config is None:
        return None
    new = re.sub(r"\\(\d)", r"\\g<\1>", str(config.get("substitution", "")))
    return re.compile(to_bytes(str(config["pattern"]["regex"]))), to_bytes(new)
