"""Limits for data that guests, clients and browsers make the host store."""

import asyncio
import socket
import threading
from contextlib import suppress

import pytest

from tests.host.host_kit import wat
from tests.attack.test_limits import MIB, loop
from wasmnb import Cluster, Filter, Request, Response
from wasmnb.abi import Status
from wasmnb.errors import UsageError
from wasmnb.host import Proxy
from wasmnb.host.callouts.record import Callout, CalloutLog
from wasmnb.host.simulated_clients import sender
from wasmnb.host.foreign_functions import expressions, functions
from wasmnb.host.foreign_functions.cel import CelSyntaxError, parse
from wasmnb.host.properties.filter_state import FilterState, Lifespan
from wasmnb.host.trace import exchange_log
from wasmnb.host.trace.records import KEEP
from wasmnb.host.trace.trace import Trace
from wasmnb.host.clusters import redis_server
from wasmnb.host.clusters.redis_server import RedisServer
from wasmnb.traffic.http_server import http1_server, http2_server, server as server_module
from wasmnb.view.panel import kernel_events
from wasmnb.view.panel.kernel_events import Inbox


def refused(hostcall, params, call, **options):
    """Repeat a hostcall until it fails. Return the number of calls."""
    with Proxy(loop(hostcall, params, call), workers=1, deadline=60, **options) as proxy:
        proxy.open("GET", "/")
        memory = proxy.workers[0].plugins[0].root.vm.instance.memory
        assert memory.u32(2048) == Status.INTERNAL_FAILURE
        return memory.u32(2052)


def test_queues_with_ever_new_names_stop_at_the_limit():
    calls = refused("proxy_register_shared_queue", "i32 i32 i32", "(i32.const 2052) (i32.const 4) (i32.const 3000)", memory_limit=8 * MIB)
    assert 5_000 < calls < 50_000


@pytest.mark.slow
def test_properties_with_ever_new_short_names_stop_at_the_limit():
    calls = refused("proxy_set_property", "i32 i32 i32 i32", "(i32.const 2052) (i32.const 4) (i32.const 3000) (i32.const 0)")
    assert 100_000 < calls < 350_000


def test_properties_of_a_connection_count_in_all_its_streams():
    connection = {}
    for n in range(100):
        state = FilterState(connection)
        if not state.has_room(b"%d" % n, bytes(MIB)):
            break
        state.put(b"%d" % n, bytes(MIB), Lifespan.CONNECTION)
    assert 60 <= len(connection) < 64


FOREIGN = """
from wasmnb.sdk import HostcallError
from wasmnb.sdk.hostcalls import call_foreign_function

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        name, number = self.request_headers["x-name"], 0
        try:
            for number in range(100_000):
                text = b"%d" % number if name == "expr_create" else bytes([10, 6]) + b"%06d" % number
                call_foreign_function(name, text + b"+1" * int(self.request_headers["x-more"]))
        except HostcallError as error:
            if name == "expr_create":
                call_foreign_function("expr_delete", bytes(4))
                call_foreign_function(name, b"1")
            self.send_local_response(200, f"{number} {type(error).__name__}")
"""


@pytest.mark.parametrize(("name", "more", "least"), [("expr_create", 0, 100), ("expr_create", 200, 24), ("declare_property", 0, 100)])
def test_things_that_foreign_functions_keep_stop_at_a_limit(monkeypatch, name, more, least):
    monkeypatch.setattr(expressions, "MOST_EXPRESSIONS", 100)
    monkeypatch.setattr(expressions, "MOST_CHARACTERS", 10_000)
    monkeypatch.setattr(functions, "MOST_DECLARATIONS", 100)
    filter = Filter.native(FOREIGN, "foreign")
    with Proxy(filter, workers=1, deadline=60) as proxy:
        response = proxy.get("/", {"x-name": name, "x-more": str(more)}).response
        assert (response.status, response.text) == (200, f"{least} InternalFailure")


def test_notes_of_the_trace_keep_the_beginning_of_long_arguments():
    trace = Trace(100, bytes_kept=10 * KEEP)
    for _ in range(50):
        trace.note("vm", "x", {"name": b"n" * MIB, "text": "t" * MIB, "number": 1}, time=0.0, thread="main")
    assert 3 <= len(trace) <= 6
    (event, *_) = trace
    assert (len(event.args["name"]), len(event.args["text"]), event.args["number"]) == (KEEP, KEEP + 1, 1)


def test_exchanges_with_large_headers_and_callouts_with_large_responses_are_counted():
    log = CalloutLog()
    for n in range(600):
        callout = Callout("http", "c", n, 1, None, Request.of("GET", "/", headers={"x": "y" * MIB}), 0.0)
        log.add(callout)
        callout.response = Response(200, body=bytes(MIB))
        log.grow(callout, callout.response.size)
    assert 120 < len(log.all()) <= 128
    request = Request.of("POST", "/" + "p" * MIB, headers={"x": "y" * MIB}, trailers={"z": "y" * MIB}, chunks=[bytes(MIB)])
    assert 4 * MIB < request.size < 6 * MIB  # the body and its chunks


def test_response_of_a_callout_is_counted_when_it_arrives():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        await self.http_call("up")
"""
    with Proxy(Filter.native(source), workers=1, clusters={"up": Cluster(lambda _: Response(200, body=bytes(MIB)))}) as proxy:
        proxy.get("/")
        assert proxy.callouts[0].size > MIB
        assert proxy.server.callouts.size == proxy.callouts[0].size


PLAIN = Filter.native("class F(HttpContext):\n    pass\n", "plain")
HOLD = Filter.native("class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return Action.PAUSE\n", "hold")


def test_requests_that_wait_for_ever_are_limited_and_time_makes_room(monkeypatch):
    monkeypatch.setattr(sender, "OPEN", 50)
    with Proxy(HOLD, workers=2) as proxy:
        for _ in range(50):
            assert proxy.get("/", wait=0).paused
        with pytest.raises(UsageError, match="50 requests and connections are open.*advance"):
            proxy.get("/")
        with pytest.raises(UsageError, match="are open"):
            proxy.open("GET", "/")
        proxy.advance(400)
        assert proxy.get("/", wait=0).paused


def test_session_keeps_the_last_requests(monkeypatch):
    monkeypatch.setattr(exchange_log, "KEPT", 10)
    with Proxy(PLAIN, workers=1) as proxy, proxy.session() as session:
        for n in range(30):
            assert session.get(f"/{n}").response.status == 200
        assert [exchange.number for exchange in session.exchanges] == list(range(21, 31))
        assert "30 requests" in repr(session)


REDIS_CLIENTS = wat(
    """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $n i32)
      (loop $again
        (i32.store (i32.const 1027) (i32.add (local.get $n) (i32.const 0x01010101)))
        (i32.store (i32.const 2048) (call $init (i32.const 1024) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.and (i32.eqz (i32.load (i32.const 2048))) (i32.lt_u (local.get $n) (i32.const 5000)))))
      (i32.store (i32.const 2052) (local.get $n)) (i32.const 0))
    (data (i32.const 1024) "up?")""",
    imports='(import "env" "proxy_redis_init" (func $init (param i32 i32 i32 i32 i32 i32 i32) (result i32)))',
    name="redis",
)


def test_redis_clients_of_a_vm_are_limited():
    with Proxy(REDIS_CLIENTS, workers=1, clusters={"up": RedisServer(lambda *_: "OK")}) as proxy:
        proxy.open("GET", "/")
        memory = proxy.workers[0].plugins[0].root.vm.instance.memory
        assert (memory.u32(2048), memory.u32(2052)) == (Status.INTERNAL_FAILURE, 1001)


def test_redis_server_remembers_the_last_commands(monkeypatch):
    monkeypatch.setattr(redis_server, "COMMANDS_KEPT", 20)
    server = RedisServer(lambda *_: "OK")
    for n in range(50):
        server.reply([b"GET", b"%d" % n])
    assert server.commands_seen == [["GET", str(n)] for n in range(30, 50)]
    server.commands_seen.clear()
    monkeypatch.setattr(redis_server, "CHARACTERS_KEPT", 1000)
    for _ in range(9):
        server.reply([b"SET", b"x" * 400])
    assert len(server.commands_seen) == 2


def connect(server):
    return socket.create_connection((server.host, server.port), timeout=20)


def test_connections_beyond_a_limit_are_closed_at_once(monkeypatch):
    monkeypatch.setattr(server_module, "CONNECTIONS", 3)
    with Proxy(PLAIN, workers=1) as proxy, proxy.listen() as server:
        open_ = []
        for _ in range(3):
            client = connect(server)
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.recv(20).startswith(b"HTTP/1.1 200")
            open_.append(client)
        with connect(server) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with suppress(ConnectionError):  # the request arrived after the end
                assert client.recv(20) == b""
        for client in open_:
            client.close()


def test_silent_connection_is_closed(monkeypatch):
    monkeypatch.setattr(server_module, "IDLE", 0.1)
    with Proxy(PLAIN, workers=1) as proxy, proxy.listen() as server:
        for start in (b"", b"GET / HTTP/1.1\r\nHost:", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            with connect(server) as client:
                client.sendall(start)
                while client.recv(1000):  # settings of HTTP/2
                    pass


def test_body_over_a_socket_is_limited(monkeypatch):
    monkeypatch.setattr(http1_server, "BODY", 1000)
    with Proxy(PLAIN, workers=1) as proxy, proxy.listen() as server, connect(server) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1500\r\n\r\n" + bytes(1500))
        assert client.recv(50).startswith(b"HTTP/1.1 413")


def test_bodies_of_all_streams_of_a_connection_are_limited(monkeypatch):
    import h2.connection
    import h2.events

    monkeypatch.setattr(http2_server, "BODY", 1000)
    with Proxy(PLAIN, workers=1) as proxy, proxy.listen() as server, connect(server) as client:
        protocol = h2.connection.H2Connection()
        protocol.initiate_connection()
        for stream in (1, 3, 5):
            protocol.send_headers(stream, [(":method", "POST"), (":path", "/"), (":authority", "a"), (":scheme", "http")])
            protocol.send_data(stream, bytes(400))
        client.sendall(protocol.data_to_send())
        events = []
        while not any(isinstance(event, h2.events.StreamReset) for event in events):
            events += protocol.receive_data(client.recv(65536))
        protocol.end_stream(1)
        client.sendall(protocol.data_to_send())
        while not any(isinstance(event, h2.events.StreamEnded) for event in events):
            events += protocol.receive_data(client.recv(65536))
        assert [event.stream_id for event in events if isinstance(event, h2.events.StreamReset)] == [5]


def test_messages_of_a_panel_that_wait_for_a_cell_are_limited(monkeypatch):
    monkeypatch.setattr(kernel_events, "MOST_MESSAGES", 20)
    monkeypatch.setattr(kernel_events, "MOST_BYTES", 10_000)

    async def flood(size):
        done = []
        inbox = Inbox(lambda name, _values: done.append(name))
        for _ in range(100):
            thread = threading.Thread(target=inbox.add, args=("send", {"buffers": [bytes(size)], "odd": 3}))
            thread.start()
            thread.join()
        waiting = len(inbox.messages)
        inbox.process()
        return waiting, len(done)

    assert asyncio.run(flood(10)) == (20, 20)
    assert asyncio.run(flood(3000)) == (3, 3)


def test_expression_has_the_length_that_envoy_allows():
    parse("1" + " " * 99_999)
    with pytest.raises(CelSyntaxError, match="^expression is larger than codepoint limit 100000$"):
        parse("1" + " " * 100_000)
