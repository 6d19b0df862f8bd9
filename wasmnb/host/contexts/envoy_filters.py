"""Envoy's own HTTP filters in the chain: `set_metadata` and `header_mutation`.

In Envoy 1.40, `set_metadata` writes dynamic metadata when the request's headers arrive. If a namespace already has a value, the
new value is merged into it only with `allow_overwrite`: structures are merged key by key, and lists are appended.
`header_mutation` applies its own changes in order, then those of the route, to requests and to all responses that pass through
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..http.route_table.formatter import Facts
from ..http.route_table.mutations import Mutation, mutate, mutate_query
from ..plugins.envoy_filter_config import SET_METADATA, BuiltIn

if TYPE_CHECKING:
    from ..http.buffers import Buffer
    from ..http.filter_chain import ActiveFilter
    from ..http.header_map import HeaderMap
    from ..http.stream_control import StreamControl

__all__ = ["BuiltInFilter", "make_built_in"]


class BuiltInFilter:
    """One of Envoy's own filters on one stream. This base class passes everything on unchanged."""

    plugin = None
    failure = None
    paused = ""

    def __init__(self, spec: BuiltIn, stream: StreamControl, route_config: Any) -> None:
        self.spec = spec
        self.stream = stream
        self.route_config: Mapping[str, Any] = route_config if isinstance(route_config, Mapping) else {}
        self.active: list[ActiveFilter | None] = [None, None]

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:  # noqa: ARG002
        """Pass headers on unchanged."""
        return 0

    def on_data(self, direction: int, data: Buffer, *, end: bool) -> int:  # noqa: ARG002
        """Pass body chunks on unchanged."""
        return 0

    def on_trailers(self, direction: int, trailers: HeaderMap) -> int:  # noqa: ARG002
        """Pass trailers on unchanged."""
        return 0

    def log(self) -> None:
        """Do nothing, because these filters don't log."""

    def destroy(self) -> None:
        """Do nothing, because these filters have no context."""


class _SetMetadata(BuiltInFilter):
    """The filter `envoy.filters.http.set_metadata`."""

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:
        if direction == 0:
            metadata = self.stream.state.info.metadata.setdefault("filter_metadata", {})
            for entry in _entries(self.spec.config):
                name = str(entry.get("metadata_namespace", ""))
                if name not in metadata:
                    metadata[name] = dict(entry.get("value") or {})
                elif entry.get("allow_overwrite"):
                    metadata[name] = _merged(metadata[name], entry.get("value") or {})
        return super().on_headers(direction, headers, end=end)


def _entries(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    old = [{**config, "allow_overwrite": True}] if "metadata_namespace" in config else []
    return [*old, *(config.get("metadata") or ())]


def _merged(old: Any, new: Any) -> Any:
    """Merge structures key by key, append to lists, and replace other values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{k: _merged(old[k], v) if k in old else v for k, v in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    return new


class _HeaderMutation(BuiltInFilter):
    """The filter `envoy.filters.http.header_mutation`."""

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:
        name = "response_mutations" if direction else "request_mutations"
        info, request = self.stream.state.info, self.stream.request_headers
        known = info.code
        if direction:
            status = headers.get(b":status") or b""
            info.code = int(status) if status.isdigit() else None
        facts = Facts(info, request, headers if direction else None)
        for config in (self.spec.config, self.route_config):
            mutate(headers, [Mutation.of(m) for m in (config.get("mutations") or {}).get(name) or ()], facts)
            if not direction:
                mutate_query(headers, (config.get("mutations") or {}).get("query_parameter_mutations") or ())
        info.code = known
        return super().on_headers(direction, headers, end=end)

    def on_trailers(self, direction: int, trailers: HeaderMap) -> int:
        name = "response_trailers_mutations" if direction else "request_trailers_mutations"
        facts = Facts(self.stream.state.info, self.stream.request_headers)
        for config in (self.spec.config, self.route_config):
            mutate(trailers, [Mutation.of(m) for m in (config.get("mutations") or {}).get(name) or ()], facts)
        return super().on_trailers(direction, trailers)


def make_built_in(spec: BuiltIn, stream: StreamControl, route_config: Any) -> BuiltInFilter:
    """Create one of Envoy's own filters for a stream."""
    return (_SetMetadata if spec.kind == SET_METADATA else _HeaderMutation)(spec, stream, route_config)
