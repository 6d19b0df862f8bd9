"""The table of phases says what the simulated Envoy does: every map and buffer is tried in every callback."""

from functools import cache

import pytest

from tests.host.host_kit import scripted, scripted_proxy
from wasmnb.abi import (
    CALLBACKS,
    ENTRY_POINTS,
    HOSTCALLS,
    PHASES,
    REPORTED_BY,
    RESULT_ENUMS,
    BufferType,
    HeaderMapType,
    Result,
    Status,
    availability,
    buffer_read_status,
    buffer_write_status,
    map_read_status,
    map_write_status,
)
from wasmnb.host import Cluster, GrpcReply, GrpcServer, Plugin, Proxy
from wasmnb.messages import Response

M, B = HeaderMapType, BufferType

#: A name that each map has in the exchanges below.
KNOWN = {
    M.REQUEST_HEADERS: ":method", M.REQUEST_TRAILERS: "t", M.RESPONSE_HEADERS: ":status", M.RESPONSE_TRAILERS: "t",
    M.GRPC_RECEIVE_INITIAL_METADATA: ":status", M.GRPC_RECEIVE_TRAILING_METADATA: "grpc-status",
    M.HTTP_CALL_RESPONSE_HEADERS: ":status", M.HTTP_CALL_RESPONSE_TRAILERS: "t",
}  # fmt: skip

#: Reads before writes: writing trailers creates them.
ATTEMPTS = "; ".join(
    [
        *(f"get_header_map_value {m.name} {name}" for m, name in KNOWN.items()),
        *(f"get_buffer_bytes {b.name} 0 100" for b in B),
        *(f"set_buffer_bytes {b.name} 0 0 _" for b in B),
        *(f"get_header_map_size {m.name}; add_header_map_value {m.name} a b" for m in M),
    ]
)

TRIED = sorted(set(PHASES) - set(ENTRY_POINTS) - {
    "on_context_create", "on_vm_start",  # the scripted guest has no script yet
    "on_foreign_function", "on_request_metadata", "on_response_metadata", "on_stats_update",  # never called here
})  # fmt: skip

TCP_ONLY = {name for name, c in ((c.short, c) for c in CALLBACKS.values()) if c.contexts == ("tcp",)}

START = (
    "grpc_stream g svc Echo _; grpc_send 6 one 1; http_call c :method=GET&:path=/&:authority=a _ _ 0; "
    "enqueue_shared_queue 1 item; "
)
SETUP = "set_tick_period_milliseconds 500; register_shared_queue q; "
FIRST = {"on_configure": SETUP, "on_request_headers": START}
SCRIPT = "\n".join(f"{name}: {FIRST.get(name, '')}{ATTEMPTS}" for name in TRIED)


def events_of_http(trailers=()):
    echo = GrpcServer({"/svc/Echo": lambda message: GrpcReply([message], status=0)})
    clusters = {"c": Response(200, body=b"x", trailers=[("t", "1")]), "g": Cluster(echo, http2=True)}
    with scripted_proxy(SCRIPT, clusters=clusters, upstream=Response(200, body=b"body", trailers=trailers)) as proxy:
        proxy.request("POST", "/", body=b"body", trailers=trailers)
        proxy.advance(1)
    return list(proxy.trace)


def events_of_tcp():
    with Proxy(Plugin(scripted(), config=SCRIPT, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send(b"hello")
        connection.end()
    return list(proxy.trace)


@cache
def attempts(kind):
    """Return [(callback, end_of_stream, hostcall, resource, status)] of every attempt, by kind of exchange.

    Trailers that a body callback creates stay available, so streams with trailers are kept apart from those without.
    """
    events = {"trailers": lambda: events_of_http([("t", "1")]), "none": lambda: events_of_http(), "tcp": events_of_tcp}[
        kind
    ]()
    callbacks = {e.seq: e for e in events if e.kind == "callback"}
    resources = ((e, e.args.get("map_type", e.args.get("buffer_type"))) for e in events if e.kind == "hostcall")
    return [
        (callbacks[e.parent].name, bool(callbacks[e.parent].args.get("end_of_stream")), e.name, resource, e.status)
        for e, resource in resources
        if resource is not None and e.args.get("key") != b"x-script"  # which the guest asks for by itself
    ]


def expected(callback, end_of_stream, hostcall, resource):
    return {
        "get_header_map_value": lambda: map_read_status(callback, resource),
        "add_header_map_value": lambda: map_write_status(callback, resource, end_of_stream=end_of_stream),
        "get_header_map_size": lambda: map_write_status(callback, resource, end_of_stream=end_of_stream),
        "get_buffer_bytes": lambda: buffer_read_status(callback, resource),
        "set_buffer_bytes": lambda: buffer_write_status(callback, resource),
    }[hostcall]()


@pytest.mark.parametrize("callback", sorted({*TRIED} - TCP_ONLY))
def test_hostcalls_of_http_streams_agree_with_the_table(callback):
    tried = [attempt for attempt in attempts("trailers") if attempt[0] == callback]
    assert {resource for *_, resource, _ in tried if type(resource) is M} == set(M)
    assert {resource for *_, resource, _ in tried if type(resource) is B} == set(B)
    assert [attempt for attempt in tried if attempt[4] is not expected(*attempt[:4])] == []


@pytest.mark.parametrize("callback", sorted(TCP_ONLY))
def test_hostcalls_of_connections_agree_with_the_table(callback):
    tried = [attempt for attempt in attempts("tcp") if attempt[0] == callback]
    assert {resource for *_, resource, _ in tried if type(resource) is B} == set(B)
    assert [attempt for attempt in tried if attempt[4] is not expected(*attempt[:4])] == []


def test_trailers_are_created_in_the_last_body_callback():
    created = {(a[0], a[3]) for a in attempts("none") if a[2] == "add_header_map_value" and a[1] and a[4] is Status.OK}
    assert {(p.callback, m) for p in PHASES.values() for m in p.creates} <= created


@pytest.mark.parametrize(
    "callback", [name for name, phase in PHASES.items() if phase.holds and name.startswith("on_re")]
)
def test_stop_keeps_the_maps_and_buffers_of_its_callback(callback):
    phase = PHASES[callback]
    attempts = [f"get_header_map_size {m.name}" for m in phase.writes]
    attempts += [f"set_buffer_bytes {b.name} 0 0 _" for b in phase.writable_buffers]
    trailers = [("t", "1")] if "trailers" in callback else []
    script = f"""on_configure: set_tick_period_milliseconds 10
{callback}: return 1
on_tick: set_effective_context stream; {"; ".join(attempts)}"""
    with scripted_proxy(script, upstream=Response(200, body=b"b", trailers=trailers)) as proxy:
        proxy.request("POST", "/", body=b"b", trailers=trailers, wait=0.05)
        events = list(proxy.trace)
    for attempt in attempts:
        assert Status.OK in {e.status for e in events if e.name == attempt.split(" ")[0]}


def test_only_logging_is_allowed_in_entry_points():
    assert {phase.calls for name, phase in PHASES.items() if name in ENTRY_POINTS} == {frozenset({"proxy_log"})}
    assert PHASES["on_request_headers"].calls == set(HOSTCALLS)
    assert "proxy_send_local_response" not in PHASES["on_log"].calls


def test_every_callback_and_entry_point_has_a_phase():
    assert list(PHASES) == [*(c.short for c in CALLBACKS.values()), *ENTRY_POINTS]
    results = {c.short: RESULT_ENUMS.get(c.result) for c in CALLBACKS.values()}
    assert {name: phase.returns for name, phase in PHASES.items() if name in results} == results
    assert set(RESULT_ENUMS) < set(Result)


def test_results_of_hostcalls_are_reported_by_callbacks_that_exist():
    assert {f"proxy_{name}" for name in REPORTED_BY} <= set(HOSTCALLS)
    assert {f"proxy_{name}" for names in REPORTED_BY.values() for name in names} <= set(CALLBACKS)


@pytest.mark.parametrize(
    ("resource", "write", "text"),
    [
        (M.REQUEST_HEADERS, False, "in on_request_headers, while the stream is paused there, and in on_log"),
        (M.REQUEST_HEADERS, True, "in on_request_headers and while the stream is paused there"),
        (
            M.RESPONSE_TRAILERS,
            True,
            "in on_response_trailers, while the stream is paused there, and at the end of on_response_body",
        ),
        (M.HTTP_CALL_RESPONSE_HEADERS, True, ""),
        (B.PLUGIN_CONFIGURATION, False, "in on_configure"),
        (B.VM_CONFIGURATION, False, "in every callback"),
        (B.VM_CONFIGURATION, True, ""),
        (B.HTTP_REQUEST_BODY, True, "in on_request_body and while the stream is paused there"),
    ],
)
def test_availability_names_the_callbacks(resource, write, text):
    assert availability(resource, write=write) == text


def test_availability_uses_the_readers_names():
    assert availability(B.PLUGIN_CONFIGURATION, name=lambda _: "on_plugin_start") == "in on_plugin_start"
