"""Release modules in the real Envoy: late starts, what may not be frozen, bad configurations, failing and damaged modules."""

import pytest

from wasmnb import Envoy, Filter, ModuleError, Plugin, Proxy, Response
from wasmnb.envoy.process import EnvoyRefused
from wasmnb.errors import FilterTrap

pytestmark = [pytest.mark.envoy, pytest.mark.slow, pytest.mark.timeout(300)]

HEAD = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-value"] = str(value())
"""

TOP_LEVEL = {
    "the time": "import time\nSTART = time.time()\ndef value(): return time.time() - START",
    "the environment": "import os\nNAME = os.environ.get('WASMNB_NAME', 'nobody')\ndef value(): return NAME",
    "random numbers": "import random\nNUMBER = random.getrandbits(64)\ndef value(): return NUMBER",
    "the log": "print('loaded now')\ndef value(): return 1",
}


def sources(top):
    return Filter.from_source(f"{top}\n{HEAD}", "frozen", filename="frozen.py")


def value(side):
    return side.get("/").upstream_request.headers["x-value"]


def test_a_plain_top_level_runs_when_the_module_is_built():
    made = sources("TABLE = {n: n * n for n in range(1000)}\ndef value(): return TABLE[12]")
    facts = made.release().info.release
    assert (facts.loaded, facts.uses) == (True, ())
    with Envoy(made, workers=2) as envoy:
        assert [value(envoy) for _ in range(4)] == ["144"] * 4


@pytest.mark.parametrize("uses", TOP_LEVEL)
def test_a_top_level_that_depends_on_the_vm_is_named(uses):
    facts = sources(TOP_LEVEL[uses]).release().info.release
    assert (facts.loaded, facts.uses) == (False, (uses,))


def test_a_top_level_that_reads_the_time_runs_in_every_vm():
    with Envoy(sources(TOP_LEVEL["the time"]), workers=1) as envoy:
        assert 0 <= float(value(envoy)) < 300


def test_a_top_level_that_reads_the_environment_runs_in_every_vm():
    plugin = Plugin(sources(TOP_LEVEL["the environment"]), environment={"WASMNB_NAME": "ann"})
    with Envoy(plugin, workers=1) as envoy:
        assert value(envoy) == "ann"


def test_random_numbers_of_the_top_level_differ_from_vm_to_vm():
    made = sources(TOP_LEVEL["random numbers"])
    with Proxy(made.release(), workers=3) as proxy:
        assert len({value(proxy) for _ in range(12)}) == 3


def test_a_top_level_that_logs_does_it_in_every_vm():
    made = sources(TOP_LEVEL["the log"])
    with Proxy(made, workers=2) as proxy:
        expected = [line.text for line in proxy.log]
    with Proxy(made.release(), workers=2) as proxy:
        said = [line.text for line in proxy.log]
    # The VM that the others are cloned from never makes a context, so that a release module does not load there.
    assert set(said) == set(expected) == {"loaded now"}
    assert len(said) == len(expected) - 1


def test_random_numbers_and_environment_of_callbacks_are_the_vms_own():
    top = "import os, random, uuid\ndef value(): return f'{random.random()} {uuid.uuid4()} {os.environ[\"WASMNB_NAME\"]}'"
    made = sources(top)
    assert made.release().info.release.loaded
    with Envoy(Plugin(made, environment={"WASMNB_NAME": "ann"}), workers=2) as envoy:
        values = [value(envoy) for _ in range(8)]
    assert len(set(values)) == 8
    assert all(text.endswith(" ann") for text in values)


def test_the_same_source_gives_the_same_module():
    first, second = (sources(TOP_LEVEL["the environment"] + f"\nimport random\nSEEDED = random.Random({n})") for n in (1, 1))
    assert first.release().wasm == second.release().wasm
    plain = [sources("def value(): return 1").release().wasm for _ in range(2)]
    assert plain[0] == plain[1]


PICKY = """
class Plug(PluginContext):
    def on_plugin_start(self, size):
        return self.config["good"]

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-value"] = "ok"
"""


@pytest.mark.parametrize("side", [Envoy, Proxy])
def test_a_bad_configuration_is_refused_although_the_start_is_late(side):
    made = Filter.from_source(PICKY, "picky").release()
    with side(made, workers=1, config={"good": True}) as proxy:
        assert value(proxy) == "ok"
    with pytest.raises((EnvoyRefused, ModuleError, FilterTrap, Exception)) as caught, side(made, workers=1, config={"good": False}):
        pass
    assert "onfigur" in str(caught.value)


def test_a_top_level_that_fails_only_in_the_proxy_is_refused_by_the_canary():
    made = sources("import os\nif os.environ.get('WASMNB_BREAK'): raise ValueError('broken here')\ndef value(): return 1")
    assert not made.release().info.release.loaded
    with pytest.raises(EnvoyRefused, match="broken here"), Envoy(Plugin(made, environment={"WASMNB_BREAK": "1"}), workers=1):
        pass


FRAGILE = """
class F(HttpContext):
    count = 0
    def on_http_request_headers(self, num_headers, end_of_stream):
        F.count += 1
        if self.request_headers[":path"] == "/break":
            raise ValueError("broken")
        self.request_headers["x-value"] = str(F.count)
"""


def test_a_vm_that_is_rebuilt_starts_from_the_beginning():
    made = Filter.from_source(FRAGILE, "fragile")
    plugin = Plugin(made, failure_policy="FAIL_RELOAD", reload_backoff=0.1)
    with Envoy(plugin, workers=1) as envoy:
        assert [value(envoy) for _ in range(2)] == ["1", "2"]
        assert envoy.get("/break").response.status == 503
        import time

        deadline = time.monotonic() + 30
        while (answer := envoy.get("/")).response.status != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer.upstream_request.headers["x-value"] == "1"


GREEDY = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        try:
            self.hold = bytearray(900_000_000)
            self.more = bytearray(900_000_000)
            text = "enough"
        except MemoryError:
            text = "MemoryError"
        self.request_headers["x-value"] = text
"""


@pytest.mark.parametrize("side", [Envoy, Proxy])
def test_memory_that_cannot_grow_is_a_memory_error(side):
    with side(Filter.from_source(GREEDY, "greedy").release(), workers=1) as proxy:
        assert value(proxy) == "MemoryError"
        assert value(proxy) == "MemoryError"


@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_a_damaged_module_is_refused(at):
    data = bytearray(sources("def value(): return 1").release().wasm)
    place = int(len(data) * at)
    data[place : place + 64] = bytes(b ^ 0x5A for b in data[place : place + 64])
    try:
        damaged = Filter.from_bytes(bytes(data), "damaged")
    except ModuleError:
        return
    with pytest.raises(EnvoyRefused), Envoy(damaged, workers=1):
        pass
