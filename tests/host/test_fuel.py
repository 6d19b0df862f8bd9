"""Fuel: the same number in every run, independent of hash seeds, the clock and the machine's load."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

import pytest
from tests.host.host_kit import wat

from wasmnb import Filter, Proxy
from wasmnb.errors import UsageError

SOURCE = """
import json, random, time

class P(PluginContext):
    def on_plugin_start(self, size):
        self.seen = {}

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        words = set(self.request.path.split("/"))
        self.plugin.seen[time.time()] = sorted(words, key=hash)
        self.request_headers["x-words"] = json.dumps(self.plugin.seen)
        self.request_headers["x-random"] = str(random.random())

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-n"] = str(len(self.plugin.seen))
"""

SCRIPT = f"""
import json
from wasmnb import Filter, Proxy
filter = Filter.from_source({SOURCE!r})
with Proxy(filter, workers=2, fuel=True) as proxy:
    used = [proxy.get(f"/some/words/{{i}}").fuel for i in range(3)]
print(json.dumps([filter.info.runtime, used]))
"""


@pytest.fixture(scope="module")
def words():
    return Filter.from_source(SOURCE)


def run(words):
    with Proxy(words, workers=2, fuel=True) as proxy:
        return [dict(proxy.get(f"/some/words/{i}").fuel) for i in range(6)]


def test_new_proxies_use_the_same_fuel(words):
    first = run(words)
    assert first == run(words)
    assert first[0].keys() == {"on_context_create", "on_request_headers", "on_response_headers", "on_delete"}
    assert first[0]["on_request_headers"] > 10_000


@pytest.mark.slow
def test_processes_with_other_hash_seeds_use_the_same_fuel():
    used = defaultdict(set)
    for seed in ("0", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
        runtime, fuel = json.loads(done.stdout)
        used[runtime].add(json.dumps(fuel))
    assert {len(different) for different in used.values()} == {1}
    assert len(used) < 2


@pytest.mark.full
def test_fuel_has_both_names_and_lists_callbacks_for_unknown_ones(words):
    with Proxy(words, workers=1, fuel=True) as proxy:
        exchange = proxy.get("/a")
        fuel = exchange.fuel
        assert fuel["on_http_request_headers"] == fuel["on_request_headers"] < 2_000_000
        assert fuel.total == sum(fuel.values())
        with pytest.raises(KeyError, match="on_http_request_body didn't run. These callbacks did: on_context_create"):
            fuel["on_http_request_body"]
        assert {e.fuel is not None for e in exchange.events if e.kind == "callback"} == {True}
        assert {e.fuel for e in exchange.events if e.kind == "hostcall"} == {None}


@pytest.mark.full
def test_more_work_uses_more_fuel_and_traps_are_counted():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for i in range(int(self.request.path[1:])):
            pass
        if self.request.path == "/0":
            raise ValueError
"""
    with Proxy(Filter.from_source(source), workers=2, fuel=True) as proxy:
        for _ in range(10):  # the interpreter adapts itself to code that runs often
            proxy.get("/1", worker=1)
        used = [proxy.get(f"/{n}", worker=1).fuel["on_http_request_headers"] for n in (100, 200, 300)]
        assert used[0] + 5_000 < used[1] < used[2] - 5_000
        assert proxy.get("/0", worker=2).fuel["on_http_request_headers"] > 10_000


def test_modules_of_other_languages_have_fuel():
    loop = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
      (i32.const 0))"""
    with Proxy(wat(loop), workers=1, fuel=True) as proxy:
        assert 5_000 < proxy.get("/").fuel["on_http_request_headers"] < 10_000


def test_fuel_is_none_by_default(words):
    with Proxy(words, workers=1) as proxy:
        with pytest.raises(UsageError, match="fuel=True"):
            _ = proxy.get("/").fuel
    with Proxy(Filter.native(SOURCE), workers=1, fuel=True) as proxy:
        with pytest.raises(UsageError, match="native"):
            _ = proxy.get("/").fuel


# -- budget -------------------------------------------------------------------------------------------------------------

GREEDY = """
class Greedy(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/loop":
            while True:
                pass
"""


def test_callback_over_its_budget_traps_with_its_line():
    with Proxy(Filter.from_source(GREEDY, name="greedy"), workers=1, fuel_limit=20_000_000) as proxy:
        assert proxy.get("/").response.status == 200
        assert 0 < proxy.exchanges[-1].fuel["on_http_request_headers"] < 20_000_000
        exchange = proxy.get("/loop")
        assert exchange.response.status == 503
        assert "more than 20,000,000 instructions, which is the limit set by fuel_limit=" in exchange.failure.message
        assert re.search("line [56], in on_http_request_headers\n    (while True:|pass)\n", exchange.traceback)
        assert exchange.fuel["on_http_request_headers"] >= 20_000_000


@pytest.mark.full
def test_budget_is_for_each_callback():
    with Proxy(Filter.from_source(GREEDY, name="greedy"), workers=1, fuel=True) as proxy:
        used = proxy.get("/").fuel["on_http_request_headers"]
    with Proxy(Filter.from_source(GREEDY, name="greedy"), workers=1, fuel_limit=2 * used) as proxy:
        assert [proxy.get("/").response.status for _ in range(4)] == [200] * 4


def test_budget_of_a_native_filter_is_refused():
    with pytest.raises(UsageError, match="runs natively"):
        Proxy(Filter.native(GREEDY, "greedy"), workers=1, fuel_limit=1000)
    with pytest.raises(UsageError, match="at least 1"):
        Proxy(workers=1, fuel_limit=0)
