"""Rules of the router: its request headers, timeouts and retries, and the headers that it adds and removes."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Scenario, Send, Wait, maker

_make = maker("routing")

LOG_TRIES = """
on_response_headers: get_header_map_pairs RESPONSE_HEADERS
on_log: get_header_map_pairs REQUEST_HEADERS; get_property response/code; get_property response/code_details; get_property response/flags; get_property upstream/request_attempt_count; get_property xds/route_name
"""


def _s(
    name: str, steps: Sequence[Any], route: Mapping[str, Any] | None = None, script: str = LOG_TRIES, **options: Any
) -> Scenario:
    if route is not None:
        options["routes"] = [{"match": {"prefix": "/"}, "route": {"cluster": "up", **route}}]
    return _make(name, steps, script, **options)


def with_router_headers(path: str, *pairs: str, method: str = "GET", body: bytes = b"", **options: Any) -> Send:
    """A request to which the filter adds headers of the router."""
    edits = "; ".join(f"add_header_map_value REQUEST_HEADERS x-envoy-{pair}" for pair in pairs)
    return Send(
        method,
        f"{path}?{'&'.join(p.replace(' ', '=').replace('%', '') for p in pairs)}",
        body=body,
        script=f"on_request_headers: {edits}" if edits else "",
        wait=3.0,
        **options,
    )


_R = "retry-on 5xx"

_TIMEOUTS = [
    with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 300"), with_router_headers("/", "upstream-rq-timeout-ms 300"), with_router_headers("/latency=0.2", "upstream-rq-timeout-ms 0"), with_router_headers("/", "upstream-rq-timeout-ms abc"), with_router_headers("/", "upstream-rq-timeout-ms -1"), with_router_headers("/", "upstream-rq-timeout-ms 1.5"), with_router_headers("/", "upstream-rq-timeout-ms _"),
    with_router_headers("/latency=0.4", "upstream-rq-per-try-timeout-ms 200"), with_router_headers("/latency=0.4", "upstream-rq-per-try-timeout-ms 200", "upstream-rq-timeout-ms 100"), with_router_headers("/", "upstream-rq-per-try-timeout-ms 200", "upstream-rq-timeout-ms 1000"), with_router_headers("/seq/slow,200", "upstream-rq-per-try-timeout-ms 200", _R), with_router_headers("/latency=0.7", "upstream-rq-per-try-timeout-ms 150", _R, "max-retries 2"),
    with_router_headers("/latency=0.7", "upstream-rq-per-try-timeout-ms 150", "retry-on gateway-error"), with_router_headers("/latency=0.7", "upstream-rq-per-try-timeout-ms 150", "retry-on reset"), with_router_headers("/latency=0.7", "upstream-rq-per-try-timeout-ms 150", "retry-on connect-failure"),
    with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 200", "upstream-rq-timeout-alt-response 204"), with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 200", _R), with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 200", method="POST", body=b"abc"), with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 200", method="HEAD"),
    with_router_headers("/latency=0.5", "upstream-stream-duration-ms 200"), with_router_headers("/latency=0.5", "expected-rq-timeout-ms 100"), with_router_headers("/", "expected-rq-timeout-ms 100"), with_router_headers("/latency=0.5", "hedge-on-per-try-timeout true", "upstream-rq-per-try-timeout-ms 200", "upstream-rq-timeout-ms 14900", _R),
]  # fmt: skip

_RETRIES = [
    with_router_headers("/seq/503,200", _R), with_router_headers("/seq/503,503,200/a", _R), with_router_headers("/seq/503,503,200/b", _R, "max-retries 2"), with_router_headers("/seq/503/c", _R, "max-retries 3"), with_router_headers("/seq/503,200/d", _R, "max-retries 0"), with_router_headers("/seq/500,200/e", _R), with_router_headers("/seq/599,200/f", _R), with_router_headers("/seq/404,200/g", _R), with_router_headers("/seq/429,200/h", _R),
    with_router_headers("/seq/502,200/i", "retry-on gateway-error"), with_router_headers("/seq/503,200/j", "retry-on gateway-error"), with_router_headers("/seq/504,200/k", "retry-on gateway-error"), with_router_headers("/seq/500,200/l", "retry-on gateway-error"), with_router_headers("/seq/409,200/m", "retry-on retriable-4xx"), with_router_headers("/seq/404,200/n", "retry-on retriable-4xx"),
    with_router_headers("/seq/418,200/o", "retry-on retriable-status-codes", "retriable-status-codes 418,419"), with_router_headers("/seq/418,200/p", "retriable-status-codes 418"), with_router_headers("/seq/420,200/q", "retry-on retriable-status-codes", "retriable-status-codes 418,abc"), with_router_headers("/seq/418,200/q2", "retry-on retriable-status-codes", "retriable-status-codes abc,%20418"),
    with_router_headers("/seq/close,200/r", "retry-on reset"), with_router_headers("/seq/close,200/s", _R), with_router_headers("/seq/close,200/t", "retry-on gateway-error"), with_router_headers("/seq/close,200/u", "retry-on connect-failure"), with_router_headers("/seq/close,200/v", "retry-on refused-stream"), with_router_headers("/seq/close,200/v2", "retry-on reset-before-request"), with_router_headers("/seq/cut,200/w", "retry-on 5xx,reset"),
    with_router_headers("/seq/503,200/x", "retry-on something"), with_router_headers("/seq/503,200/y", "retry-on _"), with_router_headers("/seq/503,200/z", "retry-on 5xx,%20gateway-error"), with_router_headers("/seq/500,200/z1", "retry-on %205xx%20"), with_router_headers("/seq/503,200/z2", "retry-on 5XX"), with_router_headers("/seq/503,200/z3", _R, "max-retries abc"), with_router_headers("/seq/503,200/z4", _R, "max-retries -1"),
    with_router_headers("/seq/200;x-again=1,200/ra", "retry-on retriable-headers", "retriable-header-names x-again"), with_router_headers("/seq/200;x-again=1,200/rb", "retry-on retriable-headers"), with_router_headers("/seq/503,200/pa", _R, method="POST", body=b"abc"), with_router_headers("/seq/503,200/pb", _R, method="HEAD"), with_router_headers("/seq/503;x-envoy-overloaded=1,200/pc", _R), with_router_headers("/seq/503;x-envoy-ratelimited=1,200/pd", _R), with_router_headers("/seq/503;x-envoy-ratelimited=1,200/pe", "retry-on envoy-ratelimited"),
    with_router_headers("/seq/503;grpc-status=14,200/ga", "retry-grpc-on unavailable"), with_router_headers("/seq/200;grpc-status=14,200/gb", "retry-grpc-on unavailable"), with_router_headers("/seq/200;grpc-status=1,200/gc", "retry-grpc-on cancelled,unavailable"), with_router_headers("/seq/200;grpc-status=4,200/gd", "retry-grpc-on deadline-exceeded"), with_router_headers("/seq/200;grpc-status=8,200/ge", "retry-grpc-on resource-exhausted"), with_router_headers("/seq/200;grpc-status=13,200/gf", "retry-grpc-on internal"), with_router_headers("/seq/200;grpc-status=2,200/gg", "retry-grpc-on internal"),
    with_router_headers("/seq/503,200/hb", _R, "upstream-alt-stat-name alt"), with_router_headers("/seq/503,200/hc", "retry-on http3-post-connect-failure"), with_router_headers("/seq/503,200/hd", "is-timeout-retry true", _R),
]  # fmt: skip

_HEADERS = [
    with_router_headers("/", f"{name} {value}") for name, value in (
        ("retry-on", "5xx"), ("retry-grpc-on", "cancelled"), ("max-retries", "3"), ("retriable-status-codes", "500"), ("retriable-header-names", "x"), ("hedge-on-per-try-timeout", "true"), ("upstream-alt-stat-name", "a"), ("upstream-rq-timeout-ms", "1000"), ("upstream-rq-per-try-timeout-ms", "500"),
        ("upstream-rq-timeout-alt-response", "204"), ("upstream-stream-duration-ms", "1000"), ("expected-rq-timeout-ms", "7"), ("is-timeout-retry", "true"), ("attempt-count", "9"), ("decorator-operation", "o"), ("original-path", "/o"), ("original-host", "o"), ("internal", "true"), ("external-address", "1.2.3.4"), ("downstream-service-cluster", "c"), ("downstream-service-node", "n"), ("ip-tags", "t"), ("force-trace", "1"), ("anything", "1"), ("upstream-service-time", "7"), ("original-dst-host", "1.2.3.4:5"),
    )
]  # fmt: skip


def slow_requests(*paths: str) -> list[Send]:
    return [Send("GET", p, wait=3.0) for p in paths]


def retry_policy(**policy: Any) -> dict[str, Any]:
    return {"timeout": "14.9s", "retry_policy": {"num_retries": 1, **policy}}


FAST_BACKOFF = {"base_interval": "0.01s", "max_interval": "0.02s"}

SCENARIOS: list[Scenario] = [
    _s("timeouts that a filter sets", _TIMEOUTS),
    _s("retries that a filter asks for", _RETRIES, {"timeout": "14.9s"}),
    _s("headers of the router", _HEADERS),
    _s("headers of the router, POST in chunks", [Send("POST", "/seq/503,200", chunks=[b"aaa", b"bbb"], script="on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx", wait=3.0), Send("POST", "/seq/503,200/t", chunks=[b"aaa"], trailers=[("x-t", "1")], script="on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx", wait=3.0)], {"timeout": "14.9s"}),
    _s("set in a later callback", [Send("POST", "/seq/503,200", body=b"abc", script="on_request_body: add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx", wait=3.0)], {"timeout": "14.9s"}, plug={"options": {"allow_on_headers_stop_iteration": True}}),
    _s("set after a pause", [Send("GET", "/seq/503,200", script="on_request_headers: http_call up :method=GET&:path=/cb&:authority=cb _ _ 500; return 1|on_http_call_response: set_effective_context stream; add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx; continue_stream REQUEST", wait=3.0)], {"timeout": "14.9s"}),
    _s("a filter sees only the last answer", [with_router_headers("/seq/503;x-first=1,200;x-second=1", _R)], {"timeout": "14.9s"}),
    _s("the filter answers a 503 itself", [Send("GET", "/", script="on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx; send_local_response 503 d b _ -1; return 1")]),
    _s("nobody listens, retries", [Send("GET", "/", script=f"on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-retry-on {on}", wait=3.0) for on in ("connect-failure", "5xx", "gateway-error", "reset", "refused-stream", "retriable-4xx")], routes=[{"match": {"prefix": "/"}, "route": {"cluster": "dead", "timeout": "14.9s"}}]),
    _s("no endpoint, retries", [with_router_headers("/", _R)], routes=[{"match": {"prefix": "/"}, "route": {"cluster": "noep"}}]),
    _s("route timeout", slow_requests("/latency=0.2", "/latency=0.6"), {"timeout": "0.4s"}),
    _s("route timeout 0", slow_requests("/latency=0.2"), {"timeout": "0s"}),
    _s("route timeout and a filter's", [with_router_headers("/latency=0.4", "upstream-rq-timeout-ms 200"), with_router_headers("/latency=0.4", "upstream-rq-timeout-ms 1000")], {"timeout": "0.3s"}),
    _s("route timeout while the body comes", [Send("POST", "/latency=0.2", chunks=[b"a", b"b"], wait=3.0)], {"timeout": "0.1s"}),
    _s("route idle_timeout", slow_requests("/latency=0.6"), {"idle_timeout": "0.3s", "timeout": "0s"}),
    _s("max_stream_duration of a route", slow_requests("/latency=0.6"), {"max_stream_duration": {"max_stream_duration": "0.3s"}}),
    _s("max_stream_duration of the connection manager", slow_requests("/latency=0.6"), hcm={"common_http_protocol_options": {"max_stream_duration": "0.3s"}}),
    _s("retry_policy 5xx", slow_requests("/seq/503,200", "/seq/503/a", "/seq/404/b", "/seq/close,200/c"), retry_policy(retry_on="5xx")),
    _s("retry_policy with two retries", slow_requests("/seq/503,500,200", "/seq/503/a"), retry_policy(retry_on="5xx", num_retries=2, retry_back_off=FAST_BACKOFF)),
    _s("retry_policy without retry_on", slow_requests("/seq/503,200"), retry_policy()),
    _s("retry_policy gateway-error", slow_requests("/seq/502,200", "/seq/500,200/a"), retry_policy(retry_on="gateway-error")),
    _s("retry_policy retriable-status-codes", slow_requests("/seq/418,200", "/seq/500,200/a"), retry_policy(retry_on="retriable-status-codes", retriable_status_codes=[418])),
    _s("retry_policy retriable-headers", slow_requests("/seq/503;x-again=1,200", "/seq/503,200/a"), retry_policy(retry_on="retriable-headers", retriable_headers=[{"name": "x-again", "string_match": {"exact": "1"}}])),
    _s("retry_policy retriable_request_headers", [Send("GET", "/seq/503,200", wait=3.0), Send("GET", "/seq/503,200/a", headers=[("x-yes", "1")], wait=3.0)], retry_policy(retry_on="5xx", retriable_request_headers=[{"name": "x-yes", "present_match": True}])),
    _s("retry_policy per_try_timeout", slow_requests("/seq/slow,200", "/seq/slow/a"), retry_policy(retry_on="5xx", per_try_timeout="0.2s")),
    _s("retry_policy per_try_idle_timeout", slow_requests("/seq/slow,200", "/seq/slow/a"), retry_policy(retry_on="5xx", per_try_idle_timeout="0.2s")),
    _s("retry_policy per_try_timeout beyond the timeout", slow_requests("/seq/slow,200"), {**retry_policy(retry_on="5xx", per_try_timeout="0.4s"), "timeout": "0.3s"}),
    _s("retry_policy and a filter's headers", [with_router_headers("/seq/503,503,200", "max-retries 2"), with_router_headers("/seq/404,200/a", "retry-on retriable-status-codes", "retriable-status-codes 404")], retry_policy(retry_on="5xx")),
    _s("retry_policy rate_limited_retry_back_off", slow_requests("/seq/503;retry-after=1,200"), retry_policy(retry_on="5xx", rate_limited_retry_back_off={"reset_headers": [{"name": "retry-after", "format": "SECONDS"}]}) | {"timeout": "15.9s"}),
    _s("retry_policy of the virtual host", slow_requests("/seq/503,200"), {"timeout": "14.9s"}, virtual_host={"retry_policy": {"retry_on": "5xx", "num_retries": 1}}),
    _s("hedge_policy", slow_requests("/seq/slow,200"), {**retry_policy(retry_on="5xx", per_try_timeout="0.2s"), "hedge_policy": {"hedge_on_per_try_timeout": True}}),
    _s("include_request_attempt_count", slow_requests("/seq/503,200", "/"), retry_policy(retry_on="5xx"), virtual_host={"include_request_attempt_count": True, "include_attempt_count_in_response": True}),
    _s("retries while a body is held", [Send("POST", "/seq/503,200", body=b"b" * 3000, wait=3.0)], retry_policy(retry_on="5xx"), limit=1000),
    _s("an answer in the middle of the body", [Send("POST", "/early", chunks=[b"aaaa", b"bbb"])], retry_policy(retry_on="5xx")),
    _s("retries and a trailing wait", [Send("GET", "/seq/503", wait=3.0), Wait(0.2)], retry_policy(retry_on="5xx", num_retries=3)),
]  # fmt: skip
