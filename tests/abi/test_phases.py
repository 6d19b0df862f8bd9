"""The table of phases agrees with Envoy and the simulated proxy: every map and buffer is tried in every callback."""

import re
import subprocess
import sys
from functools import cache

import pytest

from tests.conformance import record
from tests.conformance.catalogue import scenarios
from tests.conformance.scenarios.phases import TRIED, attempts as attempts_in
from tests.foreign.toolchain import scripted_guest
from tests.host.host_kit import scripted, scripted_proxy, wat
from wasmnb.abi import (
    CALLBACKS,
    ENTRY_POINTS,
    HOSTCALLS,
    PHASES,
    REPORTED_BY,
    RESULT_ENUMS,
    START_SECTION,
    AbiVersion,
    BufferType,
    HeaderMapType,
    Kind,
    Result,
    Status,
    availability,
    hostcalls_for,
)
from wasmnb.abi.crashes import CRASHES
from wasmnb.host.contexts.phase_lookups import UNAVAILABLE
from wasmnb.host import Cluster, GrpcReply, GrpcServer, Plugin, Proxy
from wasmnb.messages import Response

M, B = HeaderMapType, BufferType

TCP = ("tcp",)
TCP_ONLY = {c.short for c in CALLBACKS.values() if c.contexts == TCP}

START = (
    "grpc_stream g svc Echo _; grpc_send 6 one 1; http_call c :method=GET&:path=/&:authority=a _ _ 0; "
    "enqueue_shared_queue 1 item; "
)
SETUP = "set_tick_period_milliseconds 500; register_shared_queue q; "
FIRST = {"on_configure": SETUP, "on_request_headers": START}
SCRIPT = "\n".join(f"{name}: {FIRST.get(name, '')}{attempts_in(name)}" for name in sorted(TRIED))


def events_of_http(trailers=()):
    echo = GrpcServer({"/svc/Echo": lambda message: GrpcReply([message], status=0)})
    clusters = {"c": Response(200, body=b"x", trailers=[("x-tr", "1")]), "g": Cluster(echo, http2=True)}
    with scripted_proxy(SCRIPT, clusters=clusters, upstream=Response(200, body=b"body", trailers=trailers)) as proxy:
        proxy.request("POST", "/", body=b"body", trailers=[("x-rt", "1")] if trailers else ())
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
    events = {"trailers": lambda: events_of_http([("x-tr", "1")]), "none": lambda: events_of_http(), "tcp": events_of_tcp}[
        kind
    ]()
    callbacks = {e.seq: e for e in events if e.kind == "callback"}
    resources = ((e, e.args.get("map_type", e.args.get("buffer_type"))) for e in events if e.kind == "hostcall")
    return [
        (callbacks[e.parent].name, bool(callbacks[e.parent].args.get("end_of_stream")), e.name, resource, e.status)
        for e, resource in resources
        if resource is not None and e.args.get("key") != b"x-script"  # read by the scripted guest itself
    ]


def expected(callback, end_of_stream, hostcall, resource, *, connection=False):
    """Return the status that the table and the host's lookups in it give for an attempt."""
    phase = PHASES["on_done" if connection and callback == "on_log" else callback]  # a connection has no maps to log
    if hostcall == "get_header_map_value":
        return Status.OK if resource in phase.reads else phase.missing_map
    if type(resource) is M:
        writable = resource in phase.writes or (end_of_stream and resource in phase.creates)
        return Status.OK if writable else Status.BAD_ARGUMENT
    if resource not in phase.buffers and UNAVAILABLE[resource] is None:
        return Status.NOT_FOUND
    return Status.OK if hostcall == "get_buffer_bytes" or resource in phase.writable_buffers else Status.BAD_ARGUMENT


@pytest.mark.parametrize("callback", sorted({*TRIED} - TCP_ONLY))
def test_hostcalls_of_http_streams_agree_with_the_table(callback):
    tried = [attempt for attempt in attempts("trailers") if attempt[0] == callback]
    assert {resource for *_, resource, _ in tried if type(resource) is M} == set(M)
    assert {resource for *_, resource, _ in tried if type(resource) is B} == set(B)
    assert [attempt for attempt in tried if attempt[4] is not expected(*attempt[:4])] == []


@pytest.mark.parametrize("callback", sorted(TCP_ONLY | {"on_done", "on_log", "on_delete"}))
def test_hostcalls_of_connections_agree_with_the_table(callback):
    tried = [attempt for attempt in attempts("tcp") if attempt[0] == callback]
    assert {resource for *_, resource, _ in tried if type(resource) is M} == set(M)
    assert {resource for *_, resource, _ in tried if type(resource) is B} == set(B)
    assert [attempt for attempt in tried if attempt[4] is not expected(*attempt[:4], connection=True)] == []


def test_trailers_are_created_in_the_last_body_callback():
    created = {(a[0], a[3]) for a in attempts("none") if a[2] == "add_header_map_value" and a[1] and a[4] is Status.OK}
    assert {(p.callback, m) for p in PHASES.values() for m in p.creates} <= created


@pytest.mark.parametrize(
    "callback", [name for name, phase in PHASES.items() if phase.pauses and name.startswith("on_re")]
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


# -- recordings of Envoy ----------------------------------------------------------------------------------------------

_CALLBACK = re.compile(r"\S+ VM\d+ \([^)]*\) (on_\w+)\(([^)]*)\)")
_HOSTCALL = re.compile(r"\S+ VM\d+ \([^)]*\)   (\w+)\((\w+).*\) -> (\w+)")


@cache
def recorded(scenario):
    """Return the attempts of a recorded scenario, in the form of `attempts`."""
    tried, callback, end = [], "", False
    for line in (line for part in record.read("phases")[scenario].parts for line in part.log):
        if entered := _CALLBACK.match(line):
            callback, end = entered[1], entered[2].endswith(" 1")
        elif (called := _HOSTCALL.match(line)) and called[1].endswith(("_value", "_size", "_bytes")):
            resource = getattr(B if "buffer" in called[1] else M, called[2])
            tried.append((callback, end, called[1], resource, Status[called[3]]))
    return tried


MAPS_AND_BUFFERS = [s.name for s in scenarios("phases") if s.name.startswith("maps and buffers")]


@pytest.mark.parametrize("scenario", MAPS_AND_BUFFERS)
def test_envoy_agrees_with_the_table(scenario):
    tried, connection = recorded(scenario), scenario.endswith("of a connection")
    assert [a for a in tried if a[4] is not expected(*a[:4], connection=connection)] == []


def test_envoy_was_recorded_for_every_cell():
    tried = [attempt for name in MAPS_AND_BUFFERS for attempt in recorded(name)]
    maps = ("get_header_map_value", "add_header_map_value", "get_header_map_size")
    cells = {(c, name, m) for c in TRIED for name in maps for m in M}
    cells |= {(c, name, b) for c in TRIED for name in ("get_buffer_bytes", "set_buffer_bytes") for b in B}
    assert {(a[0], a[2], a[3]) for a in tried} == cells
    created = {(a[0], a[3]) for a in tried if a[1] and a[2].startswith("add") and a[4] is Status.OK}
    assert {(p.callback, m) for p in PHASES.values() for m in p.creates} <= created


# -- calls ------------------------------------------------------------------------------------------------------------

#: Hostcalls that control the stream, as statements. Continuing the request is harmless in every callback.
CONTROLS = {
    "proxy_send_local_response": "send_local_response 403 d b _ -1",
    "proxy_close_stream": "close_stream REQUEST",
    "proxy_continue_stream": "continue_stream REQUEST",
    "proxy_continue_request": "continue_request",
}

HTTP = sorted(c.short for c in CALLBACKS.values() if "http" in c.contexts and c.short in {*TRIED, "on_context_create"})
ARGUMENTS = {Kind.BYTES: "x", Kind.PAIRS: "_", Kind.PATH: "nope"}


def statement(hostcall):
    """Return a call with arguments that have no effect."""
    return " ".join([hostcall.short, *(ARGUMENTS.get(param.kind, "0") for param in hostcall.inputs)])


def exchange_of(callback, statements, version=AbiVersion.V0_2_1):
    script = f"{callback}: {'; '.join(statements)}"
    upstream = Response(200, chunks=[b"aa", b"bb"], trailers=[("x-tr", "1")])
    with scripted_proxy(script, upstream=upstream, version=version) as proxy:
        exchange = proxy.request("POST", "/", body=b"body", trailers=[("x-rt", "1")], wait=2.0)
    hostcalls = {e.name for e in exchange.events if e.kind == "hostcall"}
    assert {text.split(" ")[0] for text in statements if not text.startswith("return")} <= hostcalls
    return exchange


@pytest.mark.parametrize("version", [AbiVersion.V0_1_0, AbiVersion.V0_2_1])
@pytest.mark.parametrize("callback", HTTP)
def test_callbacks_can_make_every_call_that_the_table_allows(callback, version):
    apart = {*CONTROLS, "proxy_continue_response", "proxy_set_effective_context"}
    allowed = [h for name, h in hostcalls_for(version).items() if name in PHASES[callback].calls and name not in apart]
    exchange = exchange_of(callback, [*map(statement, allowed), "set_effective_context 0"], version)
    assert (exchange.crash, exchange.failure) == (None, None)


@pytest.mark.parametrize("hostcall", CONTROLS)
@pytest.mark.parametrize("callback", HTTP)
def test_calls_that_the_table_forbids_crash_and_no_others(callback, hostcall):
    version = AbiVersion.V0_2_1 if AbiVersion.V0_2_1 in HOSTCALLS[hostcall].versions else AbiVersion.V0_1_0
    statements = [CONTROLS[hostcall]]
    if (callback, hostcall) == ("on_response_trailers", "proxy_close_stream"):
        statements.append("return 1")  # with Continue it crashes: it depends on the result, `CRASHES["close_own_end"]`
    exchange = exchange_of(f"{callback}#1", statements, version)
    crashes = [c for c in CRASHES.values() if callback in c.callbacks and HOSTCALLS[hostcall].short in c.hostcalls]
    assert (hostcall not in PHASES[callback].calls) == bool(crashes)
    assert exchange.crash is (crashes[0] if crashes else None)


@pytest.mark.parametrize("name", [s.name for s in scenarios("phases") if not s.name.startswith(("maps", "a gRPC"))])
def test_envoy_crashes_on_forbidden_calls_of_http_streams_only(name):
    outcome = record.read("phases")[name]
    crashed = any("Envoy crashed" in line for part in outcome.parts for line in part.client)
    callback, _, call = name.partition(": ")
    assert crashed == (bool(call) and f"proxy_{call.split(' ')[0]}" not in PHASES[callback].calls)


def test_every_forbidden_call_was_recorded():
    forbidden = {(p.callback, name) for p in PHASES.values() for name in set(HOSTCALLS) - p.calls if p.callback in HTTP}
    tried = [s.name.partition(": ") for s in scenarios("phases")]
    assert forbidden <= {(callback, f"proxy_{call.split(' ')[0]}") for callback, _, call in tried}


@pytest.mark.parametrize("entry", ENTRY_POINTS)
@pytest.mark.parametrize("hostcall", ["proxy_log", "proxy_get_current_time_nanoseconds", "proxy_define_metric"])
def test_entry_points_trap_on_calls_that_the_table_forbids(entry, hostcall):
    params, results = (" ".join(f"({word} {kind})" for kind in kinds) for word, kinds in zip(("param", "result"), ENTRY_POINTS[entry], strict=True))
    core = HOSTCALLS[hostcall].core_params
    imports = f'(import "env" "{hostcall}" (func $f {" ".join(f"(param {kind})" for kind in core)} (result i32)))'
    call = f"(drop (call $f {' '.join(f'({kind}.const 0)' for kind in core)}))"
    body = f'(func (export "{entry}") {params} {results} {call} {"(i32.const 0)" if results else ""})'
    if "main" in entry:
        body += '(func (export "_initialize"))'
    if hostcall in PHASES[entry].calls:
        Proxy(wat(body, imports=imports), workers=1).close()
        return
    with pytest.raises(Exception, match="restricted_callback"):
        Proxy(wat(body, imports=imports), workers=1)


def test_only_logging_is_allowed_in_entry_points():
    assert {phase.calls for name, phase in PHASES.items() if name in ENTRY_POINTS} == {frozenset({"proxy_log"})}
    assert PHASES[START_SECTION].calls == frozenset()
    assert PHASES["on_request_headers"].calls == set(HOSTCALLS)


#: The host with another table: other maps, buffers and calls are available.
OTHER_TABLE = """
import dataclasses, sys
from wasmnb.abi import PHASES, BufferType as B, HeaderMapType as M, Status
def change(name, **fields):
    PHASES[name] = dataclasses.replace(PHASES[name], **fields)
def change_buffer(name, kind):
    change(name, buffers=frozenset({B.VM_CONFIGURATION, kind}), writable_buffers=frozenset({kind}))
change("on_request_headers", reads=frozenset({M.RESPONSE_HEADERS}), writes=frozenset({M.RESPONSE_HEADERS}))
change("on_log", reads=frozenset({M.REQUEST_TRAILERS}), missing_map=Status.UNIMPLEMENTED)
change_buffer("on_request_body", B.DOWNSTREAM_DATA)
change_buffer("on_downstream_data", B.HTTP_REQUEST_BODY)
from wasmnb import Filter, Proxy
with Proxy(Filter.from_file(sys.argv[1]), config=sys.argv[2], workers=1) as proxy:
    exchange = proxy.request("POST", "/", body=b"b", trailers=[("t", "1")])
calls = [e for e in exchange.events if e.kind == "hostcall" and e.name != "log" and e.args.get("key") != b"x-script"]
print(*(e.status.name for e in calls))
"""


def test_host_reads_the_table():
    script = """on_request_headers: get_header_map_value REQUEST_HEADERS :method; add_header_map_value RESPONSE_HEADERS a b
on_request_body: set_buffer_bytes HTTP_REQUEST_BODY 0 0 x; set_buffer_bytes DOWNSTREAM_DATA 0 0 x
on_log: get_header_map_value REQUEST_HEADERS :method; get_header_map_value REQUEST_TRAILERS t"""
    command = [sys.executable, "-c", OTHER_TABLE, str(scripted_guest()), script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["BAD_ARGUMENT", "OK", "BAD_ARGUMENT", "OK", "UNIMPLEMENTED", "OK"]


def test_every_callback_and_entry_point_has_a_phase():
    assert list(PHASES) == [*(c.short for c in CALLBACKS.values()), *ENTRY_POINTS, START_SECTION]
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
