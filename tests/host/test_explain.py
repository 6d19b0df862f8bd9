"""Explanations of streams that wait, of failures, and of bad statuses."""

import pytest

from tests.host.host_kit import scripted_proxy, wat
from wasmnb import Filter
from wasmnb.abi import CALLBACKS, HOSTCALLS, STATUS_CAUSES, Status
from wasmnb.errors import UsageError
from wasmnb.host import Cluster, Proxy, RouteMatch
from wasmnb.host.inspect.status_causes import ARGUMENTS, EXACT_CAUSES
from wasmnb.messages import Response


def test_stream_that_nothing_continues_is_explained():
    with scripted_proxy("on_request_headers: return 1") as proxy:
        exchange = proxy.get("/")
        assert (exchange.state, exchange.paused) == ("paused", "request paused by plug")
        text = str(proxy.explain(exchange))
        assert "plug (context 2, VM4, worker-1) holds the request" in text
        assert "on_request_headers returned 1 (STOP_ITERATION)" in text
        assert "Nothing is pending" in text
        assert "After 300 s Envoy responds with 504" in text


def test_stream_that_waits_for_a_callout_or_a_tick_is_explained():
    script = "on_request_headers: http_call c :method=GET&:path=/&:authority=a _ _ 0; return 1"
    with scripted_proxy(script, clusters={"c": Cluster(Response(latency=100))}) as proxy:
        exchange = proxy.get("/", wait=1)
        assert "It waits for call 4 to c" in str(proxy.explain(exchange.number))
    with scripted_proxy("on_request_headers: set_tick_period_milliseconds 500; return 1") as proxy:
        assert "ticks every 0.5 s" in str(proxy.explain(proxy.get("/", wait=0.1)))


def test_failed_filter_is_explained_with_its_cause():
    with Proxy(
        wat('(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)'), workers=1
    ) as proxy:
        text = str(proxy.explain(proxy.get("/")))
        assert "proxy_on_request_headers failed on context 2: Uncaught RuntimeError: unreachable" in text
        later = str(proxy.explain(proxy.get("/")))
        assert "The VM failed in exchange 1" in later


def explained(script, *request, **options):
    """Send a request through a scripted filter, and return the exchange and its explanation."""
    with scripted_proxy(script, **options) as proxy:
        exchange = proxy.request(*request)
        return exchange, str(proxy.explain(exchange))


def test_exceeded_buffer_limit_is_explained():
    exchange, text = explained("on_request_body: return 1", "POST", "/", [], b"x" * 300, buffer_limit=100)
    assert exchange.response.status == 413
    assert "paused the request's body until it exceeded the buffer limit" in text
    upstream = Response(200, body=b"x" * 300)
    exchange, text = explained("on_response_body: return 1", "GET", "/", upstream=upstream, buffer_limit=100)
    assert "paused the response's body until it exceeded the buffer limit" in text


def test_removed_scheme_is_explained():
    exchange, text = explained("on_request_headers: remove_header_map_value REQUEST_HEADERS x-forwarded-proto", "GET", "/")
    assert exchange.response.status == 404
    assert "removed x-forwarded-proto" in text


def test_local_response_after_the_headers_is_explained():
    exchange, text = explained(
        "on_response_body: send_local_response 500 _ no _ -1", "GET", "/", upstream=Response(200, body=b"yes")
    )
    assert exchange.response.reset
    assert "sent a local response after the client had received the response's headers" in text


def test_exception_after_a_wait_is_explained():
    waits = Filter.from_source("""
class Waits(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await self.http_call("c", path="/", timeout=1)
""")
    with Proxy(waits, workers=1, clusters={"c": Cluster(alive=False)}) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 503
        lines = str(proxy.explain(exchange)).splitlines()
    assert lines[0] == "Exchange 1 is done: the client got status 503, wasm_fail_stream."
    assert lines[1].startswith(
        "An exception ended this stream, and the VM keeps running: wasmnb.sdk.errors.CalloutUnreachable: "
    )


@pytest.mark.parametrize(("header", "value"), [(":path", ""), (":path", "/elsewhere"), (":path", "known")])
def test_target_that_no_route_matches_is_explained(header, value):
    source = f"class H(HttpContext):\n    def on_http_request_headers(self, n, e): self.request_headers[{header!r}] = {value!r}\n"
    routes = [RouteMatch(prefix="/known")]
    with Proxy(Filter.native(source), workers=1, routes=routes) as proxy:
        exchange = proxy.get("/known")
        assert (exchange.response.status, exchange.details) == (404, "route_not_found")
        assert f"A filter has set {header} to {value!r}, and no route matches this request." in str(proxy.explain(exchange))


def test_removed_path_is_explained():
    source = "class H(HttpContext):\n    def on_http_request_headers(self, n, e): del self.request_headers[':path']\n"
    with Proxy(Filter.native(source), workers=1) as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, exchange.details) == (404, "route_not_found")
        assert "A filter has removed :path, and no route matches a request without it." in str(proxy.explain(exchange))


def test_exception_that_cuts_a_response_short_is_explained():
    source = "class H(HttpContext):\n    def on_http_response_body(self, n, e): self.response.body = self.response.body.text\n"
    with Proxy(Filter.native(source), workers=1, upstream=Response(200, body=b"\x89PNG\0\1")) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.reset
        assert "An exception ended this stream, and the VM keeps running: wasmnb.sdk.errors.ContentError" in str(
            proxy.explain(exchange)
        )


def test_message_of_several_lines_is_explained_completely():
    source = "class H(HttpContext):\n    def on_http_request_headers(self, n, e): raise KeyError\n"
    source = source.replace("KeyError", "ValueError('a\\nsecond line')")
    with Proxy(Filter.native(source), workers=1) as proxy:
        exchange = proxy.get("/")
        assert exchange.failure.reason.startswith("ValueError: a\nsecond line")
        assert str(exchange.failure.error()).startswith("proxy_on_request_headers failed: ValueError: a\nsecond line")
        assert "ValueError: a\nsecond line" in str(proxy.explain(exchange))


def test_ordinary_errors_have_no_further_explanation():
    _, text = explained("on_request_headers: send_local_response 403 _ no _ -1", "GET", "/")
    assert "A filter" not in text


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        ("http_call nope _ _ _ 0", "http_call: 2 BAD_ARGUMENT: there is no cluster 'nope'"),
        ("http_call upstream :method=GET&:path=/ _ _ 0", "http_call: 2 BAD_ARGUMENT: `:authority` is missing"),
        ("get_property request/nope", "request has no attribute 'nope'"),
        ("get_property request", "is a group of attributes"),
        ("get_header_map_value RESPONSE_HEADERS :status", "it can be read in on_response_headers"),
        ("resolve_shared_queue _ q", "no VM of this vm_id has registered the queue ('q')"),
        ("dequeue_shared_queue 7", "the queue doesn't exist (token 7)"),
        ("call_foreign_function nope _", "no foreign function of this name ('nope'; it has "),
        ("grpc_call nope s m _ _ 0", "no cluster with this name ('nope', "),
        ("set_effective_context 99", "or this VM has no such context (context 99)"),
        ("get_shared_data nope", "nothing has been stored under this key ('nope')"),
        ("log 9 text", "the log level must be between 0 (trace) and 5 (critical)"),
    ],
)
def test_bad_status_is_decoded_into_its_cause(call, cause):
    with scripted_proxy(f"on_request_headers: {call}") as proxy:
        proxy.get("/")
        assert cause in "\n".join(proxy.explain().causes)


def test_causes_name_existing_hostcalls():
    short = {h.short for h in HOSTCALLS.values()}
    assert {name for name, _ in (*EXACT_CAUSES, *STATUS_CAUSES)} <= short
    assert all(isinstance(status, Status) for _, status in (*EXACT_CAUSES, *STATUS_CAUSES))
    assert set(ARGUMENTS) <= set(STATUS_CAUSES)
    assert not set(ARGUMENTS) & set(EXACT_CAUSES)
    assert CALLBACKS


def test_unknown_exchange_is_a_usage_error():
    with scripted_proxy() as proxy, pytest.raises(UsageError, match="no exchange"):
        proxy.explain()


WAITS_FOR_BODY = "on_{0}_headers: return 1\non_{0}_body: return 1"


@pytest.mark.parametrize("direction", ["request", "response"])
def test_paused_headers_that_keep_their_body_back_are_explained(direction):
    with scripted_proxy(WAITS_FOR_BODY.format(direction)) as proxy:
        text = str(proxy.explain(proxy.post("/", body=b"abc")))
        assert f"Envoy delivers no body while the headers are paused, so that on_{direction}_body is not called" in text
        assert "set allow_on_headers_stop_iteration (%%wasmfilter --hold-headers)" in text


def test_wait_for_the_body_of_a_message_without_one_is_explained():
    with scripted_proxy(WAITS_FOR_BODY.format("request")) as proxy:
        assert "The request has no body: on_request_body is not called" in str(proxy.explain(proxy.get("/")))


def test_paused_headers_of_a_filter_without_body_callbacks_are_explained_without_the_body():
    code = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))'
    with Proxy(wat(code), workers=1) as proxy:
        assert "body" not in str(proxy.explain(proxy.post("/", body=b"abc")))


def test_explanation_of_a_stream_that_waits_for_a_queue_names_the_queue():
    from wasmnb import Filter

    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await register_queue("jobs").get()
"""
    with Proxy(Filter.native(source, "f"), workers=1) as proxy:
        exchange = proxy.get("/", wait=1.0)
        assert "At the next item of the queue jobs, on_queue_ready can call" in str(proxy.explain(exchange))
