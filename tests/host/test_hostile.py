"""Hostile modules do not harm the host: random arguments, endless loops, memory growth, broken allocators."""

import os
import signal
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.host.host_kit import FRAME, Raw, wat
from wasmnb.abi import HOSTCALLS, AbiVersion, HeaderMapType, Status, hostcalls_for
from wasmnb.errors import FilterTrap, ModuleError
from wasmnb.host import Cluster, Proxy
from wasmnb.host.vm.callback_entry import make_entry
from wasmnb.host.trace.records import CallbackSchema

IMPORTS = hostcalls_for(AbiVersion.V0_2_1)
PAGE = 65536
MEMORY = 2 * PAGE

#: Statuses that a hostcall may return.
STATUSES = set(Status)


def forwarder() -> Raw:
    """Return a module that exports a function for every hostcall, with its parameters. It pauses every stream."""
    imports, exports = [], []
    for name, call in IMPORTS.items():
        kinds = " ".join(call.core_params)
        gets = " ".join(f"(local.get {i})" for i in range(len(call.core_params)))
        imports.append(f'(import "env" "{name}" (func ${name} (param {kinds}) (result i32)))')
        exports.append(f'(func (export "call_{name}") (param {kinds}) (result i32) (call ${name} {gets}))')
    pause = '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))'
    body = '(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 1))'
    return wat("\n".join([*exports, pause, body]), imports="\n".join(imports), name="forwarder")


@pytest.fixture(scope="module")
def bench():
    clusters = {"c": Cluster(), "dead": Cluster(alive=False), "empty": Cluster(endpoints=0)}
    with Proxy(forwarder(), workers=1, guest_time=0.0, clusters=clusters, trace_limit=1000) as proxy:
        yield proxy


def call(vm, context, name, *args):
    """Make a hostcall as the guest does, in its own entry."""
    function = vm.instance.function(f"call_{name}")
    return make_entry(vm, name, CallbackSchema(name), function)(context, *args)


numbers = st.one_of(
    st.integers(0, 16),
    st.integers(0, MEMORY + 16),
    st.sampled_from([MEMORY - 1, MEMORY, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0]),
    st.integers(0, 0xFFFFFFFF),
)
wide = st.one_of(st.integers(0, 16), st.sampled_from([1 << 63, (1 << 64) - 1]), st.integers(0, (1 << 64) - 1))


def arguments(name):
    return st.tuples(*(numbers if kind == "i32" else wide for kind in IMPORTS[name].core_params))


calls = st.sampled_from(sorted(IMPORTS)).flatmap(lambda name: st.tuples(st.just(name), arguments(name)))


def survives(proxy, sequence, memory):
    stream = proxy.open("POST", "/x", headers=[("a", "b")])
    handle = proxy.workers[0].http_plugins[0]
    vm = handle.root.vm
    vm.guest.view[0 : len(memory)] = memory
    context = next(iter(handle.root.streams.values()), handle.root)
    for at, (name, args) in enumerate(sequence):
        target = vm.contexts.get(context.id, handle.root) if at % 3 else handle.root
        status = call(vm, target, name, *args)
        assert not vm.failed
        assert status in STATUSES or status == 255  # 255: a local response overrides the result
        proxy.loop.settle()
    handle.root.set_tick_period(0)
    if not stream.exchange.done:
        stream.reset()
    proxy.advance(1.0)


@settings(max_examples=3 * settings.default.max_examples, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(calls, min_size=1, max_size=8), memory=st.binary(max_size=200))
def test_random_hostcall_arguments_do_not_crash(bench, sequence, memory):
    survives(bench, sequence, memory)


#: Sequences that are tried; `make attack` tries more.
EXAMPLES = int(os.environ.get("WASMNB_EXAMPLES", "500"))


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(calls, min_size=1, max_size=12), memory=st.binary(max_size=400))
def test_random_hostcall_sequences_do_not_crash(bench, sequence, memory):
    survives(bench, sequence, memory)


@pytest.mark.parametrize("name", sorted(n for n, h in IMPORTS.items() if any(len(p.kind.core) == 2 for p in h.inputs)))
def test_range_outside_memory_returns_invalid_memory_access(bench, name):
    vm = bench.workers[0].http_plugins[0].root.vm
    args = []
    for param in HOSTCALLS[name].params:
        args += (
            [MEMORY - 4, 8] if len(param.kind.core) == 2 and not param.kind.is_output else [0] * len(param.kind.core)
        )
    assert call(vm, vm.vm_context, name, *args) == Status.INVALID_MEMORY_ACCESS


def test_result_pointer_outside_memory_returns_invalid_memory_access(bench):
    vm = bench.workers[0].http_plugins[0].root.vm
    assert call(vm, vm.vm_context, "proxy_get_current_time_nanoseconds", MEMORY - 4) == Status.INVALID_MEMORY_ACCESS
    assert call(vm, vm.vm_context, "proxy_get_log_level", 0xFFFFFFFF) == Status.INVALID_MEMORY_ACCESS
    # the range ends exactly where the memory ends
    assert call(vm, vm.vm_context, "proxy_get_current_time_nanoseconds", MEMORY - 8) == Status.OK


def spinning(callback="proxy_on_request_headers", params="i32 i32 i32", result="(result i32)"):
    body = (
        f'(func (export "{callback}") (param {params}) {result} (loop $l (br $l)) {"(i32.const 0)" if result else ""})'
    )
    return wat(body)


def test_endless_loop_is_stopped_at_the_deadline():
    with Proxy(spinning(), workers=2, deadline=0.3) as proxy:
        exchange = proxy.get("/", worker=1)
        assert (exchange.response.status, exchange.state) == (503, "failed")
        assert "deadline" in exchange.failure.message
        assert proxy.get("/", worker=1).response.status == 503  # its VM stays failed
        assert proxy.state == "failed"


def test_endless_loop_at_start_raises_filter_trap():
    with pytest.raises(FilterTrap, match="deadline") as caught:
        Proxy(spinning("proxy_on_configure", "i32 i32"), workers=1, deadline=0.3)
    assert caught.value.callback == "proxy_on_configure"


def test_interrupt_stops_the_guest_and_the_proxy_stays_usable():
    with Proxy(spinning(), workers=2, deadline=20) as proxy:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.4, lambda: signal.raise_signal(signal.SIGINT)).start()
            proxy.get("/", worker=1)
        last = proxy.exchanges[-1]
        assert last.state == "failed"
        assert "KeyboardInterrupt" in last.failure.message
        assert proxy.get("/", worker=1).response.status == 503
        proxy.advance(1)
        assert proxy.tree().find("thread")


def test_endless_hostcalls_keep_the_trace_bounded():
    loop = """
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (loop $l (drop (call $time (i32.const 0))) (br $l)) (i32.const 0))"""
    imports = '(import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))'
    with Proxy(wat(loop, imports=imports), workers=1, deadline=0.5, trace_limit=500) as proxy:
        assert proxy.get("/").state == "failed"
        assert len(proxy.trace) == 500
        assert proxy.trace.dropped > 0


def test_growth_beyond_the_memory_limit_fails_in_the_guest():
    grow = """
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.ne (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable)) (i32.const 0))"""
    with Proxy(wat(grow), workers=1, memory_limit=1 << 20) as proxy:
        assert proxy.get("/").response.status == 200


def test_initial_memory_beyond_the_limit_raises_module_error():
    big = FRAME.replace('(memory (export "memory") 2)', '(memory (export "memory") 32768)')
    with pytest.raises(ModuleError) as caught:
        Proxy(wat("", frame=big), workers=1)
    assert "memory" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("malloc", "status"),
    [("(i32.const 0)", Status.INVALID_MEMORY_ACCESS), ("(i32.const 0x7fffffff)", Status.INVALID_MEMORY_ACCESS)],
)
def test_allocator_with_invalid_results_makes_hostcalls_fail(malloc, status):
    frame = FRAME.replace("(i32.const 4096)", malloc)
    body = """
      (data (i32.const 16) ":path")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $get (i32.const 0) (i32.const 16) (i32.const 5) (i32.const 100) (i32.const 104)))
        (i32.const 0))"""
    imports = '(import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))'
    with Proxy(wat(body, imports=imports, frame=frame), workers=1) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 200
        assert [e.status for e in exchange.events if e.kind == "hostcall"] == [status]


def test_hostcall_in_the_allocator_traps():
    frame = FRAME.replace("(i32.const 4096)", "(drop (call $time (i32.const 0))) (i32.const 4096)")
    body = """
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $pairs (i32.const 0) (i32.const 100) (i32.const 104))) (i32.const 0))"""
    imports = """(import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
      (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))"""
    with Proxy(wat(body, imports=imports, frame=frame), workers=1) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 503
        assert "the allocator" in exchange.failure.message


def test_header_bytes_that_are_not_text_pass_unchanged():
    with Proxy(forwarderless(), workers=1) as proxy:
        exchange = proxy.get("/", headers=[("x-raw", b"\xff\xfe<b>")])
        assert exchange.upstream_request.headers.raw[0] == (b"x-raw", b"\xff\xfe<b>")
        assert proxy.get("/", headers=[("x-nul", b"a\0b")]).response.status == 400


def forwarderless():
    return wat("")


def test_unknown_map_type_returns_bad_argument(bench):
    vm = bench.workers[0].http_plugins[0].root.vm
    for name in (n for n in IMPORTS if "header_map" in n):
        args = [int(max(HeaderMapType)) + 1, *([0] * (len(IMPORTS[name].core_params) - 1))]
        assert call(vm, vm.vm_context, name, *args) == Status.BAD_ARGUMENT
