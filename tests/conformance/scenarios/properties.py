"""Properties: every name of 1.40 in every callback, set_property, filter state."""

from ..scenario import Scenario, Send, Wait, maker

S = maker("properties")

_ROOTS = (
    "plugin_name", "plugin_root_id", "plugin_vm_id", "xds/node/id", "xds/node/cluster", "xds/node/metadata", "xds/node/metadata/nk", "xds/cluster_name",
    "xds/cluster_metadata", "xds/cluster_metadata/filter_metadata/cm/ck", "xds/route_name", "xds/route_metadata",
    "xds/route_metadata/filter_metadata/rm/k", "xds/route_metadata/filter_metadata/rm/n", "xds/route_metadata/filter_metadata/rm/b",
    "xds/route_metadata/filter_metadata/rm/l", "xds/route_metadata/filter_metadata/rm/l/0", "xds/upstream_host_metadata",
    "xds/filter_chain_name", "xds/listener_metadata", "xds/listener_direction", "xds/virtual_host_name", "xds/virtual_host_metadata", "xds",
)  # fmt: skip

_STREAM = (
    "request/path", "request/url_path", "request/host", "request/scheme", "request/method", "request/headers/x-p", "request/headers/X-P",
    "request/headers/nope", "request/referer", "request/useragent", "request/time", "request/id", "request/protocol", "request/query",
    "request/duration", "request/size", "request/total_size", "request/nope", "response/code", "response/code_details", "response/flags",
    "response/grpc_status", "response/headers/x-up", "response/trailers", "response/size", "response/total_size", "response/backend_latency",
    "source/address", "source/port", "destination/address", "destination/port", "connection/mtls", "connection/requested_server_name",
    "connection/tls_version", "connection/subject_local_certificate", "connection/subject_peer_certificate", "connection/dns_san_local_certificate",
    "connection/dns_san_peer_certificate", "connection/uri_san_local_certificate", "connection/uri_san_peer_certificate",
    "connection/sha256_peer_certificate_digest", "connection/transport_failure_reason", "connection/termination_details", "connection/id",
    "upstream/address", "upstream/port", "upstream/tls_version", "upstream/subject_local_certificate", "upstream/transport_failure_reason",
    "upstream/local_address", "upstream/request_attempt_count", "upstream/cx_pool_ready_duration", "connection_id", "metadata",
    "metadata/filter_metadata", "filter_state", "upstream_filter_state", "request", "response", "source", "destination", "connection", "upstream",
    "node", "cluster_name", "cluster_metadata", "route_name", "route_metadata", "listener_direction", "listener_metadata", "upstream_host_metadata",
    "nope", "nope/x",
)  # fmt: skip


def _get(callback: str, *paths: str) -> str:
    return "\n".join([f"{callback}:", *(f"    get_property {path}" for path in paths)]) + "\n"


SCENARIOS: list[Scenario] = [
    S(
        "properties in on_configure and on_vm_start",
        [],
        _get("on_configure", *_ROOTS, *_STREAM),
        plug={"vm_script": _get("on_vm_start", *_ROOTS)},
        show_start=True,
    ),
    *(
        S(
            f"every name in on_{callback}",
            [
                Send(
                    "POST",
                    "/trailers?x=1&y=2",
                    headers=[("x-p", "pv"), ("referer", "ref"), ("user-agent", "ua")],
                    chunks=[b"hello"],
                    trailers=[("x-rt", "1")],
                )
            ],
            _get(f"on_{callback}", *_ROOTS, *_STREAM),
            routes="several",
        )
        for callback in (
            "context_create",
            "request_headers",
            "request_body",
            "request_trailers",
            "response_headers",
            "response_body",
            "response_trailers",
            "log",
            "done",
            "delete",
        )  # fmt: skip
    ),
    S(
        "header maps as a whole, with one entry each",
        [Send("GET", "/nobody")],
        """
        on_response_headers:
            remove_header_map_value RESPONSE_HEADERS content-length
            remove_header_map_value RESPONSE_HEADERS x-envoy-upstream-service-time
            get_property response/headers
            get_property request/headers
        """,
    ),
    S(
        "properties after a local reply",
        [Send()],
        """
        on_request_headers:
            send_local_response 403 my%20details b _ -1
        on_response_headers:
            get_property response/code
            get_property response/code_details
            get_property response/flags
            get_property response/grpc_status
            get_property upstream/address
            get_property upstream/request_attempt_count
            get_property xds/cluster_name
        on_log:
            get_property response/code
            get_property response/code_details
            get_property response/flags
            get_property response/size
            get_property response/backend_latency
        """,
    ),
    S(
        "paths that are odd",
        [Send()],
        """
        on_request_headers:
            get_property _
            get_property /
            get_property request/
            get_property /request
            get_property request//path
            get_property request/path/
            get_property request/path/x
            get_property request/headers/:path
            get_property request/headers/
            get_property REQUEST/path
        """,
    ),
    S(
        "a repeated header is joined",
        [Send("GET", "/p", headers=[("x-dup", "a"), ("x-dup", "b")])],
        """
        on_request_headers:
            get_property request/headers/x-dup
            get_property request/headers/X-Dup
        """,
    ),
    S(
        "set_property, then get",
        [Send(), Send(script="on_request_headers: get_property foo")],
        """
        on_request_headers:
            set_property foo bar
            get_property foo
            get_property filter_state/wasm.foo
            get_property wasm/foo
            get_property foo/x
            set_property a/b zz
            get_property a/b
            set_property request/path hacked
            get_property request/path
            set_property plugin_name hacked
            get_property plugin_name
            set_property foo bar2
            get_property foo
            set_property _ e
            get_property _
        on_response_headers:
            get_property foo
            set_property rs 1
        on_log:
            get_property foo
            get_property rs
            set_property foo inlog
            get_property foo
        on_done:
            get_property foo
        on_delete:
            get_property foo
        """,
    ),
    S(
        "declare_property from a stream",
        [Send()],
        """
        on_request_headers:
            call_foreign_function declare_property %0a%02ro%20%01
            set_property ro 1
            get_property ro
            set_property ro 2
            get_property ro
            call_foreign_function declare_property %0a%02ro
            call_foreign_function set_envoy_filter_state %0a%20envoy.tcp_proxy.cluster%12%02up
        """,
    ),
    S(
        "declare_property from a stream, read-only, for the connection",
        [Send()],
        """
        on_request_headers:
            call_foreign_function declare_property %0a%02ro%10%01%18%01%28%02
            set_property ro 1
            get_property ro
            set_property ro 2
            get_property ro
        """,
    ),
    S(
        "declared in on_configure: read-only, for the connection",
        [Send(), Send()],
        """
        on_configure:
            call_foreign_function declare_property %0a%02ro%10%01%18%01%28%02
        on_request_headers:
            set_property ro 1
            get_property ro
            set_property ro 2
            get_property ro
        """,
    ),
    S(
        "set_envoy_filter_state",
        [Send()],
        """
        on_request_headers:
            call_foreign_function set_envoy_filter_state %0a%17envoy.tcp_proxy.cluster%12%02up
            get_property filter_state/envoy.tcp_proxy.cluster
            call_foreign_function set_envoy_filter_state %0a%03foo%12%02up
        """,
    ),
    S(
        "set_property from a root: in on_configure, and at a tick",
        [Wait(0.2)],
        """
        on_configure:
            set_property foo bar
            get_property foo
            set_tick_period_milliseconds 60
        on_tick:
            set_property foo bar
            get_property foo
            set_tick_period_milliseconds 0
        """,
    ),
]
