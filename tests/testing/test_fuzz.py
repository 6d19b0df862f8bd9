"""The fuzzer finds each planted fault, shrinks its scenario, and writes a test that fails until the fault is fixed."""

from pathlib import Path

import pytest

from tests.host.host_kit import scripted
from wasmnb import Filter, Plugin, Proxy, UsageError
from wasmnb.abi.crashes import CRASHES
from wasmnb.testing import assert_memory_steady, assert_sound, fuzz, replay
from wasmnb.testing.fuzzing import Scenario
from wasmnb.testing.fuzzing.scenarios.capabilities import ALL, capabilities_of
from wasmnb.testing.fuzzing.scenarios.generator import Generator
from wasmnb.testing.fuzzing.scenarios.mutation import Mutator
from wasmnb.testing.fuzzing.scenarios.scenario import HttpServiceResponse, BodyChunk, Leave, Open, Pass, Script, Send
from wasmnb.testing.fuzzing.scenarios.seeds import seeds
from wasmnb.testing.fuzzing.search.shrink import shrink
from wasmnb.testing.fuzzing.scenarios.vocabulary import vocabulary_of

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.py"))

#: Planted fault -> line of the written test, which shows that its scenario is small.
SMALLEST = {
    "empty_message": 'grpc_reply(b"", status=0)',
    "endless_decoding": 'proxy.request("GET", "/%")',
    "forgets_failures": 'proxy.request("GET", "/")',
    "items_are_json": 'enqueue(proxy, "audit", b"',
    "json_shape": 'proxy.request("GET", "/", body=',
    "keeps_connections": "connection = proxy.connect()",
    "keeps_everything": 'headers=[("x-user", f"',
    "partial_length": 'connection.send(b"',
    "limit_of_nothing": "reconfigure(proxy, b'{\"limit\": 0}')",
    "magic_value": 'proxy.request("GET", "/", headers=[("x-debug", "dump-state")])',
    "missing_header": 'proxy.request("GET", "/tenants")',
    "no_hosts": 'proxy.clusters["users"].endpoints = 0',
    "not_utf8": 'proxy.request("GET", "/", body=b"\\xff")',
    "one_message_only": 'clusters={"rates-grpc": service}',
    "one_waiting_stream": "service = upstream(response(200, latency=",
    "resumes_closed_streams": "stream.reset()\n    proxy.advance(",
    "slow_pattern": '("user-agent", "',
    "other_workers_queue": "workers=3",
    "waits_for_a_body": 'proxy.request("GET", "/")',
    "waits_for_a_line": 'connection.send(b"',
}


def run_test(code, fixed_source=None):
    """Run a written test with replacements of the fixtures; with `fixed_source`, on that source instead of the faulty one."""
    opened = []

    def wasm_filter(source):
        return Filter.from_source(fixed_source or source)

    def wasm_proxy(filters, **options):
        kind = options.pop("kind", "http")
        settings = {name: options.pop(name) for name in ("config", "vm_config", "root_id") if name in options}
        chain = filters if isinstance(filters, list) else Plugin(wasm_filter(filters), kind=kind, **settings)
        opened.append(Proxy(chain, workers=options.pop("workers", 1), **options))
        return opened[-1]

    scope = {}
    exec(compile(code, "<written>", "exec"), scope)
    test = next(value for name, value in scope.items() if name.startswith("test_"))
    fixtures = {"wasm_proxy": wasm_proxy, "wasm_filter": wasm_filter}
    try:
        test(*(fixtures[name] for name in test.__code__.co_varnames[: test.__code__.co_argcount]))
    finally:
        for proxy in opened:
            proxy.close()


def sound_filter(source):
    """Return the source of a filter without faults that has the same queues."""
    base = "TcpContext" if "TcpContext" in source else "HttpContext"
    queue = source.partition('register_queue("')[2].partition('"')[0]
    start = f"class P(PluginContext):\n    def on_plugin_start(self, n):\n        register_queue({queue!r})\n        return True\n\n\n"
    return f"{start if queue else ''}class Sound({base}):\n    pass\n"


@pytest.mark.slow
@pytest.mark.parametrize("path", PLANTED, ids=lambda p: p.stem)
def test_search_finds_each_planted_fault(path):
    source = path.read_text()
    filter_ = Filter.from_source(source, path.stem)
    # A minute is enough, unless other programs take most of the machine.
    (finding,) = fuzz(filter_, seconds=60).findings or fuzz(filter_, seconds=300).findings
    assert finding.kind == source.partition(":")[0].strip('"')
    assert SMALLEST[path.stem] in finding.test
    with pytest.raises(AssertionError):
        run_test(finding.test)
    run_test(finding.test, fixed_source=sound_filter(source))


def test_planted_faults_cover_four_kinds():
    kinds = [p.read_text().partition(":")[0].strip('"') for p in PLANTED]
    assert len(kinds) == 20
    assert set(kinds) == {"trap", "hang", "stuck", "growth"}


SOUND = """
KEPT = {}


class Sound(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        KEPT[len(KEPT) % 100] = self.request_headers.get("x-user")
        try:
            self.http_call("auth", path="/", timeout=1, callback=self.on_response)
        except InternalFailure:
            self.send_local_response(503)
        return Action.PAUSE

    def on_response(self, response):
        if response.ok:
            self.continue_request()
        else:
            self.send_local_response(503)

    def on_http_request_body(self, size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        self.request_body = bytes(self.request_body)[:10]
"""


@pytest.mark.slow
def test_sound_filter_has_no_findings(make_filter):
    report = fuzz(make_filter(SOUND, "sound"), seconds=5)
    assert not report, str(report)
    assert report.tried > 100
    assert "nothing wrong" in str(report)


def test_same_seed_generates_same_scenarios(make_filter):
    vocabulary = vocabulary_of(make_filter(SOUND, "sound"))
    from random import Random

    def generate():
        generator = Generator(vocabulary, Random(5), ALL)
        mutator = Mutator(generator)
        return [mutator.change(generator.scenario()) for _ in range(50)]

    assert generate() == generate()


def test_vocabulary_excludes_docstrings(make_filter):
    vocabulary = vocabulary_of(make_filter('"""not-this"""\n' + SOUND.replace("x-user", "x-tenant"), "words"))
    assert "x-tenant" in vocabulary.names[: vocabulary.own]
    assert "not-this" not in vocabulary.names
    assert {100, 503} <= set(vocabulary.numbers)


@pytest.mark.parametrize("kind", ["http", "network"])
def test_generated_scenarios_run_without_fault(make_filter, kind):
    from random import Random

    base = {"http": "HttpContext", "network": "TcpContext"}[kind]
    queue = "class P(PluginContext):\n    def on_plugin_start(self, n):\n        register_queue('jobs')\n        return True\n"
    plain = make_filter(f"{queue}class Plain({base}):\n    pass\n", f"plain_{kind}")
    vocabulary = vocabulary_of(make_filter(SOUND, "sound"))
    vocabulary.queues = ["jobs"]
    generator = Generator(vocabulary, Random(1), ALL, network=kind == "network")
    mutator = Mutator(generator)
    scenarios = seeds(vocabulary, ALL, network=kind == "network")
    whole = Scenario()
    for scenario in [*scenarios, *(mutator.change(generator.scenario()) for _ in range(60))]:
        whole = whole + scenario
    assert replay(plain, whole, kind=kind, workers=2) is None
    drawn = {type(step).__name__ for step in whole.steps}
    common = {"Script", "Pass", "Reconfigure", "Enqueue", "Leave", "Settle"}
    assert drawn >= common | (
        {"Connect", "Data", "Close"} if kind == "network" else {"Send", "Open", "BodyChunk", "Trailers"}
    )


FRAGILE = """
class Fragile(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        if b"x" in bytes(self.request_body):
            raise ValueError("an x")
"""


@pytest.mark.slow
def test_all_faults_reports_different_faults(make_filter):
    two = (
        FRAGILE
        + "\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        if self.request_headers.get('x-a') == 'boom':\n            raise KeyError('b')\n"
    )
    report = fuzz(make_filter(two, "two"), seconds=8, all_faults=True)
    assert {f.message.splitlines()[-1] for f in report.findings} >= {"ValueError: an x", "KeyError: 'b'"}


def test_shrinking_keeps_the_failing_part():
    long = Scenario(
        (
            Script((HttpServiceResponse(500, latency=1.0),), (HttpServiceResponse(404),)),
            Send("GET", "/other"),
            Open(0, "POST", "/a/b?c=d", ((b"x", b"1"), (b"y", b"2"))),
            Pass(5.0),
            BodyChunk(0, b"some long body with an x in it", end=True),
            Leave(0),
        )
    )

    def fails(scenario):
        opened = {s.stream for s in scenario.steps if isinstance(s, Open)}
        bodies = [s.data for s in scenario.steps if isinstance(s, BodyChunk) and s.stream in opened]
        return any(b"x in" in data for data in [*bodies, *(s.body for s in scenario.steps if isinstance(s, Send))])

    assert shrink(long, fails, 5.0).steps == (Send(body=b"x in"),)


def test_replay_returns_the_fault(make_filter):
    fragile = make_filter(FRAGILE, "fragile")
    fault = replay(fragile, Scenario((Send("POST", body=b"x"),)))
    assert (fault.kind, fault.message.splitlines()[-1]) == ("trap", "ValueError: an x")
    assert replay(fragile, Scenario((Send("POST", body=b"y"),))) is None


def test_scenario_that_would_crash_envoy_is_misuse():
    late = Plugin(scripted(), config="on_log: send_local_response 200 _ late _ -1", name="late")
    fault = replay(late, Scenario((Send(),)))
    assert (fault.kind, fault.message.partition(":")[0]) == ("misuse", CRASHES["reply_at_end"].action)


def test_interrupted_search_returns_its_report(make_filter):
    def stop(report):
        raise KeyboardInterrupt

    report = fuzz(make_filter("class Plain(HttpContext):\n    pass\n", "plain"), seconds=20, progress=stop)
    assert report.interrupted
    assert report.seconds > 0


def test_assert_sound_fails_after_a_trap(make_proxy):
    proxy = make_proxy(FRAGILE)
    proxy.post("/", body="y")
    assert_sound(proxy)
    proxy.post("/", body="x")
    with pytest.raises(AssertionError, match="ValueError: an x"):
        assert_sound(proxy)


def test_assert_sound_fails_for_a_stuck_stream(make_proxy):
    proxy = make_proxy(
        "class Hold(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        return Action.PAUSE\n",
        idle_timeout=0,
    )
    proxy.get("/", wait=0)
    with pytest.raises(AssertionError, match="1 stream is stuck: nothing resumed it for 60 virtual seconds"):
        assert_sound(proxy)


@pytest.mark.slow
def test_assert_memory_steady_fails_for_growth_only(make_proxy):
    leak = "KEPT = []\n\n\nclass Keep(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        KEPT.append(bytes(3000)) if self.request_headers.get('x-keep') else None\n"
    proxy = make_proxy(leak)
    assert_memory_steady(proxy, lambda: proxy.get("/"), times=100)
    with pytest.raises(AssertionError, match=r"memory grows by \d,\d\d\d bytes in each repetition"):
        assert_memory_steady(proxy, lambda: proxy.get("/", headers={"x-keep": "1"}), times=200)


@pytest.mark.slow
def test_search_finds_a_fault_in_a_c_module():
    from tests.foreign.toolchain import c_module

    source = """
    #include "proxy_wasm.h"
    #include <string.h>
    #include <stdlib.h>
    EXPORT(proxy_abi_version_0_2_1) void proxy_abi_version_0_2_1(void) {}
    EXPORT(proxy_on_request_headers) uint32_t proxy_on_request_headers(uint32_t id, uint32_t n, uint32_t eos) {
        void *value = 0; size_t size = 0;
        const char *name = "x-secret-switch";
        if (proxy_get_header_map_value(0, name, strlen(name), &value, &size) == 0 && size) __builtin_trap();
        return 0;
    }
    """
    report = fuzz(Filter.from_file(c_module(source)), seconds=30)
    assert report.findings[0].kind == "trap"
    assert "x-secret-switch" in report.findings[0].test


def test_search_without_a_finding_ends_after_its_time(make_filter):
    report = fuzz(make_filter("class Plain(HttpContext):\n    pass\n", "plain"), seconds=1)
    assert not report.findings
    assert report.seconds >= 1


def test_capabilities_come_from_the_source(make_filter):
    planted = {p.stem: make_filter(p.read_text(), p.stem) for p in PLANTED}
    assert capabilities_of(planted["magic_value"]) == frozenset()
    assert capabilities_of(planted["empty_message"]) == {"grpc"}
    assert {"queue", "shared"} <= capabilities_of([planted["magic_value"], Plugin(planted["items_are_json"])])
    assert [Plugin(planted[name]).kind for name in ("partial_length", "magic_value")] == ["network", "http"]


@pytest.mark.slow
def test_only_limits_the_kinds_of_fault(make_filter):
    hold = "class Hold(HttpContext):\n    def on_http_request_headers(self, n, e):\n        if self.request_headers.get('x-a') == 'boom':\n            raise KeyError('b')\n        return Action.PAUSE\n"
    report = fuzz(make_filter(hold, "hold"), seconds=20, only=["trap"])
    assert [f.kind for f in report.findings] == ["trap"]
    report = fuzz(make_filter(hold, "hold"), seconds=20, only="stuck")
    assert [f.kind for f in report.findings] == ["stuck"]


def test_unknown_kind_raises_usage_error(make_filter):
    with pytest.raises(
        UsageError, match="Unknown kind of fault in only=: 'leak'. Use trap, hang, stuck, growth, misuse"
    ):
        fuzz(make_filter(FRAGILE, "fragile"), only="leak")


def test_interrupt_while_shrinking_keeps_the_finding(make_filter):
    def stop(report):
        if "smaller" in report.activity:
            raise KeyboardInterrupt

    fragile = "import time\n" + FRAGILE.replace("            raise", "            time.monotonic()\n            raise")
    report = fuzz(make_filter(fragile, "slow_fragile"), seconds=20, progress=stop)
    (finding,) = report.findings
    with pytest.raises(AssertionError, match="ValueError: an x"):
        run_test(finding.test)


@pytest.mark.slow
def test_written_test_has_the_chain_and_its_settings(make_filter):
    plain = make_filter("class Plain(HttpContext):\n    pass\n", "plain")
    fragile = make_filter(FRAGILE, "fragile")
    chain = [Plugin(plain, root_id="first"), Plugin(fragile, config=b'{"a": "x"}', failure_policy="FAIL_OPEN")]
    (finding,) = fuzz(chain, seconds=20).findings
    assert 'Plugin(wasm_filter(FILTER2), config=b\'{"a": "x"}\', failure_policy="FAIL_OPEN")' in finding.test
    with pytest.raises(AssertionError, match="ValueError: an x"):
        run_test(finding.test)


@pytest.mark.slow
def test_refused_configuration_does_not_count_as_fault(make_filter):
    refuses = """
class Refuses(PluginContext):
    def on_plugin_start(self, size):
        assert not self.configuration, "no configuration, please"
        return True
"""
    report = fuzz(make_filter(refuses, "refuses"), seconds=2)
    assert not report, str(report)


@pytest.mark.parametrize("name", ["forgets_failures", "endless_decoding", "keeps_connections"])
@pytest.mark.slow
def test_finding_of_a_native_filter_is_reproduced_in_wasm(name):
    text = next(path for path in PLANTED if path.stem == name).read_text()
    (finding,) = fuzz(Filter.native(text, name), seconds=60).findings
    assert finding.kind == text.partition(":")[0].strip('"')
    with pytest.raises(AssertionError):
        run_test(finding.test)


def test_memory_of_a_native_filter_raises_usage_error(make_proxy):
    proxy = make_proxy(Filter.native("class Plain(HttpContext):\n    pass\n", "plain"))
    with pytest.raises(UsageError, match="The memory of a native filter can't be measured"):
        assert_memory_steady(proxy, lambda: proxy.get("/"))


@pytest.mark.slow
def test_cyclic_garbage_does_not_count_as_growth(make_proxy):
    cycles = """
class Cycle(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.me = [bytes(300), self]
"""
    proxy = make_proxy(cycles)
    assert_memory_steady(proxy, lambda: proxy.get("/"), times=600)


# -- on an executor ---------------------------------------------------------------------------------------------------

TRAPS = """\
from wasmnb.sdk import HttpContext

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        raise ValueError("always")
"""


def test_searches_on_an_executor_have_one_report():
    from concurrent.futures import ThreadPoolExecutor

    seen = []
    with ThreadPoolExecutor(1) as pool:
        report = fuzz(Filter.native(TRAPS, "f"), seconds=5, only="trap", executor=pool, searches=2, progress=lambda now: seen.append(now.tried))
    assert [finding.kind for finding in report.findings] == ["trap"] and report.tried == seen[-1] and len(seen) == 2
    assert "def test_filter_does_not_trap" in report.findings[0].test


@pytest.mark.slow
def test_report_lists_searches_whose_process_died():
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    source = TRAPS.replace('raise ValueError("always")', "import os; os.kill(os.getpid(), 9)")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        report = fuzz(Filter.native(source, "f"), seconds=2, only="trap", executor=pool, seed=7)
    assert report.messages == ["Search 1 (seed 7) is lost: its process died.", "Search 2 (seed 8) is lost: its process died."]
    assert "its process died" in str(report) and not report


def test_merging_fuzz_reports_is_associative():
    from wasmnb.testing.fuzzing.report import Finding, FuzzReport

    def part(*messages, tried=1):
        return FuzzReport("f", [Finding("trap", text, Scenario(), "", 0.0, 1) for text in messages], tried, float(tried), tried, messages=[f"{tried}"])

    def merged(*reports):
        whole = FuzzReport("f")
        for report in reports:
            whole.add(report)
        return whole

    a, b, c = (("at 1", "x"), 1), (("at 2", "y"), 2), (("at 3", "x"), 3)
    make = lambda p: part(*p[0], tried=p[1])  # noqa: E731
    left, right = merged(merged(make(a), make(b)), make(c)), merged(make(a), merged(make(b), make(c)))
    assert left == right and [f.message for f in left.findings] == ["at 1", "x", "y"] and left.tried == 6
