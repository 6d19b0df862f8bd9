"""Release modules in the real Envoy: late starts, state that must not be stored in the module, invalid configurations, failing and damaged modules."""

import time

import pytest

from wasmnb import Envoy, Filter, ModuleError, Plugin, Proxy
from wasmnb.compiler.release.profile.block_profile import BlockProfile
from wasmnb.compiler.wasm_binary.core_module import CoreModule
from wasmnb.envoy import EnvoyPlugin
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


def test_plain_top_level_runs_when_the_module_is_built():
    filter_ = sources("TABLE = {n: n * n for n in range(1000)}\ndef value(): return TABLE[12]")
    facts = filter_.release().info.release
    assert (facts.loaded, facts.uses) == (True, ())
    with Envoy(filter_, workers=2) as envoy:
        assert [value(envoy) for _ in range(4)] == ["144"] * 4


@pytest.mark.parametrize("uses", TOP_LEVEL)
def test_top_level_that_depends_on_the_vm_is_reported(uses):
    facts = sources(TOP_LEVEL[uses]).release().info.release
    assert (facts.loaded, facts.uses) == (False, (uses,))


def test_top_level_that_reads_the_time_runs_in_every_vm():
    with Envoy(sources(TOP_LEVEL["the time"]), workers=1) as envoy:
        assert 0 <= float(value(envoy)) < 300


def test_local_module_that_waits_and_reads_the_time_runs_in_every_vm(tmp_path):
    (tmp_path / "clockwork.py").write_text("import time\n\ntime.sleep(0.01)\nSTART = time.time()\n")
    source = f"import time\nimport clockwork\ndef value(): return time.time() - clockwork.START\n{HEAD}"
    filter_ = Filter.from_source(source, "frozen", path=[tmp_path])
    assert filter_.release().info.release.uses == ("the time",)
    with Envoy(filter_, workers=1) as envoy:
        assert 0 <= float(value(envoy)) < 300


def test_top_level_that_reads_the_environment_runs_in_every_vm():
    plugin = Plugin(sources(TOP_LEVEL["the environment"]), environment={"WASMNB_NAME": "ann"})
    with Envoy(plugin, workers=1) as envoy:
        assert value(envoy) == "ann"


def test_random_numbers_of_the_top_level_differ_from_vm_to_vm():
    filter_ = sources(TOP_LEVEL["random numbers"])
    with Proxy(filter_.release(), workers=3) as proxy:
        assert len({value(proxy) for _ in range(12)}) == 3


@pytest.mark.full
def test_top_level_that_logs_runs_in_every_vm():
    filter_ = sources(TOP_LEVEL["the log"])
    with Proxy(filter_, workers=2) as proxy:
        expected = [line.text for line in proxy.log]
    with Proxy(filter_.release(), workers=2) as proxy:
        said = [line.text for line in proxy.log]
    # The VM that the others are cloned from never makes a context, so that a release module does not load there.
    assert set(said) == set(expected) == {"loaded now"}
    assert len(said) == len(expected) - 1


def test_random_numbers_and_environment_of_callbacks_are_the_vms_own():
    top = "import os, random, uuid\ndef value(): return f'{random.random()} {uuid.uuid4()} {os.environ[\"WASMNB_NAME\"]}'"
    filter_ = sources(top)
    assert filter_.release().info.release.loaded
    with Envoy(Plugin(filter_, environment={"WASMNB_NAME": "ann"}), workers=2) as envoy:
        values = [value(envoy) for _ in range(8)]
    assert len(set(values)) == 8
    assert all(text.endswith(" ann") for text in values)


def test_same_source_is_compiled_to_the_same_module():
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
def test_bad_configuration_is_refused_although_the_start_is_late(side):
    picky = Filter.from_source(PICKY, "picky").release()
    with side(picky, workers=1, config={"good": True}) as proxy:
        assert value(proxy) == "ok"
    with pytest.raises((EnvoyRefused, ModuleError, FilterTrap, Exception)) as caught, side(picky, workers=1, config={"good": False}):
        pass
    assert "onfigur" in str(caught.value)


#: Starts that fail -> text of Envoy's refusal.
BAD_STARTS = {
    "class V(VMContext):\n    def on_vm_start(self, size):\n        return False": "Failed to start base Wasm",
    "class V(VMContext):\n    def on_vm_start(self, size):\n        raise ValueError('not this VM')": "ValueError: not this VM",
    "class P(PluginContext):\n    def __init__(self, *a):\n        super().__init__(*a)\n        raise ValueError('not made')": "ValueError: not made",
    "class P(PluginContext):\n    def on_plugin_start(self, size):\n        return self.config['missing']": "KeyError: 'missing'",
}


@pytest.mark.parametrize("start", BAD_STARTS)
def test_start_that_fails_is_refused_although_it_is_late(start):
    release = sources(f"{start}\ndef value(): return 1").release()
    with pytest.raises(EnvoyRefused, match=BAD_STARTS[start]), Envoy(release, workers=1, config={}):
        pass


def test_top_level_that_fails_only_in_the_proxy_is_refused_by_the_canary():
    filter_ = sources("import os\nif os.environ.get('WASMNB_BREAK'): raise ValueError('broken here')\ndef value(): return 1")
    assert not filter_.release().info.release.loaded
    with pytest.raises(EnvoyRefused, match="broken here"), Envoy(Plugin(filter_, environment={"WASMNB_BREAK": "1"}), workers=1):
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


def assert_rebuilt(envoy):
    """A request that breaks the VM is refused, and the next VM counts from the beginning."""
    assert envoy.get("/break").response.status == 503
    deadline = time.monotonic() + 30
    while (exchange := envoy.get("/")).response.status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert exchange.upstream_request.headers["x-value"] == "1"


def test_rebuilt_vm_starts_from_the_beginning():
    fragile = Filter.from_source(FRAGILE, "fragile")
    plugin = Plugin(fragile, failure_policy="FAIL_RELOAD", reload_backoff=0.1)
    with Envoy(plugin, workers=1) as envoy:
        assert [value(envoy) for _ in range(2)] == ["1", "2"]
        assert_rebuilt(envoy)


#: Ways in which a callback fails.
FAILURES = {
    "recursion": "def fail(): return fail()",
    "memory": "def fail(): return [bytearray(10**8) for _ in range(100)]",
    "exit": "import sys\ndef fail(): sys.exit(3)",
    "top level of each VM": "import time\nSTART = time.time()\ndef fail(): raise ValueError(START)",
}


@pytest.mark.parametrize("kind", FAILURES)
def test_vm_is_rebuilt_after_any_failure(kind):
    failing = Filter.from_source(FAILURES[kind] + FRAGILE.replace('raise ValueError("broken")', "fail()"), "failing")
    with Envoy(Plugin(failing, failure_policy="FAIL_RELOAD", reload_backoff=0.1), workers=1) as envoy:
        assert value(envoy) == "1"
        assert_rebuilt(envoy)


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


@pytest.fixture(scope="module")
def plain():
    """A release module, and where its sections are."""
    data = sources("def value(): return 1").release().wasm
    return data, {name: (start, end) for name, start, end in CoreModule.read(data).sections}


@pytest.mark.parametrize("section", ["type", "import", "function", "table", "memory", "global", "export", "element", "data count", "code", "data"])
def test_damage_in_any_section_is_refused(plain, section):
    data, sections = plain
    start, end = sections[section]
    damaged = bytearray(data)
    middle, size = (start + end) // 2, min(8, end - start)
    at = max(start, middle - size)
    damaged[at : at + size] = bytes(b ^ 0x5A for b in damaged[at : at + size])
    with pytest.raises(EnvoyRefused), Envoy(EnvoyPlugin(bytes(damaged)), workers=1):
        pass


@pytest.mark.parametrize("part", [0.01, 0.2, 0.5, 0.99])
def test_one_changed_byte_of_the_packed_memory_is_refused(plain, part):
    """The sums of cold code and image are compared before the program starts."""
    data, sections = plain
    start, end = sections["data"]
    damaged = bytearray(data)
    damaged[start + 16 + int(part * (end - start - 64))] ^= 1
    with pytest.raises(EnvoyRefused), Envoy(EnvoyPlugin(bytes(damaged)), workers=1):
        pass


def test_cut_off_module_is_refused(plain):
    with pytest.raises(EnvoyRefused), Envoy(EnvoyPlugin(plain[0][:-1000]), workers=1):
        pass


def test_release_with_the_profile_of_another_runtime_runs():
    profile = BlockProfile({f"gone_{n}": (3, frozenset({0, 1})) for n in range(50)})
    with pytest.warns(UserWarning, match="was recorded with another runtime"):
        release = sources("def value(): return 12").release(profile=profile)
    with Envoy(release, workers=1) as envoy:
        assert value(envoy) == "12"


DEEP = """
import json

def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        texts = []
        for attempt in (lambda: depth(10**6), lambda: json.loads("[" * 10**5), lambda: eval("-" * 10**5 + "1")):
            try:
                attempt()
                texts.append("deep enough")
            except (RecursionError, MemoryError) as error:
                texts.append(type(error).__name__)
        self.request_headers["x-value"] = " ".join(texts)
"""


def test_deep_recursion_is_an_error_of_python_on_both_stacks():
    deep = Filter.from_source(DEEP, "deep")
    with Proxy(deep, workers=1) as proxy:
        expected = value(proxy)
    assert expected.split()[:2] == ["RecursionError", "RecursionError"]
    with Envoy(deep.release(), workers=1) as envoy:
        assert [value(envoy) for _ in range(2)] == [expected] * 2
