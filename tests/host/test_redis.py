"""Modules for Higress that call a scripted Redis."""

import pytest

from wasmnb import Filter, ModuleError, Proxy, RedisError, RedisServer, UsageError
from wasmnb.engine import assemble
from wasmnb.host.clusters.redis_server import decode_command, encode_reply

REDIS = "outbound|6379||redis.static"

#: Sends GET of 8 bytes in `x-key`'s place, pauses, and answers with status and reply in its log.
MODULE = """(module
  (import "env" "proxy_redis_init" (func $init (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_redis_call" (func $call (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "outbound|6379||redis.static")
  (data (i32.const 64) "*2\\0d\\0a$3\\0d\\0aGET\\0d\\0a$1\\0d\\0ak\\0d\\0a")
  (data (i32.const 128) "secret")
  (data (i32.const 160) "nowhere")
  (data (i32.const 192) "failed")
  (global $heap (mut i32) (i32.const 4096))
  (global $stream (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32)
    (global.set $heap (i32.add (global.get $heap) (i32.add (local.get 0) (i32.const 16))))
    (i32.sub (global.get $heap) (i32.add (local.get 0) (i32.const 16))))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (i32.and
      (i32.eq (call $init (i32.const 160) (i32.const 7) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 2))
      (i32.eqz (call $init (i32.const 0) (i32.const 27) (i32.const 0) (i32.const 0) (i32.const 128) (i32.const 6) (i32.const 500)))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (global.set $stream (local.get 0))
    (drop (call $call (i32.const 0) (i32.const 27) (i32.const 64) (i32.const 20) (i32.const 256)))
    (i32.const 1))
  (func (export "proxy_on_redis_call_response") (param i32 i32 i32 i32)
    (if (local.get 2)
      (then (drop (call $log (i32.const 2) (i32.const 192) (i32.const 6))))
      (else
        (drop (call $buffer (i32.const 9) (i32.const 0) (local.get 3) (i32.const 260) (i32.const 264)))
        (drop (call $log (i32.const 2) (i32.load (i32.const 260)) (i32.load (i32.const 264))))))
    (drop (call $effective (global.get $stream)))
    (drop (call $continue (i32.const 0)))))
"""


@pytest.fixture(scope="module")
def module():
    return Filter.from_bytes(assemble(MODULE), name="higress")


def start(module, redis, **options):
    return Proxy(module, workers=1, clusters={REDIS: redis, "nowhere": None} if redis is not None else {}, **options)


def test_reply_of_redis_reaches_the_module(module):
    redis = RedisServer({"AUTH": True, "GET": {"k": "value"}.get})
    with start(module, redis) as proxy:
        exchange = proxy.get("/")
        assert [line.text for line in exchange.log] == ["$5\r\nvalue\r\n"]
        assert (exchange.response.status, exchange.callouts[0].kind, exchange.callouts[0].state) == (
            200,
            "redis",
            "answered",
        )
        assert "redis_call" in [event.name for event in exchange.events]
        (callout,) = exchange.callouts
        assert callout.size == callout.request.size + callout.response.size
        proxy.get("/")
    assert redis.commands_seen == [["AUTH", "secret"], ["GET", "k"], ["GET", "k"]]


def test_error_reply_is_a_reply(module):
    def get(key):
        raise RedisError("WRONGTYPE not a string")

    with start(module, RedisServer({"AUTH": True, "GET": get})) as proxy:
        assert [line.text for line in proxy.get("/").log] == ["-WRONGTYPE not a string\r\n"]


@pytest.mark.parametrize("fault", ["down", "slow", "broken"])
def test_lost_connection_is_a_status(module, fault):
    def get(key):
        raise ConnectionError

    redis = RedisServer(
        {"AUTH": True, "GET": get if fault == "broken" else "x"}, latency=1.0 if fault == "slow" else 0.0
    )
    with start(module, redis) as proxy:
        proxy.clusters[REDIS].alive = fault != "down"
        exchange = proxy.get("/")
        assert [line.text for line in exchange.log] == ["failed"]
        assert exchange.callouts[0].state == ("timeout" if fault == "slow" else "failed")


def test_client_of_another_library_replies(module):
    with start(module, RedisServer(lambda *command: list(command))) as proxy:
        assert [line.text for line in proxy.get("/").log] == ["*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"]


def test_module_needs_a_redis(module):
    with pytest.raises(ModuleError, match="only Higress's Envoy provides. Give the proxy a cluster with a RedisServer"):
        start(module, None)


def test_commands_and_replies_are_converted():
    assert decode_command(b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n") == [b"GET", b"\r\n"]
    assert decode_command(b"GET k\r\n") is None
    assert decode_command(b"*1\r\n$9\r\nGET\r\n") is None
    assert encode_reply([1, None, True, {"a": b"b"}]) == b"*4\r\n:1\r\n$-1\r\n+OK\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"
    with pytest.raises(UsageError, match="not object"):
        encode_reply(object())


@pytest.mark.parametrize("latency", [0.0, 0.1, 2.0])
def test_calls_that_ended_take_no_memory(module, latency):
    with start(module, RedisServer({"AUTH": True, "GET": True}, latency=latency)) as proxy:
        proxy.get("/", wait=0)
        assert (proxy.server.callouts.held > 0) == (latency > 0)
        proxy.advance(3)
        assert proxy.server.callouts.held == 0


@pytest.mark.slow
def test_pending_calls_stop_at_the_memory_limit(module):
    with start(module, RedisServer({"AUTH": True, "GET": True}, latency=60.0), memory_limit=2**20) as proxy:
        states = {len(proxy.get("/", wait=0).callouts) for _ in range(400)}
        assert states == {0, 1}
        assert proxy.server.callouts.held <= 2**20
    assert proxy.server.callouts.held == 0
