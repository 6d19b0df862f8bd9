"""Load runs: counts, queues, failures, interrupts."""

import os
import subprocess
import sys

import pytest

from wasmnb import Filter, Proxy, Response, UsageError
from wasmnb.engine import assemble
from wasmnb.traffic import load

# Traps if a request has seven headers, which means one extra header.
MODULE = """(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.gt_u (local.get 1) (i32.const 6)) (then unreachable))
    (i32.const 0)))"""


def proxy(**options):
    return Proxy(Filter.from_bytes(assemble(MODULE), "small"), **{"workers": 2, "guest_time": 1e-4, **options})


@pytest.mark.parametrize("rate", [None, 100.0, 50_000.0])
def test_every_request_is_counted_once(rate):
    with proxy() as p:
        report = load(p, requests=600, rate=rate)
    assert report.count == 600
    assert report.statuses == {200: 600}
    assert report.callbacks["on_request_headers"].count == 600
    assert report.filter.count == 600


ENDING = """(module (func (export "proxy_abi_version_0_2_1")) (memory (export "memory") 1)
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func $work (local $n i32)
    (loop $again (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 200000)))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_delete") (param i32) (call $work)))"""


def test_callbacks_after_the_response_are_not_part_of_a_request():
    with Proxy(Filter.from_bytes(assemble(ENDING), "ending"), workers=1) as p:
        report = load(p, requests=50)
        assert all(exchange.filter_ns <= exchange.duration * 1e9 for exchange in p.exchanges)
    assert report.callbacks["on_delete"].median > report.filter.median
    assert report.filter.median <= report.requests.median


@pytest.mark.slow
def test_requests_faster_than_the_workers_form_a_queue():
    with proxy() as p:
        calm = load(p, requests=400, rate=100)
    with proxy() as p:
        rush = load(p, requests=400, rate=100_000)
    assert rush.requests.quantile(0.99) > 10 * calm.requests.quantile(0.99)


def test_arrivals_follow_the_seed():
    def moments(seed):
        with proxy() as p:
            load(p, requests=50, rate=1000, seed=seed)
            return [exchange.started for exchange in p.exchanges]

    assert moments(1) == moments(1) != moments(2)
    assert moments(1) == sorted(moments(1))


def test_upstream_latency_is_part_of_a_request():
    with proxy(upstream=Response(204, latency=0.25)) as p:
        report = load(p, requests=10)
    assert report.requests.median >= 0.25e9
    assert report.statuses == {204: 10}


def test_failures_are_counted_and_the_first_ones_kept():
    with proxy() as p:
        report = load(p, requests=20, headers=[("x-one", "1")])
    assert report.statuses == {503: 20}
    assert 0 < report.failed <= 20
    assert "unreachable" in report.failures[0].failure.message


INTERRUPTED = """
import os, signal, sys, threading
sys.path.insert(0, sys.argv[1])
from test_load import load, proxy
with proxy() as p:
    def press(done, _):
        if done == 500:
            threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    report = load(p, requests=10_000_000, progress=press)
    assert report.interrupted and 500 <= report.count < 10_000_000, report
    assert p.get("/").response.status == 200
"""


@pytest.mark.slow
def test_interrupt_keeps_the_measurements_so_far():
    here = os.path.dirname(__file__)
    # In a process of its own, because callbacks of pytest and hypothesis swallow interrupts in this one.
    subprocess.run([sys.executable, "-c", INTERRUPTED, here], check=True, timeout=120)


def test_progress_is_reported():
    seen = []
    with proxy() as p:
        load(p, requests=600, progress=lambda done, all_: seen.append((done, all_)))
    assert seen == [(250, 600), (500, 600), (600, 600)]


@pytest.mark.parametrize("wrong", [{"requests": 0}, {"rate": 0}, {"rate": -1}])
def test_number_that_is_not_positive_is_a_usage_error(wrong):
    with proxy() as p, pytest.raises(UsageError):
        load(p, **wrong)


def test_report_has_text_and_html():
    with proxy() as p:
        bundle = load(p, requests=30)._repr_mimebundle_()
    assert "on_request_headers" in bundle["text/plain"] and "p99" in bundle["text/plain"]
    assert "<table" in bundle["text/html"] and "data:image/png" in bundle["text/html"]
