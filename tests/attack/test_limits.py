"""Guests that use as many resources as possible are stopped at a limit."""

import pytest

from tests.host.host_kit import FRAME, wat
from wasmnb import Filter, Response
from wasmnb.abi import LogLevel, Status, encode_pairs
from wasmnb.host import Proxy
from wasmnb.host.properties.filter_state import FilterState
from wasmnb.host.shared_state.metrics import Metrics, MetricTable
from wasmnb.host.shared_state.shared_data import SharedState
from wasmnb.host.shared_state.storage import OVERHEAD, StorageBudget
from wasmnb.host.trace.log import Log, LogLine

MIB = 1 << 20

#: Stores a megabyte under one new key after another until the host refuses, and writes the status to memory.
HOARDER = wat(
    """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32)
      (loop $again
        (i32.store (i32.const 1024) (local.get $n))
        (i32.store (i32.const 2048)
          (call $set (i32.const 1024) (i32.const 4) (i32.const 4096) (i32.const 1000000) (i32.const 0)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.and (i32.eqz (i32.load (i32.const 2048))) (i32.lt_u (local.get $n) (i32.const 1000)))))
      (i32.const 0))""",
    imports='(import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))',
    frame=FRAME.replace('"memory") 2', '"memory") 20'),
    name="hoarder",
)

#: Writes half a gigabyte to the log in an endless loop.
CHATTERER = wat(
    """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (loop $again (drop (call $log (i32.const 5) (i32.const 0) (i32.const 524288000))) (br $again)) (i32.const 0))""",
    imports='(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))',
    frame=FRAME.replace('"memory") 2', '"memory") 8000'),
    name="chatterer",
)


def test_shared_data_stops_at_the_limit_and_is_logged():
    with Proxy(HOARDER, workers=1, memory_limit=16 * MIB) as proxy:
        assert proxy.get("/").response.status == 200
        stored = sum(len(value) for value in proxy.shared_data.values())
        assert 8 * MIB < stored <= 16 * MIB
        assert proxy.workers[0].plugins[0].root.vm.instance.memory.u32(2048) == Status.INTERNAL_FAILURE
        lines = [line for line in proxy.log if line.source == "envoy" and "memory_limit" in line.text]
        assert [line.level for line in lines] == [LogLevel.ERROR]


def test_freed_storage_can_be_used_again():
    storage = StorageBudget(14 * OVERHEAD)
    state = SharedState(storage)
    state.hold(b"v")
    for _ in range(100):
        assert state.set(b"v", b"k", b"x" * OVERHEAD) == Status.OK
    assert state.set(b"v", b"large", b"x" * 13 * OVERHEAD) == Status.INTERNAL_FAILURE
    token = state.register(b"v", b"q", lambda _token: None)
    for _ in range(100):
        assert state.enqueue(token, b"x" * OVERHEAD) == Status.OK
        assert state.dequeue(token)[0] == Status.OK
    assert state.enqueue(token, b"") == Status.OK
    state.release(b"v")
    assert storage.used == 0


def test_queue_of_a_vm_id_that_had_no_vm_for_a_while_is_a_new_one():
    state = SharedState(StorageBudget(10 * OVERHEAD))
    for number in (1, 2):
        state.hold(b"v")
        assert state.register(b"v", b"q", lambda _token: None) == number
        assert state.resolve(b"v", b"q") == number
        assert state.dequeue(number) == (Status.EMPTY, b"")
        state.enqueue(number, b"left over")
        state.release(b"v")
        assert state.resolve(b"v", b"q") is None


def test_metrics_stop_at_the_limit():
    table = MetricTable(Metrics(StorageBudget(50 * OVERHEAD)))
    status, histogram = table.define(2, b"h")
    statuses = [table.record(histogram, n) for n in range(1000)]
    assert statuses[0] == Status.OK
    assert statuses[-1] == Status.INTERNAL_FAILURE
    assert table.define(0, b"c") == (Status.INTERNAL_FAILURE, 0)


def test_values_of_a_stream_stop_at_the_limit():
    state = FilterState()
    statuses = [state.set(b"%d" % n, bytes(MIB), {}) for n in range(80)]
    assert statuses[0] == Status.OK
    assert statuses[-1] == Status.INTERNAL_FAILURE
    assert [FilterState().set(b"same", bytes(MIB), {}) for _ in range(80)][-1] == Status.OK


def test_log_keeps_a_bounded_number_of_characters():
    log = Log()
    for n in range(3000):
        log.add(LogLine(n, LogLevel.INFO, "x" * 65536, "main"))
    assert log.written == 3000
    assert 900 < len(log) <= 1024
    assert log[-1].time == 2999


def test_endless_large_lines_end_at_the_deadline():
    with Proxy(CHATTERER, workers=1, deadline=0.5) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 503
        assert "deadline of 0.5 s" in proxy.workers[0].plugins[0].root.vm.failure.message
        (line, *_) = [line for line in exchange.log if line.source == "filter"]
        assert len(line.text) == 65536


LONG_SETS = wat(
    """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (loop $again
        (drop (call $set (i32.const 1024) (i32.const 4) (i32.const 4096) (i32.const 524000000) (i32.const 0))) (br $again))
      (i32.const 0))""",
    imports='(import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))',
    frame=FRAME.replace('"memory") 2', '"memory") 8000'),
    name="copies",
)


@pytest.mark.slow
def test_endless_large_copies_end_at_the_deadline():
    with Proxy(LONG_SETS, workers=1, deadline=0.5) as proxy:
        assert proxy.get("/").response.status == 503
        assert "deadline of 0.5 s" in proxy.workers[0].plugins[0].root.vm.failure.message


REQUEST = encode_pairs([(b":method", b"GET"), (b":path", b"/"), (b":authority", b"a")])
PAIRS = "".join(f"\\{byte:02x}" for byte in REQUEST)


def loop(hostcall, params, call, pages=20):
    """Return a module that repeats a hostcall until it fails, and stores the status and the number of calls in memory."""
    return wat(
        f"""(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32)
          (loop $again
            (i32.store (i32.const 2048) (call $f {call}))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (i32.store (i32.const 2052) (local.get $n))
            (br_if $again (i32.and (i32.eqz (i32.load (i32.const 2048))) (i32.lt_u (local.get $n) (i32.const 2000000)))))
          (i32.const 0))
        (data (i32.const 1024) "up")
        (data (i32.const 1100) "{PAIRS}")""",
        imports=f'(import "env" "{hostcall}" (func $f (param {params}) (result i32)))',
        frame=FRAME.replace('"memory") 2', f'"memory") {pages}'),
        name="loop",
    )


@pytest.mark.parametrize(("hostcall", "params", "call"), [
    ("proxy_add_header_map_value", "i32 i32 i32 i32 i32", "(i32.const 0) (i32.const 1024) (i32.const 2) (i32.const 4096) (i32.const 1000000)"),
    ("proxy_http_call", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32",
     f"(i32.const 1024) (i32.const 2) (i32.const 1100) (i32.const {len(REQUEST)}) (i32.const 4096) (i32.const 1000000) (i32.const 0) (i32.const 0)"
     " (i32.const 1000) (i32.const 3000)"),
])
def test_data_kept_for_a_callback_is_bounded(hostcall, params, call):
    with Proxy(loop(hostcall, params, call), workers=1, memory_limit=64 * MIB, deadline=60, clusters={"up": Response(200)}) as proxy:
        proxy.open("GET", "/")
        memory = proxy.workers[0].plugins[0].root.vm.instance.memory
        assert memory.u32(2048) == Status.INTERNAL_FAILURE
        assert 30 < memory.u32(2052) < 700_000


def test_callouts_keep_a_bounded_number_of_bytes():
    from wasmnb import Request
    from wasmnb.host.callouts.record import Callout, CalloutLog

    log = CalloutLog()
    for n in range(600):
        log.add(Callout("http", "c", n, 1, None, Request.of("POST", "/", body=bytes(MIB)), 0.0))
    assert len(log.all()) == 255  # headers count as well
    assert log.all()[-1].token == 599


#: Calls a service in every request and doesn't wait for it; or sends a message on a stream that the plugin has opened.
CALLER = """
from wasmnb.sdk import HostcallError
class P(PluginContext):
    def on_plugin_start(self, size):
        self.stream = None

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        data, plugin = b"x" * 100_000, self.plugin
        try:
            if self.request_headers.get("x-way") == "http":
                plugin.http_call("slow", path="/", body=data, callback=lambda response: None)
            elif self.request_headers.get("x-way") == "grpc":
                plugin.grpc_call("slow", "S", "M", data, callback=lambda response: None)
            else:
                plugin.stream = plugin.stream or plugin.grpc_stream("slow", "S", "M")
                plugin.stream.send(data)
        except HostcallError as error:
            return self.send_local_response(507, type(error).__name__)
"""


@pytest.mark.parametrize("way", ["http", "grpc", "stream"])
def test_pending_callouts_stop_at_the_limit_until_some_end(way):
    slow = Response(200, latency=60.0)
    with Proxy(Filter.native(CALLER), workers=1, memory_limit=2 * MIB, clusters={"slow": slow}, deadline=30) as proxy:
        statuses = [proxy.get("/", {"x-way": way}, wait=0).response.status for _ in range(40)]
        assert statuses == [200] * statuses.count(200) + [507] * statuses.count(507)
        assert 15 <= statuses.count(200) <= 21
        assert 1.5 * MIB < proxy.server.callouts.held <= 2 * MIB
        proxy.advance(61)
        if way != "stream":
            assert proxy.server.callouts.held == 0
            assert proxy.get("/", {"x-way": way}, wait=0).response.status == 200
    assert proxy.server.callouts.held == 0


def test_trace_keeps_a_bounded_number_of_bytes_of_long_arguments():
    from wasmnb.host.trace.records import KEEP
    from wasmnb.host.trace.trace import Trace

    trace = Trace(100, bytes_kept=10 * KEEP)

    def add(*sizes):
        trace.append((trace.next(), None, *(trace.keep(b"x" * size) for size in sizes)))

    for _ in range(50):
        add(300)
    assert (len(trace), trace.dropped) == (50, 0)
    for _ in range(50):
        add(MIB, MIB)
    assert 4 <= len(trace) <= 6
    assert trace.total == 100
    assert trace.long_bytes <= 10 * KEEP
    for _ in range(1000):  # events that are dropped because of the limit
        add(300)
    assert len(trace) == 100
    assert trace.long_bytes <= 102 * 300
