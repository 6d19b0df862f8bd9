"""Connections that send raw bytes, options of the connection manager, and messages about missing plugins and crashes."""

import pytest

from wasmnb import Filter, Plugin, Proxy, Response, UsageError
from wasmnb.engine import assemble
from wasmnb.host import HttpConnectionManager

MODULE = """(module
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $continue (i32.const 1))) (i32.const 0)))"""


@pytest.fixture
def crashing():
    return Filter.from_bytes(assemble(MODULE), "crashing")


def test_bytes_of_a_client_get_bytes_back():
    with Proxy(upstream=Response(200, body=b"hello"), workers=1) as proxy:
        connection = proxy.open_connection()
        connection.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n")
        received = connection.wait(1.0)
        assert received.count(b"HTTP/1.1 200 OK\r\n") == 2 and received.count(b"hello") == 2
        assert not connection.closed


def test_request_that_the_codec_cannot_read_closes_the_connection():
    with Proxy(workers=1) as proxy:
        connection = proxy.open_connection()
        connection.send(b"GET / HTTP/1.1\r\nbad header: 1\r\n\r\n")
        assert connection.wait(1.0).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert connection.closed
        assert (connection.exchanges[0].state, connection.exchanges[0].details) == ("refused", "http1.codec_error")


def test_client_cannot_set_headers_of_the_router():
    with Proxy(workers=1) as proxy:
        seen = proxy.get("/", {"x-envoy-retry-on": "5xx", "x-envoy-internal": "true"}).upstream_request
        assert "x-envoy-retry-on" not in seen.headers and "x-envoy-internal" not in seen.headers


@pytest.mark.parametrize(("client", "kept"), [("10.0.0.1", True), ("8.8.8.8", False)])
def test_internal_only_headers_are_removed_from_external_requests(client, kept):  # as a real Envoy 1.40 does
    host = {"name": "a", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}]}
    routes = {"internal_only_headers": ["X-Internal"], "virtual_hosts": [host]}
    with Proxy(workers=1, routes=routes, internal_address_config=("10.0.0.0/8",)) as proxy:
        exchange = proxy.get("/", {"x-internal": "1", "x-forwarded-for": client})
        assert ("x-internal" in exchange.upstream_request.headers) is kept


def test_switches_of_the_connection_manager_have_names():
    with Proxy(workers=1, use_remote_address=True, server_name="edge") as proxy:
        exchange = proxy.get("/")
        assert exchange.upstream_request.headers["x-forwarded-for"] == "127.0.0.1"
        assert exchange.response.headers["server"] == "edge"
    with pytest.raises(UsageError, match="'use_remote_adress' is neither a parameter"):
        Proxy(use_remote_adress=True)


def test_connection_manager_is_written_as_it_is_read():
    manager = HttpConnectionManager(
        use_remote_address=True, upgrade_configs={"websocket": True}, max_stream_duration=0.5, accept_http_10=True,
        internal_address_config=("10.0.0.0/8",), header_key_format="proper_case_words", scheme_to_overwrite="https",
    )  # fmt: skip
    assert HttpConnectionManager.from_config(manager.as_config()).manager == manager
    assert HttpConnectionManager().as_config() == {}


def test_call_that_crashes_envoy_marks_the_exchange(crashing):
    with Proxy(crashing, workers=1) as proxy:
        exchange = proxy.get("/")
        assert exchange.state == "crashed" and exchange.crash is not None
        assert "Envoy 1.40 crashes here" in exchange.notes[0]
        assert any("crashes here" in line.text for line in proxy.log)


def test_retry_reaches_the_upstream_again():
    responses = iter([Response(503), Response(200)])
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "upstream", "retry_policy": {"retry_on": "5xx"}}}]
    with Proxy(upstream=lambda _request: next(responses), routes=routes, workers=1) as proxy:
        exchange = proxy.get("/")
        assert exchange.response.status == 200 and len(exchange.upstream_requests) == 2


def test_plugin_that_refuses_on_a_worker_is_missing_there(crashing):
    with Proxy(Plugin(crashing), workers=1) as proxy:
        proxy.workers[0].plugins[0].root = None  # as after a refusal
        exchange = proxy.get("/")
        assert exchange.response.status == 200
        assert "missing on worker-1" in exchange.notes[0]
        assert "[missing]" in str(proxy.tree())
