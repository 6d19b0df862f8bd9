"""Envoy's route configuration, read from plain mappings into a route table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....abi.text import encode_text
from ....messages import to_bytes
from ..connection.manager import seconds, upgrade_types
from ..header_map import HeaderMap
from .formatter import Format
from .matchers import HeaderMatcher, PathMatcher, cookie, parameter
from .mutations import Mutations
from .retry_policy import RetryPolicy
from .route import DirectResponse, Redirect, Rewrite, RouteEntry, RouteMatch, WeightedCluster, grpc_request
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
    """A route table from what a caller gave: a table, Envoy's route configuration, or routes of one virtual host."""
    if isinstance(routes, RouteTable):
        return routes
    if isinstance(routes, Mapping):
        return read_table(routes)
    given: Sequence[Any] = list(routes) if routes is not None else [RouteMatch()]
    return RouteTable.of((r.entry if isinstance(r, RouteMatch) else read_entry(r) for r in given), host)


def read_table(config: Mapping[str, Any]) -> RouteTable:
    """A `RouteConfiguration`."""
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
        str(config.get("require_tls", "NONE")) in ("ALL", "EXTERNAL_ONLY"),
        bool(config.get("include_request_attempt_count")),
        bool(config.get("include_attempt_count_in_response")),
    )


def _per_filter(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(config.get("typed_per_filter_config") or {})


def read_entry(config: Mapping[str, Any]) -> RouteEntry:
    """A `Route`."""
    match, action = config.get("match") or {}, config.get("route") or {}
    path = PathMatcher.of(match) or PathMatcher("prefix", b"")
    retry = action.get("retry_policy")
    duration = (action.get("max_stream_duration") or {}).get("max_stream_duration")
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
        bool((action.get("hedge_policy") or {}).get("hedge_on_per_try_timeout")),
        seconds(action["timeout"]) if "timeout" in action else None,
        seconds(action["idle_timeout"]) if "idle_timeout" in action else None,
        seconds(duration) if duration is not None else None,
        upgrade_types(action.get("upgrade_configs") or ()),
        _per_filter(config),
        _NOT_FOUND.get(str(action.get("cluster_not_found_response_code", "")), 503),
    )


def _conditions(match: Mapping[str, Any]) -> list[Callable[[HeaderMap], bool]]:
    found: list[Callable[[HeaderMap], bool]] = [HeaderMatcher(c) for c in match.get("headers") or ()]
    found += [_on_path(parameter(c)) for c in match.get("query_parameters") or ()]
    found += [cookie(c) for c in match.get("cookies") or ()]
    if "grpc" in match:
        found.append(grpc_request)
    fraction = (match.get("runtime_fraction") or {}).get("default_value")
    if fraction is not None:
        share = int(fraction.get("numerator", 0)) / _DENOMINATORS[str(fraction.get("denominator", "HUNDRED"))]
        found.append(_share(share))
    if (match.get("tls_context") or {}).get("presented") or "dynamic_metadata" in match:
        found.append(lambda _headers: False)  # there is neither TLS nor metadata when a route is chosen
    return found


def _on_path(matches: Callable[[bytes], bool]) -> Callable[[HeaderMap], bool]:
    return lambda headers: matches(headers.get(b":path") or b"")


def _share(share: float) -> Callable[[HeaderMap], bool]:
    """A part of all requests, chosen by their ids."""

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
    body = config.get("body") or {}
    text = ((config.get("body_format") or {}).get("text_format_source") or {}).get("inline_string")
    form = Format(str(text)) if text is not None else None
    return DirectResponse(int(config.get("status", 200)), to_bytes(str(body.get("inline_string", ""))), form)


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
        config.get("prefix_rewrite"),
        _substitution(config.get("regex_rewrite")),
        bool(config.get("strip_query")),
    )


def _rewrite(action: Mapping[str, Any]) -> Rewrite:
    return Rewrite(
        action.get("prefix_rewrite"),
        action.get("path_rewrite"),
        _substitution(action.get("regex_rewrite")),
        str(action.get("host_rewrite_literal", "")),
        str(action.get("host_rewrite_header", "")),
        _substitution(action.get("host_rewrite_path_regex")),
        bool(action.get("append_x_forwarded_host")),
    )


def _substitution(config: Mapping[str, Any] | None) -> tuple[re.Pattern[bytes], bytes] | None:
    r"""A `RegexMatchAndSubstitute`; `\0` is the whole match, as in RE2."""
    if config is None:
        return None
    new = re.sub(r"\\(\d)", r"\\g<\1>", str(config.get("substitution", "")))
    return re.compile(to_bytes(str(config["pattern"]["regex"]))), to_bytes(new)
