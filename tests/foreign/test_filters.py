"""Filters in other languages, mostly without an SDK, behave equally in the simulated proxy and in the real Envoy."""

from contextlib import contextmanager
from functools import cache

import pytest

from tests.foreign.toolchain import assemblyscript_module, c_module, go_module, rust_module
from wasmnb.envoy import Envoy
from wasmnb.messages import Response

UPSTREAM = Response(200, [("content-length", "5"), ("x-up", "1")], b"hello")


@cache
def module(name):
    optional = {"assemblyscript": lambda: assemblyscript_module("filter.ts"), "rust": lambda: rust_module("filter.rs")}
    if name in optional:
        try:
            return optional[name]()
        except RuntimeError as missing:
            pytest.skip(f"no {name} here: {missing}")
    return go_module("filter.go") if name == "go" else c_module(name)


@contextmanager
def simulated(name, **options):
    from wasmnb.compiler import Filter
    from wasmnb.host import Plugin, Proxy

    plugin = Plugin(Filter.from_file(module(name)), name="plug", **options)
    with Proxy(plugin, workers=1, upstream=UPSTREAM) as proxy:
        yield proxy


@contextmanager
def real(name, **options):
    from wasmnb.envoy import EnvoyPlugin

    with Envoy(EnvoyPlugin(module(name), "plug", **options), workers=1, upstream=UPSTREAM) as envoy:
        yield envoy


@pytest.fixture(params=[simulated, pytest.param(real, marks=pytest.mark.envoy)], ids=["simulated", "envoy"])
def run(request):
    return request.param


def texts(log):
    return [line.text for line in log]


def test_c_moves_a_header(run):
    with run("headers.c") as proxy:
        exchange = proxy.get("/", headers=[("x-key", "ann")])
        assert exchange.upstream_request.headers.get("x-user") == "ann"
        assert "x-key" not in exchange.upstream_request.headers
        assert exchange.response.headers.get("x-filter") == "c"


def test_c_sends_a_local_reply(run):
    with run("headers.c") as proxy:
        exchange = proxy.get("/")
        assert (exchange.response.status, exchange.response.body) == (401, b"who are you?")
        assert exchange.response.headers.get("x-filter") == "c"
        assert exchange.upstream_request is None


@pytest.mark.slow
def test_go_changes_headers_and_body(run):
    with run("go", config="from the plugin") as proxy:
        exchange = proxy.get("/a?b")
        assert exchange.upstream_request.headers.get("x-go") == "from the plugin /a?b"
        assert exchange.response.body == b"HELLO\x05\x00"
        assert "request 6 headers /a?b" in texts(exchange.log)


@pytest.mark.slow
def test_go_prints_to_the_log_at_the_start(run):
    with run("go", environment={"GREETING": "hello"}) as proxy:
        assert texts(proxy.log).count("init hello") == 4  # base, canary, main thread, worker


@pytest.mark.slow
def test_go_panic_is_a_trap(run):
    with run("go") as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.get("/", headers=[("x-panic", "1")]).response.status == 503
        assert proxy.get("/").response.status == 503
        said = texts(proxy.log)
        assert any(line.startswith("panic") for line in said)
        assert any(line.startswith("Function: proxy_on_request_headers failed") for line in said)


def test_rust_reads_all_headers_and_reverses_the_body(run):
    with run("rust", config="names") as proxy:
        exchange = proxy.get("/", headers=[("x-b", "1"), ("x-a", "2"), ("x-b", "3"), ("x-a", "4"), ("x-b", "5")])
        assert exchange.upstream_request.headers.get("x-rust") == 'names of [("x-a", 2), ("x-b", 3)]'
        assert 'names of [("x-a", 2), ("x-b", 3)]' in texts(exchange.log)
        assert exchange.response.body == b"olleh"


def test_rust_prints_to_the_log_and_reads_the_environment(run):
    with run("rust", environment={"AUDIENCE": "everybody"}) as proxy:
        assert "configured for everybody" in texts(proxy.log)


def test_rust_panic_is_a_trap(run):
    with run("rust") as proxy:
        assert proxy.get("/").response.status == 200
        assert proxy.get("/", headers=[("x-panic", "a test")]).response.status == 503
        assert proxy.get("/").response.status == 503
        said = "\n".join(texts(proxy.log))
        assert "asked to: a test" in said
        assert "Function: proxy_on_request_headers failed" in said


@pytest.mark.slow
def test_cpp_reverses_a_buffered_body(run):
    with run("buffering.cc") as proxy:
        exchange = proxy.post("/", chunks=[b"abc", b"def"])
        assert exchange.upstream_request.body == b"fedcba"
        assert "stream 2 saw 3 pieces" in texts(exchange.log)
        assert proxy.post("/", body=b"xyz").upstream_request.body == b"zyx"


@pytest.mark.slow
def test_assemblyscript_sdk_runs(run):
    with run("assemblyscript", root_id="as", config="here") as proxy:
        exchange = proxy.get("/a")
        assert exchange.upstream_request.headers.get("x-as") == "here"
        assert exchange.response.headers.get("x-up") == "changed"
        assert [t for t in texts(exchange.log) if t.startswith(("path", "logged"))] == ["path /a", "logged"]
        denied = proxy.get("/deny")
        assert (denied.response.status, denied.response.body, denied.response.headers.get("x-why")) == (
            403,
            b"no",
            "denied",
        )
        assert any(t.startswith("configured here") for t in texts(proxy.log))
