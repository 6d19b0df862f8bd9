"""Options of Envoy's HTTP connection manager, with Envoy's names and defaults.

Reference:
https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from ....errors import UsageError
from ....parsing.durations import duration_seconds
from ...envoy_messages.message_check import checked_argument

__all__ = ["HttpConnectionManager", "option_advice"]

#: Types of values by the annotation of a field.
_PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "bool": (bool,), "int": (int,), "float": (float, int)}

#: Options that are in a separate message in Envoy, by the name of this message.
_NESTED = {
    "http_protocol_options": (
        "accept_http_10",
        "allow_absolute_url",
        "allow_chunked_length",
        "default_host_for_http_10",
        "enable_trailers",
        "header_key_format",
        "override_stream_error_on_invalid_http_message",
    ),
    "http2_protocol_options": ("allow_connect",),
    "common_http_protocol_options": (
        "headers_with_underscores_action",
        "max_headers_count",
        "max_requests_per_connection",
        "max_stream_duration",
    ),
}


@dataclass(frozen=True)
class HttpConnectionManager:
    """Options of Envoy's HTTP connection manager. They can also be passed to `Proxy` and `Envoy` as keyword arguments.

    Every option has Envoy's name and, except for `enable_trailers`, Envoy's default. Options in Envoy's messages
    `http_protocol_options`, `http2_protocol_options` and `common_http_protocol_options` are listed together with the others.

    Parameters
    ----------
    use_remote_address
        Whether to use the peer's address as the client's address and append it to `x-forwarded-for` (default False).
    xff_num_trusted_hops
        Number of trusted proxies in front of this one (default 0).
    skip_xff_append
        Whether to leave `x-forwarded-for` unchanged (default False).
    append_x_forwarded_port, add_user_agent
        Whether to add `x-forwarded-port`, and `user-agent` with the proxy's cluster, to requests (default False).
    via
        Value to append to the `via` header of requests and responses (default none).
    internal_address_config
        Address ranges of internal clients in CIDR notation, such as "10.0.0.0/8" (default none).
    forward_client_cert_details
        Treatment of `x-forwarded-client-cert`: "SANITIZE" (the default), "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET" or
        "ALWAYS_FORWARD_ONLY".
    generate_request_id
        Whether to add an `x-request-id` to requests without one (default True).
    preserve_external_request_id, always_set_request_id_in_response
        Whether to keep the `x-request-id` of external clients, and whether to add it to responses (default False).
    server_name
        Value of the `server` header of responses (default "envoy").
    server_header_transformation
        Treatment of the upstream's `server` header: "OVERWRITE" (the default), "APPEND_IF_ABSENT" or "PASS_THROUGH".
    normalize_path, merge_slashes
        Whether to normalise paths such as `/a/../b`, and whether to merge repeated slashes (default False).
    path_with_escaped_slashes_action
        Treatment of escaped slashes in paths (default "KEEP_UNCHANGED").
    strip_matching_host_port, strip_any_host_port, strip_trailing_host_dot
        Whether to remove the listener's port, any port, or a dot at the end from the host (default False).
    scheme_to_overwrite
        Scheme to set for every request (`scheme_header_transformation`). By default (empty), the scheme isn't changed.
    allow_connect
        Whether HTTP/2 requests can ask for an upgrade with CONNECT and `:protocol` (default False).
    upgrade_configs
        Types of upgrades in lower case, and whether each is allowed, such as `{"websocket": True}` (default empty).
    proxy_100_continue
        Whether to pass `expect: 100-continue` on to the upstream. By default (False), the proxy responds to it.
    accept_http_10, default_host_for_http_10
        Whether to accept HTTP/1.0 (default False), and the host for HTTP/1.0 requests without a host (default empty).
    allow_absolute_url, allow_chunked_length
        Whether HTTP/1.1 requests can have an absolute URL (default True), and whether they can have both `content-length` and
        chunks (default False).
    enable_trailers
        Whether to pass on trailers over HTTP/1.1 (default True; in Envoy, False).
    max_requests_per_connection
        Number of requests after which a connection is closed. 0 (the default): no limit.
    max_request_headers_kb, max_headers_count
        Maximum size of a request's headers in KiB (default 60), and maximum number of headers (default 100).
    request_headers_timeout
        Maximum seconds from a request's first byte to the end of its headers. The limit only applies to clients that send raw
        bytes. 0 (the default): no limit.
    max_stream_duration
        Maximum duration of a stream in seconds. 0 (the default): no limit.
    headers_with_underscores_action
        Treatment of headers with an underscore in their names: "ALLOW" (the default), "REJECT_REQUEST" or "DROP_HEADER".
    stream_error_on_invalid_http_message
        Whether to keep the connection open after a refused request (default False).
    header_key_format
        Format of response header names over HTTP/1: "proper_case_words" for names such as `Content-Type`. By default (empty),
        names aren't changed.
    local_reply_config
        Envoy's message for changing local replies, as a mapping (default empty).
    suppress_envoy_headers
        Whether to omit the router's `x-envoy-` headers (default False). In Envoy, this is an option of the router.
    """

    use_remote_address: bool = False
    xff_num_trusted_hops: int = 0
    skip_xff_append: bool = False
    append_x_forwarded_port: bool = False
    add_user_agent: bool = False
    via: str = ""
    internal_address_config: tuple[str, ...] = ()
    forward_client_cert_details: str = "SANITIZE"
    generate_request_id: bool = True
    preserve_external_request_id: bool = False
    always_set_request_id_in_response: bool = False
    server_name: str = "envoy"
    server_header_transformation: str = "OVERWRITE"
    normalize_path: bool = False
    merge_slashes: bool = False
    path_with_escaped_slashes_action: str = "KEEP_UNCHANGED"
    strip_matching_host_port: bool = False
    strip_any_host_port: bool = False
    strip_trailing_host_dot: bool = False
    scheme_to_overwrite: str = ""
    allow_connect: bool = False
    upgrade_configs: Mapping[str, bool] = field(default_factory=dict)
    proxy_100_continue: bool = False
    stream_error_on_invalid_http_message: bool = False
    max_request_headers_kb: int = 60
    max_headers_count: int = 100
    max_requests_per_connection: int = 0
    request_headers_timeout: float = 0.0
    max_stream_duration: float = 0.0
    headers_with_underscores_action: str = "ALLOW"
    accept_http_10: bool = False
    default_host_for_http_10: str = ""
    allow_absolute_url: bool = True
    allow_chunked_length: bool = False
    enable_trailers: bool = True
    header_key_format: str = ""
    local_reply_config: Mapping[str, Any] = field(default_factory=dict)
    suppress_envoy_headers: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.type in _PLAIN and type(value) not in _PLAIN[str(each.type)]:
                required = _PLAIN[str(each.type)][0].__name__
                raise UsageError(f"{each.name}= of the connection manager must be {required}, not {value!r:.60}.")

    @classmethod
    def of(cls, value: HttpConnectionManager | Mapping[str, Any] | None, **switches: Any) -> HttpConnectionManager:
        """Return the options in the parameters of a proxy.

        Parameters
        ----------
        value
            An object of this class, Envoy's message as a mapping, or None.
        switches
            Options by name, which replace those in `value`.

        Raises
        ------
        UsageError
            An option is unknown or has the wrong type, or the message contains a field that doesn't exist in Envoy.
        """
        if not isinstance(value, HttpConnectionManager | Mapping | None):
            raise UsageError(f"connection_manager= must be an HttpConnectionManager or a mapping, not {value!r:.60}.")
        base = value if isinstance(value, HttpConnectionManager) else cls.from_config(_checked(value or {})).manager
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(switches) - known)
        if unknown:
            raise UsageError(f"The connection manager has no option {unknown[0]!r}. {option_advice(unknown[0], known)}")
        if "local_reply_config" in switches:
            replies = switches["local_reply_config"] or {}
            switches["local_reply_config"] = checked_argument("local_reply_config", replies, "LocalReplyConfig")
        return replace(base, **_converted(switches)) if switches else base

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ManagerReading:
        """Return the options in Envoy's message `config`, a mapping."""
        known = {f.name for f in fields(cls)}
        nested = {name for names in _NESTED.values() for name in names}
        values = {name: config[name] for name in known - nested if name in config}
        taken = set(values)
        for outer, names in _NESTED.items():
            for name in names:
                if name in (config.get(outer) or {}):
                    values[name] = config[outer][name]
                    taken.add(f"{outer}.{name}")
        scheme = (config.get("scheme_header_transformation") or {}).get("scheme_to_overwrite")
        if scheme is not None:
            values["scheme_to_overwrite"] = scheme
            taken.add("scheme_header_transformation.scheme_to_overwrite")
        return ManagerReading(cls(**_converted(values)), taken)

    def as_config(self) -> dict[str, Any]:
        """Return Envoy's message with the options that differ from the defaults."""
        own = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(_DEFAULTS, f.name)
        }
        own.pop("suppress_envoy_headers", None)  # a field of the router
        config: dict[str, Any] = {}
        for name, write in _WRITTEN.items():
            if name in own:
                config |= write(own.pop(name))
        for outer, names in _NESTED.items():
            inner = {name: own.pop(name) for name in names if name in own}
            if inner:
                config[outer] = {**config.get(outer, {}), **inner}
        return config | own


class ManagerReading(NamedTuple):
    """Options of a connection manager that were read from Envoy's message.

    Attributes
    ----------
    manager
        Options of the connection manager.
    fields
        Names of the fields that were read. Names of nested fields have the form `outer.inner`.
    """

    manager: HttpConnectionManager
    fields: set[str]


_DEFAULTS = HttpConnectionManager()

#: Fields of the message that can also have the format of the option with the same name.
_OWN_FORMS = ("internal_address_config", "upgrade_configs", "scheme_to_overwrite", "suppress_envoy_headers")


def _checked(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check the fields of Envoy's message, except for fields that can also have the format of an option."""
    own = {name: message[name] for name in _OWN_FORMS if name in message}
    rest = {name: value for name, value in message.items() if name not in own}
    return {**checked_argument("connection_manager", rest, "HttpConnectionManager"), **own}


#: Functions that return Envoy's message for the value of an option, if it isn't the value itself.
_WRITTEN: dict[str, Callable[[Any], dict[str, Any]]] = {
    "scheme_to_overwrite": lambda scheme: {"scheme_header_transformation": {"scheme_to_overwrite": scheme}},
    "upgrade_configs": lambda kinds: {
        "upgrade_configs": [{"upgrade_type": kind, "enabled": enabled} for kind, enabled in kinds.items()]
    },
    "max_stream_duration": lambda length: {"common_http_protocol_options": {"max_stream_duration": f"{length}s"}},
    "request_headers_timeout": lambda length: {"request_headers_timeout": f"{length}s"},
    "header_key_format": lambda form: {"http_protocol_options": {"header_key_format": {form: {}}}},
    "internal_address_config": lambda ranges: {
        "internal_address_config": {
            "cidr_ranges": [
                {"address_prefix": prefix, "prefix_len": int(length or 0)}
                for prefix, _, length in (text.partition("/") for text in ranges)
            ]
        }
    },
}


def _converted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values from Envoy's messages to the types of the options."""
    result = dict(values)
    ranges = result.get("internal_address_config")
    if isinstance(ranges, Mapping):
        result["internal_address_config"] = tuple(
            f"{r['address_prefix']}/{r.get('prefix_len', 0)}" for r in ranges.get("cidr_ranges") or ()
        )
    elif ranges is not None:
        result["internal_address_config"] = tuple(ranges)
    upgrades = result.get("upgrade_configs")
    if upgrades is not None and not isinstance(upgrades, Mapping):
        result["upgrade_configs"] = upgrade_types(upgrades)
    for name in ("max_stream_duration", "request_headers_timeout"):
        if result.get(name) is not None:
            result[name] = duration_seconds(result[name])
    if result.pop("override_stream_error_on_invalid_http_message", False):
        result["stream_error_on_invalid_http_message"] = True
    names = result.get("header_key_format")
    if isinstance(names, Mapping):
        result["header_key_format"] = next(iter(names), "")
    if result.get("server_name") == "":
        del result["server_name"]
    return result


def option_advice(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown option: the most similar name, or the place where all options are documented."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), 1)
    return f"Did you mean {close[0]!r}?" if close else "`help(wasmnb.host.HttpConnectionManager)` lists its options."


def upgrade_types(configs: Any) -> dict[str, bool]:
    """Return whether each type of upgrade is allowed, from Envoy's `upgrade_configs` or from a list of allowed types."""
    types = {}
    for entry in configs:
        if isinstance(entry, str):
            types[entry.lower()] = True
        else:
            types[str(entry["upgrade_type"]).lower()] = bool(entry.get("enabled", True))
    return types
