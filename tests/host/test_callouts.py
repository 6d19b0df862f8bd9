"""HTTP and gRPC callouts, timeouts, ticks and queues."""

import pytest

from tests.host.host_kit import calls, said, scripted, scripted_proxy
from wasmnb.abi import Status
from wasmnb.errors import UsageError
from wasmnb.host import Cluster, GrpcReply, GrpcServer, Plugin, Proxy
from wasmnb.messages import Response

RESUME = "on_http_call_response: get_header_map_value HTTP_CALL_RESPONSE_HEADERS :status; set_effective_context stream; continue_stream REQUEST"


def calling(cluster="c", timeout=0, path="/x"):
    return f"on_request_headers: http_call {cluster} :method=GET&:path={path}&:authority=a _ _ {timeout}; return 1\n{RESUME}"


def status_of(exchange):
    reads = [e for e in exchange.events if e.name == "get_header_map_value" and e.args["key"] == b":status"]
    return reads[0].result


@pytest.mark.parametrize(
    ("upstream", "timeout", "status", "state", "seconds"),
    [
        (Response(201, latency=0.5), 0, b"201", "answered", 0.5),
        (Response(200, latency=5), 100, b"504", "timeout", 0.1),
        (Cluster(alive=False), 0, b"503", "failed", 0.0),
        (Response(0, reset=True), 0, b"503", "failed", 0.0),
        (lambda request: Response(207, body=request.path.encode()), 0, b"207", "answered", 0.0),
    ],
)
def test_callout_response_continues_the_request(upstream, timeout, status, state, seconds):
    with scripted_proxy(calling(timeout=timeout), clusters={"c": upstream}) as proxy:
        exchange = proxy.get("/")
        assert (exchange.state, status_of(exchange)) == ("done", status)
        assert exchange.duration == pytest.approx(seconds)
        assert [c.state for c in exchange.callouts] == [state]
        headers = exchange.callouts[0].request.headers
        assert headers.get("x-envoy-internal") == "true"
        assert headers.get("x-envoy-expected-rq-timeout-ms") == (str(timeout) if timeout else None)


def test_reset_after_the_headers_delivers_an_empty_response():
    script = "on_request_headers: http_call c :method=GET&:path=/&:authority=a _ _ 0; return 1\non_http_call_response: get_status; set_effective_context stream; continue_stream REQUEST"
    with scripted_proxy(script, clusters={"c": Response(200, body=b"abc", reset=True)}) as proxy:
        exchange = proxy.get("/")
        assert "on_http_call_response(1, 4, 0, 0, 0)" in calls(exchange)
        assert "  get_status() -> OK code=11 n=5 [reset]" in said(exchange)


def test_call_outlives_its_stream_and_ends_with_its_root():
    script = "on_log: http_call c :method=GET&:path=/&:authority=a _ _ 0"
    with scripted_proxy(script, clusters={"c": Response(latency=1)}) as proxy:
        exchange = proxy.get("/")
        assert [c.state for c in proxy.callouts] == ["pending"]
        proxy.advance(2)
        assert [c.state for c in exchange.callouts] == ["answered"]
        proxy.get("/")
    assert [c.state for c in proxy.callouts] == ["answered", "cancelled"]


def test_exception_in_an_upstream_function_reaches_the_caller_and_leaves_the_proxy_usable():
    def broken(request):
        raise LookupError("no such thing")

    with scripted_proxy(upstream=broken) as proxy:
        with pytest.raises(LookupError):
            proxy.get("/")
        assert proxy.exchanges[-1].done
        proxy.clusters["upstream"].upstream = Response(200)
        assert proxy.get("/").response.status == 200
    with (
        scripted_proxy(upstream=lambda request: object()) as proxy,
        pytest.raises(UsageError, match="must return a Response"),
    ):
        proxy.get("/")


GRPC = GrpcServer(
    {
        "/svc/Say": lambda message: b"re:" + message,
        "/svc/Fail": lambda message: GrpcReply(status=5, message="not here"),
        "/svc/Echo": lambda message: GrpcReply([b"echo:" + message], status=0 if message == b"bye" else None),
    }
)


@pytest.mark.parametrize(
    ("method", "callback"),
    [("Say", "on_grpc_receive(1, 5, 5)"), ("Fail", "on_grpc_close(1, 5, 5)"), ("Nope", "on_grpc_close(1, 5, 12)")],
)
def test_unary_grpc_call_runs_one_callback(method, callback):
    script = f"""on_request_headers: grpc_call g svc {method} _ hi 1000; return 1
on_grpc_receive: set_effective_context stream; continue_stream REQUEST
on_grpc_close: set_effective_context stream; continue_stream REQUEST"""
    with scripted_proxy(script, clusters={"g": Cluster(GRPC, http2=True)}) as proxy:
        exchange = proxy.get("/")
        assert exchange.state == "done"
        assert [c for c in calls(exchange) if "grpc" in c] == [callback]


def test_grpc_stream_carries_messages_in_both_directions():
    script = """on_request_headers: grpc_stream g svc Echo _; grpc_send 6 one 0; return 1
on_grpc_receive#1: grpc_send 6 bye 0
on_grpc_close: set_effective_context stream; continue_stream REQUEST"""
    with scripted_proxy(script, clusters={"g": Cluster(GRPC, http2=True)}) as proxy:
        exchange = proxy.get("/")
        names = [c.split("(")[0] for c in calls(exchange) if "grpc" in c]
        assert names == [
            "on_grpc_receive_initial_metadata",
            "on_grpc_receive",
            "on_grpc_receive",
            "on_grpc_receive_trailing_metadata",
            "on_grpc_close",
        ]
        assert exchange.callouts[0].messages == [b"one", b"bye"]


def test_grpc_request_gets_a_grpc_local_reply():
    headers = [("content-type", "application/grpc"), ("te", "trailers")]
    script = "on_request_headers: send_local_response 403 d denied _ -1"
    with scripted_proxy(script) as proxy:
        exchange = proxy.post("/svc/Say", headers, b"", http2=True)
        assert exchange.response.status == 200
        assert exchange.response.headers.get("grpc-status") == "7"
        assert exchange.response.headers.get("grpc-message") == "denied"


# -- time -----------------------------------------------------------------------------------------------------------


def test_ticks_run_on_the_main_thread_and_every_worker():
    with scripted_proxy("on_configure: set_tick_period_milliseconds 1000", workers=3) as proxy:
        proxy.advance(2.5)
        ticks = [(e.thread, round(e.time, 3)) for e in proxy.trace if e.name == "on_tick"]
        assert sorted(set(ticks)) == sorted(
            (t, s) for t in ("main", "worker-1", "worker-2", "worker-3") for s in (1.0, 2.0)
        )


def test_wall_clock_is_virtual():
    with scripted_proxy("on_request_headers: get_current_time_nanoseconds", start_time=1000.0) as proxy:
        proxy.advance(5)
        exchange = proxy.get("/")
        assert [e.result for e in exchange.events if e.name == "get_current_time_nanoseconds"] == [1005 * 10**9]
        assert exchange.response.headers.get("date") == "Thu, 01 Jan 1970 00:16:45 GMT"


@pytest.mark.parametrize(
    ("options", "seconds", "text"),
    [({"idle_timeout": 3}, 3, "stream timeout"), ({"request_timeout": 2}, 2, "request timeout")],
)
def test_timeouts_reply_for_a_stream_that_a_filter_holds(options, seconds, text):
    with scripted_proxy("on_request_headers: return 1", **options) as proxy:
        exchange = proxy.post("/", body=b"x")
        assert (exchange.response.status, exchange.response.text) == (504, text)
        assert exchange.duration == pytest.approx(seconds)


def test_route_timeout_replies_for_a_slow_upstream():
    with scripted_proxy(upstream=Response(latency=100)) as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, exchange.response.text, exchange.duration) == (504, "upstream request timeout", 15.0)


def test_queue_notifies_the_last_vm_that_registered_it_in_a_separate_event():
    script = "on_configure: register_shared_queue q\non_request_headers: enqueue_shared_queue 1 item\non_queue_ready: dequeue_shared_queue 1"
    with scripted_proxy(script, workers=2) as proxy:
        proxy.get("/", worker=1)
        ready = [e for e in proxy.trace if e.name == "on_queue_ready"]
        assert [(e.thread, e.args["token"]) for e in ready] == [("worker-2", 1)]
        taken = [e for e in proxy.trace if e.name == "dequeue_shared_queue"]
        assert [(e.status, e.result) for e in taken] == [(Status.OK, b"item")]


def test_slow_filter_delays_later_requests_of_its_worker_only():
    with scripted_proxy(workers=2, guest_time=0.1) as proxy:
        first = proxy.open("GET", "/", end=True, worker=1).exchange
        assert proxy.get("/", worker=2).duration < first.duration + 0.2
    with Proxy(Plugin(scripted()), workers=1, guest_time=0.1) as proxy:
        thread = proxy.workers[0].thread
        before = thread.time
        proxy.get("/")
        assert thread.time - before == pytest.approx(0.1 * 6)  # create, two headers callbacks, log, done, delete
