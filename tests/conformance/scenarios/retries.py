"""Further rules of the router: retry conditions, statuses without a retry, hedging, and timeouts and policies on both levels."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Http2, Scenario, Send, maker
from .routing import FAST_BACKOFF, LOG_TRIES, retry_policy, with_router_headers, slow_requests

_make = maker("retries")


def _s(name: str, steps: Sequence[Any], route: Mapping[str, Any] | None = None, script: str = LOG_TRIES, **options: Any) -> Scenario:
    if route is not None:
        options["routes"] = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "14.9s", **route}}]
    return _make(name, steps, script, **options)


def _each(condition: str, *entries: str, **options: Any) -> Scenario:
    """One retry condition, which a filter sets in a header. Each entry is the first response to a request."""
    steps = [with_router_headers(f"/seq/{entry},200/{number}", f"retry-on {condition}") for number, entry in enumerate(entries)]
    return _s(f"retry-on {condition}", steps, {}, **options)


def _from_client(*headers: tuple[str, str], path: str = "/seq/503,200") -> Send:
    return Send("GET", path, headers=headers, wait=3.0)


_STATUSES = ("400", "404", "408", "409", "425", "429", "499", "500", "501", "502", "503", "504", "505", "599")
_EXTRA = ("close", "cut", "503;grpc-status=14", "503;x-envoy-ratelimited=1", "503;x-envoy-overloaded=1", "200;grpc-status=14")
_CONDITIONS = ("5xx", "gateway-error", "reset", "connect-failure", "retriable-4xx", "refused-stream", "envoy-ratelimited", "reset-before-request", "5xx,retriable-4xx", "GATEWAY-ERROR", "gateway-error,", ",5xx", "5xx;reset", "5xx reset", "retriable-status-codes", "retriable-headers")
_GRPC = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable", "Unavailable", "unknown", "cancelled,%20internal", "unavailable,5xx", "14")
_TIMES = ("0", "1", "00200", "+200", "200.0", "200ms", "%20200", "99999999999", "18446744073709551616", "_", "-0")
_DEAD = [{"match": {"prefix": "/"}, "route": {"cluster": "dead", "timeout": "14.9s"}}]
_HTTP2_GET = [(":method", "GET"), (":path", "/seq/503,200"), (":scheme", "http"), (":authority", "h.test")]

_ASKED = ("", "100m", "500m", "0m", "x", "2S", "900000u", "123456789m")


def _grpc(timeout: str, kind: str = "application/grpc", **options: Any) -> Send:
    headers = [("content-type", kind), ("te", "trailers"), *([("grpc-timeout", timeout)] if timeout else [])]
    return Send("POST", "/latency=0.6", headers=headers, body=bytes(5), wait=3.0, **options)


def _own(name: str, milliseconds: int) -> str:
    return f"on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-upstream-rq-{name} {milliseconds}"


SCENARIOS: list[Scenario] = [
    *(_each(c, *_STATUSES, *_EXTRA) for c in _CONDITIONS),
    *(_s(f"retry-grpc-on {c}", [with_router_headers(f"/seq/200;grpc-status={code},200/{code}", f"retry-grpc-on {c}") for code in ("0", "1", "4", "8", "13", "14", "2", "x")], {}) for c in _GRPC),
    _s("retriable-status-codes of a filter", [with_router_headers(f"/seq/418,200/{n}", "retry-on retriable-status-codes", f"retriable-status-codes {codes}") for n, codes in enumerate(("418", "419,418", "%20418%20", "418,", ",418", "0418", "+418", "418.0", "99999999999,418", "_", "200,418", "418;419"))], {}),
    _s("retriable-status-codes that are fine", [with_router_headers("/seq/200,201", "retry-on retriable-status-codes", "retriable-status-codes 200"), with_router_headers("/seq/304,200/b", "retry-on retriable-status-codes", "retriable-status-codes 304")], {}),
    _s("retriable-header-names of a filter", [with_router_headers(f"/seq/200;x-again=1,200/{n}", "retry-on retriable-headers", f"retriable-header-names {names}") for n, names in enumerate(("x-again", "X-AGAIN", "x-other,x-again", "x-other,%20x-again", "x-other", ":status", "_", "x-again,", "x%20again"))], {}),
    _s("max-retries of a filter", [with_router_headers(f"/seq/503,503,503,503,200/{n}", "retry-on 5xx", f"max-retries {text}") for n, text in enumerate(("1", "2", "4", "10", "0", "+2", "%202", "2,3", "_", "4294967295", "4294967296", "-3"))], {}),
    _s("max-retries alone", [with_router_headers("/seq/503,200", "max-retries 3")], {}),
    _s("max-retries against a policy", [with_router_headers("/seq/503,503,200", "max-retries 0"), with_router_headers("/seq/503,503,503,200/b", "max-retries 3"), with_router_headers("/seq/503,503,200/c", "max-retries x")], {"retry_policy": {"retry_on": "5xx", "num_retries": 1}}),
    _s("numbers of timeouts", [with_router_headers("/latency=0.1", f"upstream-rq-timeout-ms {text}") for text in _TIMES], {}),
    _s("numbers of timeouts per try", [with_router_headers("/latency=0.1", f"upstream-rq-per-try-timeout-ms {text}") for text in _TIMES], {}),
    _s("numbers of stream durations", [with_router_headers("/latency=0.3", f"upstream-stream-duration-ms {text}") for text in ("100", "0", "_", "x", "1000")], {}),
    _s("timeouts against a route without one", [with_router_headers("/latency=0.3", "upstream-rq-timeout-ms 100"), with_router_headers("/latency=0.3", "upstream-rq-per-try-timeout-ms 100")], {"timeout": "0s"}),
    _s("timeouts against a shorter route", [with_router_headers("/latency=0.4", "upstream-rq-timeout-ms 1000"), with_router_headers("/latency=0.4", "upstream-rq-per-try-timeout-ms 300"), with_router_headers("/latency=0.4", "upstream-rq-timeout-ms 0")], {"timeout": "0.2s"}),
    _s("a timeout, then another answer", [with_router_headers("/latency=0.3", "upstream-rq-timeout-ms 100", "upstream-rq-timeout-alt-response _"), with_router_headers("/latency=0.3", "upstream-rq-per-try-timeout-ms 100", "upstream-rq-timeout-alt-response 204"), with_router_headers("/seq/503", "upstream-rq-timeout-alt-response 204")], {}),
    _s("a timeout in the response's body", [with_router_headers("/rstmid", "upstream-rq-timeout-ms 300"), with_router_headers("/chunked", "upstream-rq-timeout-ms 300")], {}),
    _s("per-try timeouts and each condition", [with_router_headers(f"/seq/slow,200/{n}", "upstream-rq-per-try-timeout-ms 150", f"retry-on {c}") for n, c in enumerate(("5xx", "gateway-error", "reset", "connect-failure", "retriable-4xx", "refused-stream", "reset-before-request", "retriable-status-codes"))], {}),
    _s("per-try timeouts and statuses", [with_router_headers("/seq/slow,200", "upstream-rq-per-try-timeout-ms 150", "retry-on retriable-status-codes", "retriable-status-codes 504"), with_router_headers("/seq/slow,slow,200/b", "upstream-rq-per-try-timeout-ms 100", "retry-on 5xx", "max-retries 1"), with_router_headers("/seq/slow,503,200/c", "upstream-rq-per-try-timeout-ms 150", "retry-on 5xx", "max-retries 2"), with_router_headers("/seq/slow,200/d", "upstream-rq-per-try-timeout-ms 150", "retry-grpc-on deadline-exceeded")], {}),
    _s("hedging", [with_router_headers(f"/seq/{entries}", "hedge-on-per-try-timeout true", "upstream-rq-per-try-timeout-ms 200", *more) for entries, more in (("slow,200/a", ("retry-on 5xx",)), ("slow,503/b", ("retry-on 5xx",)), ("slow,503,200/c", ("retry-on 5xx", "max-retries 2")), ("503,200/d", ("retry-on 5xx",)), ("slow,slow/e", ("retry-on 5xx",)), ("slow,200/f", ()), ("slow,200/g", ("retry-on gateway-error",)), ("slow,close/h", ("retry-on 5xx",)))], {}),
    _s("hedging by values of the header", [with_router_headers(f"/seq/slow,200/{n}", f"hedge-on-per-try-timeout {text}", "upstream-rq-per-try-timeout-ms 200", "retry-on 5xx") for n, text in enumerate(("1", "TRUE", "false", "_", "yes"))], {}),
    _s("hedging switched off by a filter", [with_router_headers("/seq/slow,200", "hedge-on-per-try-timeout false")], {**retry_policy(retry_on="5xx", per_try_timeout="0.2s"), "timeout": "14.9s", "hedge_policy": {"hedge_on_per_try_timeout": True}}),
    _s("hedge_policy of the virtual host", slow_requests("/seq/slow,200"), retry_policy(retry_on="5xx", per_try_timeout="0.2s"), virtual_host={"hedge_policy": {"hedge_on_per_try_timeout": True}}),
    _s("clients that steer the router", [_from_client(*(("x-envoy-" + n, v) for n, v in pairs), path=f"/seq/503,503,200/{number}") for number, pairs in enumerate(((("retry-on", "5xx"),), (("max-retries", "3"), ("retry-on", "gateway-error")), (("upstream-rq-timeout-ms", "1"),), (("hedge-on-per-try-timeout", "true"),)))], {}),
    _s("clients from inside that steer the router", [_from_client(*(("x-envoy-" + n, v) for n, v in pairs), ("x-forwarded-for", "10.0.0.1"), path=f"/seq/503,503,200/{number}") for number, pairs in enumerate(((("retry-on", "5xx"),), (("max-retries", "3"), ("retry-on", "gateway-error")), (("upstream-rq-timeout-ms", "1000"),), (("retriable-status-codes", "503"), ("retry-on", "retriable-status-codes")), (("upstream-alt-stat-name", "alt"),)))], {}, hcm={"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}),
    _s("over HTTP/2", [Http2([*_HTTP2_GET, ("x-script", "on_request_headers: add_header_map_value REQUEST_HEADERS x-envoy-retry-on 5xx")], name="GET")], {}),
    _s("nobody listens, each condition", [with_router_headers("/", f"retry-on {c}") for c in ("connect-failure", "reset-before-request", "refused-stream", "retriable-status-codes", "envoy-ratelimited", "5xx,connect-failure")] + [with_router_headers("/", "retry-on connect-failure", "max-retries 3"), with_router_headers("/", "retry-grpc-on unavailable"), with_router_headers("/", "upstream-rq-per-try-timeout-ms 100", "retry-on 5xx")], routes=_DEAD),
    *(_s(f"retry_policy {on}", slow_requests("/seq/409,200", "/seq/503,200/a", "/seq/close,200/b", "/seq/cut,200/c", "/seq/429;x-envoy-ratelimited=1,200/d", "/seq/200;grpc-status=14,200/e"), retry_policy(retry_on=on)) for on in ("retriable-4xx", "reset", "connect-failure", "refused-stream", "envoy-ratelimited", "unavailable", "cancelled,unavailable", "reset-before-request", "5xx,gateway-error,reset", "nonsense", "5xx, reset")),
    _s("retry_policy num_retries 0", slow_requests("/seq/503,200"), retry_policy(retry_on="5xx", num_retries=0)),
    _s("retry_policy per_try_timeout and a filter's", [with_router_headers("/latency=0.3", "upstream-rq-per-try-timeout-ms 150"), with_router_headers("/latency=0.3", "upstream-rq-per-try-timeout-ms 1000"), with_router_headers("/latency=0.3", "upstream-rq-per-try-timeout-ms 0")], retry_policy(retry_on="gateway-error", per_try_timeout="0.2s", retry_back_off=FAST_BACKOFF)),
    _s("retry_policy with headers of responses", slow_requests("/seq/200;x-again=abc,200", "/seq/200;x-again=xyz,200/a", "/seq/200;x-b=1,200/b"), retry_policy(retry_on="retriable-headers", retriable_headers=[{"name": "x-again", "string_match": {"prefix": "a"}}, {"name": "x-b", "present_match": True}])),
    _s("retry_policy with headers of requests", [with_router_headers("/seq/503,200"), Send("GET", "/seq/503,200/a", headers=[("x-b", "2")], wait=3.0), Send("POST", "/seq/503,200/b", body=b"abc", wait=3.0)], retry_policy(retry_on="5xx", retriable_request_headers=[{"name": ":method", "string_match": {"exact": "POST"}}, {"name": "x-b", "range_match": {"start": 1, "end": 3}}])),
    _s("retry_policy with status codes and 5xx", slow_requests("/seq/404,503,200", "/seq/403,200/a"), retry_policy(retry_on="5xx,retriable-status-codes", num_retries=2, retriable_status_codes=[404, 403], retry_back_off=FAST_BACKOFF)),
    _s("retry_policy of both levels", slow_requests("/seq/503,200", "/seq/404,200/a"), retry_policy(retry_on="retriable-status-codes", retriable_status_codes=[404]), virtual_host={"retry_policy": {"retry_on": "5xx", "num_retries": 3}}),
    _s("retry_policy of the virtual host and a filter's", [with_router_headers("/seq/503,503,200", "max-retries 2"), with_router_headers("/seq/409,200/a", "retry-on retriable-4xx")], {}, virtual_host={"retry_policy": {"retry_on": "5xx"}}),
    _s("retry_policy rate_limited_retry_back_off by UNIX_TIMESTAMP", slow_requests("/seq/503;retry-after=1,200"), retry_policy(retry_on="5xx", rate_limited_retry_back_off={"reset_headers": [{"name": "retry-after", "format": "UNIX_TIMESTAMP"}]})),
    _s("retry_policy rate_limited_retry_back_off without the header", slow_requests("/seq/503,200", "/seq/503;retry-after=x,200/a", "/seq/429;retry-after=1,200/b"), retry_policy(retry_on="5xx", rate_limited_retry_back_off={"reset_headers": [{"name": "retry-after", "format": "SECONDS"}]})),
    _s("bodies that are tried again", [Send(m, f"/seq/503,200/{m}", body=b"abc", wait=3.0) for m in ("POST", "PUT", "PATCH", "DELETE")] + [Send("POST", "/seq/close,200/x", chunks=[b"a", b"b"], wait=3.0), Send("POST", "/seq/503,200/y", chunks=[b"a"], trailers=[("x-t", "1")], wait=3.0)], retry_policy(retry_on="5xx")),
    _s("bodies beyond the buffer", [Send("POST", f"/seq/503,200/{n}", body=b"b" * n, wait=3.0) for n in (999, 1000, 1001)], retry_policy(retry_on="5xx"), limit=1000),
    _s("a filter that buffers, then retries", [Send("POST", "/seq/503,200", chunks=[b"aa", b"bb"], wait=3.0)], retry_policy(retry_on="5xx"), "on_request_body#1: return 1\non_request_body#2: return 1\n" + LOG_TRIES),
    _s("attempt counts", slow_requests("/seq/503,200", "/"), retry_policy(retry_on="5xx"), virtual_host={"include_request_attempt_count": True}),
    _s("attempt counts in the response", [*slow_requests("/seq/503,200", "/seq/503/a"), Send("GET", "/", script="on_request_headers: send_local_response 403 d b _ -1; return 1")], retry_policy(retry_on="5xx"), virtual_host={"include_attempt_count_in_response": True}),
    _s("attempt counts of a client", [_from_client(("x-envoy-attempt-count", "7")), _from_client(("x-envoy-is-timeout-retry", "true"), path="/")], retry_policy(retry_on="5xx"), virtual_host={"include_request_attempt_count": True}),
    _s("include_is_timeout_retry_header", slow_requests("/seq/slow,200", "/seq/503,200/a"), retry_policy(retry_on="5xx", per_try_timeout="0.2s"), virtual_host={"include_is_timeout_retry_header": True}),
    _s("health and canary", [with_router_headers("/seq/503;x-envoy-immediate-health-check-fail=1,200", "retry-on 5xx"), with_router_headers("/seq/200;x-envoy-canary=true,200/a"), with_router_headers("/seq/200;x-envoy-upstream-canary=true,200/b"), with_router_headers("/seq/200;x-envoy-degraded=1,200/c"), with_router_headers("/seq/200;x-envoy-decorator-operation=o,200/d")], {}),
    _s("suppressed headers of the route", [with_router_headers("/", "upstream-rq-timeout-ms 700", "retry-on 5xx", "attempt-count 3", "original-path /x")], {}),
    _s("a slow upload is not timed", [Send("POST", "/", chunks=[b"a"] * 8, wait=3.0)], {"timeout": "0.15s"}),
    _s("max_stream_duration with a timeout", slow_requests("/latency=0.5"), {"timeout": "0.3s", "max_stream_duration": {"max_stream_duration": "1s"}}),
    _s("max_stream_duration with grpc-timeout", [Send("POST", "/latency=0.5", headers=[("grpc-timeout", t), ("content-type", "application/grpc")], wait=3.0) for t in ("100m", "2S", "0m", "x")], {"max_stream_duration": {"grpc_timeout_header_max": "0.3s"}}),
    _s("grpc requests and a timeout", [Send("POST", p, headers=[("content-type", "application/grpc")], wait=3.0) for p in ("/latency=0.5", "/close", "/status=503", "/nobody")], {"timeout": "0.2s"}),
    *(_s(f"max_grpc_timeout {most}, offset {offset}", [*map(_grpc, _ASKED), Send("GET", "/latency=0.6", headers=[("grpc-timeout", "100m")], wait=3.0)], {"max_grpc_timeout": most, **({"grpc_timeout_offset": offset} if offset else {})}) for most, offset in (("0.3s", ""), ("0s", ""), ("1s", "0.2s"), ("0s", "0.2s"), ("0.3s", "0.4s"))),
    _s("grpc_timeout_offset alone", [_grpc("500m"), _grpc("")], {"grpc_timeout_offset": "0.2s", "timeout": "0.3s"}),
    _s("max_grpc_timeout and a filter's timeouts", [_grpc("900m", "application/grpc+proto", script=_own("timeout-ms", 200)), _grpc("900m", script=_own("per-try-timeout-ms", 100)), _grpc("900m", "application/grpc-web")], {"max_grpc_timeout": "2s"}),
    _s("max_grpc_timeout beside max_stream_duration", [_grpc("300m"), _grpc("")], {"max_grpc_timeout": "0.2s", "max_stream_duration": {"max_stream_duration": "0.4s"}}),
    *(_s(f"max_stream_duration and grpc-timeout: {name}", [*map(_grpc, ("", "100m", "500m")), _grpc("500m", "text/plain")], route, hcm={"common_http_protocol_options": {"max_stream_duration": "0.4s"}} if "manager" in name else {}) for name, route in (
        ("a duration", {"max_stream_duration": {"max_stream_duration": "0.4s"}}),
        ("a maximum", {"max_stream_duration": {"grpc_timeout_header_max": "0.3s"}}),
        ("no maximum, an offset", {"max_stream_duration": {"grpc_timeout_header_max": "0s", "grpc_timeout_header_offset": "0.1s"}}),
        ("a maximum and a duration", {"max_stream_duration": {"grpc_timeout_header_max": "0.3s", "max_stream_duration": "0.4s"}}),
        ("no duration", {"max_stream_duration": {"max_stream_duration": "0s"}, "max_grpc_timeout": "0.3s"}),
        ("an empty one", {"max_stream_duration": {}, "max_grpc_timeout": "0.3s"}),
        ("an empty one, the connection manager's", {"max_stream_duration": {}}),
        ("the connection manager's", {"max_grpc_timeout": "0.3s"}),
    )),
]  # fmt: skip
