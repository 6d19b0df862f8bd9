"""Operators of Envoy's substitution format, and the properties of a stream that they read.

In Envoy 1.40, `%PATH%` is the path before a rewrite. `%ENVIRONMENT(X)%` is `-` if the variable isn't set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ....abi.text import encode_text
from ...contexts.response_flags import flag_names, long_flag_names
from ..header_map import HeaderMap

__all__ = ["NUMBERS", "OPERATORS", "Facts", "StreamFacts"]


class StreamFacts(Protocol):
    """Properties of a stream that operators read. `StreamInfo` provides them."""

    connection: Any
    protocol: str
    request_size: int
    response_size: int
    code: int | None
    details: str
    flags: int
    route: Any
    attempts: int
    metadata: dict[str, Any]
    remote_address: str
    cluster: Any
    upstream_protocol: str

    @property
    def cluster_name(self) -> str:
        """Name of the stream's cluster."""
        ...


@dataclass
class Facts:
    """Data that operators read: the stream's properties, its headers, and the body of a local reply."""

    info: StreamFacts
    request: HeaderMap | None = None
    response: HeaderMap | None = None
    body: bytes = b""


def _header(which: str) -> Callable[[Facts, str], bytes | None]:
    def read(facts: Facts, argument: str) -> bytes | None:
        headers: HeaderMap | None = getattr(facts, which)
        if headers is None:
            return None
        for name in argument.split("?"):
            value = headers.get(encode_text(name.strip().lower()))
            if value is not None:
                return value
        return None

    return read


def _address(facts: Facts) -> str:
    return facts.info.remote_address or str(facts.info.connection.peer)


def _host(address: str) -> bytes:
    return encode_text(address.rpartition(":")[0].strip("[]"))


def _dynamic_metadata(facts: Facts, argument: str) -> bytes | None:
    return _metadata_text(facts.info.metadata.get("filter_metadata"), argument)


def _metadata(facts: Facts, argument: str) -> bytes | None:
    """Return metadata of one object in the configuration, for an argument such as `ROUTE:namespace:key`."""
    kind, _, path = argument.partition(":")
    if kind == "DYNAMIC":
        return _dynamic_metadata(facts, path)
    info, route = facts.info, facts.info.route
    holders = {
        "ROUTE": route.metadata if route is not None else None,
        "VIRTUAL_HOST": route.host.metadata if route is not None and route.host is not None else None,
        "CLUSTER": info.cluster.metadata if info.cluster is not None else None,
        "LISTENER": info.connection.listener.metadata,
    }
    return _metadata_text((holders.get(kind) or {}).get("filter_metadata"), path)


def _metadata_text(value: Any, path: str) -> bytes | None:
    for part in path.split(":"):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return None
    return (
        encode_text(value)
        if isinstance(value, str)
        else encode_text(json.dumps(value, separators=(",", ":"), sort_keys=True))
    )


def _path(facts: Facts, argument: str) -> bytes | None:
    """Return the path for `%PATH(WQ:ORIG)%`.

    The first part of the argument selects the path with its query (`WQ`) or without it (`NQ`). The second part selects the
    original path (`ORIG`), the current path (`PATH`), or the original path if there is one.
    """
    query, _, which = argument.partition(":")
    headers = facts.request
    if headers is None:
        return None
    original, current = headers.get(b"x-envoy-original-path"), headers.get(b":path")
    path = {"ORIG": original, "PATH": current}.get(which, original if original is not None else current)
    return path.partition(b"?")[0] if path is not None and query == "NQ" else path


def _query(facts: Facts, _argument: str) -> bytes | None:
    path = facts.request.get(b":path") if facts.request is not None else None
    return (path or b"").partition(b"?")[2] or None


def _query_parameter(facts: Facts, argument: str) -> bytes | None:
    for part in (_query(facts, "") or b"").split(b"&"):
        name, _, value = part.partition(b"=")
        if name == encode_text(argument):
            return value
    return None


def _text(value: object) -> bytes | None:
    return None if value in (None, "") else encode_text(str(value))


#: Operators without a value, because the simulation supports neither TLS nor virtual clusters.
_ALWAYS_EMPTY = (
    "REQUESTED_SERVER_NAME", "VIRTUAL_CLUSTER_NAME", "DOWNSTREAM_PEER_SUBJECT", "DOWNSTREAM_TLS_VERSION", "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_PEER_URI_SAN", "DOWNSTREAM_LOCAL_URI_SAN", "DOWNSTREAM_LOCAL_SUBJECT", "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "TRACE_ID", "CUSTOM_FLAGS",
)  # fmt: skip

OPERATORS: dict[str, Callable[[Facts, str], bytes | None]] = {
    "REQ": _header("request"),
    "RESP": _header("response"),
    "PROTOCOL": lambda f, _a: _text(f.info.protocol),
    "RESPONSE_CODE": lambda f, _a: encode_text(str(f.info.code or 0)),
    "RESPONSE_CODE_DETAILS": lambda f, _a: _text(f.info.details),
    "RESPONSE_FLAGS_LONG": lambda f, _a: encode_text(long_flag_names(f.info.flags)),
    "RESPONSE_FLAGS": lambda f, _a: encode_text(flag_names(f.info.flags)),
    "DOWNSTREAM_REMOTE_ADDRESS": lambda f, _a: encode_text(_address(f)),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda f, _a: _host(_address(f)),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda f, _a: encode_text(f.info.connection.peer),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": lambda f, _a: _host(f.info.connection.peer),
    "DOWNSTREAM_LOCAL_ADDRESS": lambda f, _a: encode_text(f.info.connection.local),
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT": lambda f, _a: _host(f.info.connection.local),
    "DOWNSTREAM_LOCAL_PORT": lambda f, _a: encode_text(f.info.connection.local.rpartition(":")[2]),
    "UPSTREAM_CLUSTER": lambda f, _a: _text(f.info.cluster_name),
    "UPSTREAM_PROTOCOL": lambda f, _a: _text(f.info.upstream_protocol),
    "UPSTREAM_CLUSTER_RAW": lambda f, _a: _text(f.info.cluster_name),
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": lambda f, _a: encode_text(str(f.info.attempts)),
    "ROUTE_NAME": lambda f, _a: _text(f.info.route.name if f.info.route is not None else ""),
    "BYTES_RECEIVED": lambda f, _a: encode_text(str(f.info.request_size)),
    "BYTES_SENT": lambda f, _a: encode_text(str(f.info.response_size)),
    "DYNAMIC_METADATA": _dynamic_metadata,
    "METADATA": _metadata,
    "CLUSTER_METADATA": lambda f, a: _metadata(f, f"CLUSTER:{a}"),
    "PATH": _path,
    "QUERY_PARAM": _query_parameter,
    "QUERY_PARAMS": _query,
    "ENVIRONMENT": lambda _f, a: encode_text(os.environ.get(a) or "-"),
    "ACCESS_LOG_TYPE": lambda _f, _a: b"NotSet",
    **dict.fromkeys(_ALWAYS_EMPTY, lambda _f, _a: None),
    "LOCAL_REPLY_BODY": lambda f, _a: f.body,
}

#: Operators whose values are numbers in JSON.
NUMBERS = frozenset(("RESPONSE_CODE", "BYTES_RECEIVED", "BYTES_SENT", "UPSTREAM_REQUEST_ATTEMPT_COUNT"))
