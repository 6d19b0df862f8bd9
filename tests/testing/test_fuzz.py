"""The fuzzer: it finds each planted fault, makes it small, and writes a test that fails as long as the fault is there."""

from pathlib import Path
from time import monotonic

import pytest

from wasmnb import Filter, Plugin, Proxy, UsageError
from wasmnb.testing import assert_memory_steady, assert_sound, fuzz, replay
from wasmnb.testing.fuzzing import Scenario
from wasmnb.testing.fuzzing.scenarios.capabilities import ALL, abilities_of, kind_of
from wasmnb.testing.fuzzing.scenarios.generator import Generator
from wasmnb.testing.fuzzing.scenarios.mutation import Mutator
from wasmnb.testing.fuzzing.scenarios.scenario import Answer, Body, Leave, Open, Pass, Script, Send
from wasmnb.testing.fuzzing.scenarios.seeds import seeds
from wasmnb.testing.fuzzing.search.shrink import shrink
from wasmnb.testing.fuzzing.scenarios.vocabulary import vocabulary_of

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.py"))

#: A part of the smallest scenario's test that shows it got small.
SMALLEST = {
    "empty_message": 'grpc_reply(b"", status=0)',
    "endless_decoding": 'proxy.request("GET", "/%")',
    "forgets_failures": 'proxy.request("GET", "/")',
    "items_are_json": 'enqueue(proxy, "audit", b"',
    "json_shape": 'proxy.request("GET", "/", body=',
    "keeps_connections": "connection = proxy.connect()",
    "keeps_everything": 'headers=[("x-user", f"',
    "length_in_pieces": 'connection.send(b"',
    "limit_of_nothing": "reconfigure(proxy, b'{\"limit\": 0}')",
    "magic_value": 'proxy.request("GET", "/", headers=[("x-debug", "dump-state")])',
    "missing_header": 'proxy.request("GET", "/tenants")',
    "nobody_there": 'proxy.clusters["users"].endpoints = 0',
    "not_utf8": 'proxy.request("GET", "/", body=b"\\xff")',
    "one_message_only": 'clusters={"rates-grpc": service}',
    "one_waiting_stream": "service = upstream(response(200, latency=",
    "resumes_the_gone": "stream.reset()\n    proxy.advance(",
    "slow_pattern": '("user-agent", "',
    "somebody_elses_queue": "workers=3",
    "waits_for_a_body": 'proxy.request("GET", "/")',
    "waits_for_a_line": 'connection.send(b"',
}


def run_test(code, mend=None):
    """Run a written test with fixtures of ours; with `mend`, on that source instead of the faulty one."""
    opened = []

    def wasm_filter(source):
        return Filter.from_source(mend or source)

    def wasm_proxy(given, **options):
        kind = options.pop("kind", "http")
        told = {name: options.pop(name) for name in ("config", "vm_config", "root_id") if name in options}
        chain = given if isinstance(given, list) else Plugin(wasm_filter(given), kind=kind, **told)
        opened.append(Proxy(chain, workers=options.pop("workers", 1), **options))
        return opened[-1]

    scope = {}
    exec(compile(code, "<found>", "exec"), scope)
    test = next(value for name, value in scope.items() if name.startswith("test_"))
    fixtures = {"wasm_proxy": wasm_proxy, "wasm_filter": wasm_filter}
    try:
        test(*(fixtures[name] for name in test.__code__.co_varnames[: test.__code__.co_argcount]))
    finally:
        for proxy in opened:
            proxy.close()


def mended(source):
    """A filter with nothing wrong with it that has the same queues."""
    base = "TcpContext" if "TcpContext" in source else "HttpContext"
    queue = source.partition('register_queue("')[2].partition('"')[0]
    start = f"class P(PluginContext):\n    def on_plugin_start(self, n):\n        register_queue({queue!r})\n        return True\n\n\n"
    return f"{start if queue else ''}class Sound({base}):\n    pass\n"


@pytest.mark.slow
@pytest.mark.parametrize("path", PLANTED, ids=lambda p: p.stem)
def test_each_planted_fault_is_found_within_a_minute(path):
    source = path.read_text()
    report = fuzz(Filter.from_source(source, path.stem), seconds=60)
    (finding,) = report.findings
    assert finding.kind == source.partition(":")[0].strip('"')
    assert finding.seconds < 60
    assert SMALLEST[path.stem] in finding.test
    with pytest.raises(AssertionError):
        run_test(finding.test)
    run_test(finding.test, mend=mended(source))


def test_there_are_twenty_planted_faults_of_four_kinds():
    kinds = [p.read_text().partition(":")[0].strip('"') for p in PLANTED]
    assert len(kinds) == 20
    assert set(kinds) == {"trap", "hang", "stuck", "growth"}


SOUND = """
KEPT = {}


class Sound(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        KEPT[len(KEPT) % 100] = self.request_headers.get("x-user")
        try:
            self.http_call("auth", path="/", timeout=1, callback=self.on_answer)
        except InternalFailure:
            self.send_local_response(503)
        return Action.PAUSE

    def on_answer(self, answer):
        if answer.ok:
            self.continue_request()
        else:
            self.send_local_response(503)

    def on_http_request_body(self, size, end_of_stream):
        if not end_of_stream:
            return Action.PAUSE
        self.request_body = bytes(self.request_body)[:10]
"""


@pytest.mark.slow
def test_nothing_is_found_in_a_sound_filter(make_filter):
    report = fuzz(make_filter(SOUND, "sound"), seconds=8)
    assert not report, str(report)
    assert report.tried > 100
    assert "nothing wrong" in str(report)


def test_the_same_seed_tries_the_same_scenarios(make_filter):
    words = vocabulary_of(make_filter(SOUND, "sound"))
    from random import Random

    def drawn():
        generator = Generator(words, Random(5), ALL)
        mutator = Mutator(generator)
        return [mutator.change(generator.scenario()) for _ in range(50)]

    assert drawn() == drawn()


def test_the_vocabulary_comes_from_the_source_without_its_docstrings(make_filter):
    words = vocabulary_of(make_filter('"""not-this"""\n' + SOUND.replace("x-user", "x-tenant"), "words"))
    assert "x-tenant" in words.names[: words.own]
    assert "not-this" not in words.names
    assert {100, 503} <= set(words.numbers)


@pytest.mark.parametrize("kind", ["http", "network"])
def test_every_scenario_that_is_drawn_can_be_run(make_filter, kind):
    from random import Random

    base = {"http": "HttpContext", "network": "TcpContext"}[kind]
    queue = "class P(PluginContext):\n    def on_plugin_start(self, n):\n        register_queue('jobs')\n        return True\n"
    plain = make_filter(f"{queue}class Plain({base}):\n    pass\n", f"plain_{kind}")
    words = vocabulary_of(make_filter(SOUND, "sound"))
    words.queues = ["jobs"]
    generator = Generator(words, Random(1), ALL, network=kind == "network")
    mutator = Mutator(generator)
    scenarios = seeds(words, ALL, network=kind == "network")
    whole = Scenario()
    for scenario in [*scenarios, *(mutator.change(generator.scenario()) for _ in range(60))]:
        whole = whole + scenario
    assert replay(plain, whole, kind=kind, workers=2) is None
    drawn = {type(step).__name__ for step in whole.steps}
    common = {"Script", "Pass", "Reconfigure", "Enqueue", "Leave", "Settle"}
    assert drawn >= common | (
        {"Connect", "Data", "Close"} if kind == "network" else {"Send", "Open", "Body", "Trailers"}
    )


FRAGILE = """
class Fragile(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        if b"x" in bytes(self.request_body):
            raise ValueError("an x")
"""


@pytest.mark.slow
def test_all_faults_can_be_asked_for(make_filter):
    two = (
        FRAGILE
        + "\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        if self.request_headers.get('x-a') == 'boom':\n            raise KeyError('b')\n"
    )
    report = fuzz(make_filter(two, "two"), seconds=12, all_faults=True)
    assert {f.message.splitlines()[-1] for f in report.findings} >= {"ValueError: an x", "KeyError: 'b'"}


def test_shrinking_keeps_what_matters():
    long = Scenario(
        (
            Script((Answer(500, latency=1.0),), (Answer(404),)),
            Send("GET", "/other"),
            Open(0, "POST", "/a/b?c=d", ((b"x", b"1"), (b"y", b"2"))),
            Pass(5.0),
            Body(0, b"some long body with an x in it", end=True),
            Leave(0),
        )
    )

    def fails(scenario):
        opened = {s.stream for s in scenario.steps if isinstance(s, Open)}
        told = [s.data for s in scenario.steps if isinstance(s, Body) and s.stream in opened]
        return any(b"x in" in data for data in [*told, *(s.body for s in scenario.steps if isinstance(s, Send))])

    assert shrink(long, fails, 5.0).steps == (Send(body=b"x in"),)


def test_a_scenario_can_be_replayed(make_filter):
    fragile = make_filter(FRAGILE, "fragile")
    fault = replay(fragile, Scenario((Send("POST", body=b"x"),)))
    assert (fault.kind, fault.message.splitlines()[-1]) == ("trap", "ValueError: an x")
    assert replay(fragile, Scenario((Send("POST", body=b"y"),))) is None


def test_an_interrupted_search_says_what_it_has(make_filter):
    def stop(report):
        raise KeyboardInterrupt

    report = fuzz(make_filter("class Plain(HttpContext):\n    pass\n", "plain"), seconds=20, progress=stop)
    assert report.interrupted
    assert 0 < report.seconds < 15


def test_soundness_is_an_assertion_of_its_own(make_proxy):
    proxy = make_proxy(FRAGILE)
    proxy.post("/", body="y")
    assert_sound(proxy)
    proxy.post("/", body="x")
    with pytest.raises(AssertionError, match="ValueError: an x"):
        assert_sound(proxy)


def test_a_stream_that_is_held_makes_a_proxy_unsound(make_proxy):
    proxy = make_proxy(
        "class Hold(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        return Action.PAUSE\n",
        idle_timeout=0,
    )
    proxy.get("/", wait=0)
    with pytest.raises(AssertionError, match="1 stream is stuck: nothing resumed it for 60 virtual seconds"):
        assert_sound(proxy)


def test_memory_that_stays_is_told_from_memory_that_grows(make_proxy):
    leak = "KEPT = []\n\n\nclass Keep(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        KEPT.append(bytes(3000)) if self.request_headers.get('x-keep') else None\n"
    proxy = make_proxy(leak)
    assert_memory_steady(proxy, lambda: proxy.get("/"), times=100)
    with pytest.raises(AssertionError, match=r"memory grows by \d,\d\d\d bytes in each repetition"):
        assert_memory_steady(proxy, lambda: proxy.get("/", headers={"x-keep": "1"}), times=200)


@pytest.mark.slow
def test_a_module_from_elsewhere_is_searched_too():
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


def test_time_is_kept(make_filter):
    started = monotonic()
    fuzz(make_filter("class Plain(HttpContext):\n    pass\n", "plain"), seconds=1)
    assert monotonic() - started < 6


def test_what_a_filter_can_do_is_read_from_its_source(make_filter):
    planted = {p.stem: make_filter(p.read_text(), p.stem) for p in PLANTED}
    assert abilities_of(planted["magic_value"]) == frozenset()
    assert abilities_of(planted["empty_message"]) == {"grpc"}
    assert {"queue", "shared"} <= abilities_of([planted["magic_value"], Plugin(planted["items_are_json"])])
    assert [kind_of(planted[name]) for name in ("length_in_pieces", "magic_value")] == ["network", "http"]


def test_only_the_kinds_that_are_asked_for_count(make_filter):
    hold = "class Hold(HttpContext):\n    def on_http_request_headers(self, n, e):\n        if self.request_headers.get('x-a') == 'boom':\n            raise KeyError('b')\n        return Action.PAUSE\n"
    report = fuzz(make_filter(hold, "hold"), seconds=20, only=["trap"])
    assert [f.kind for f in report.findings] == ["trap"]
    report = fuzz(make_filter(hold, "hold"), seconds=20, only="stuck")
    assert [f.kind for f in report.findings] == ["stuck"]


def test_an_unknown_kind_is_named(make_filter):
    with pytest.raises(
        UsageError, match="There is no kind of fault 'leak'; there are trap, hang, stuck, growth, misuse"
    ):
        fuzz(make_filter(FRAGILE, "fragile"), only="leak")


def test_an_interrupt_while_a_finding_is_made_small_keeps_it(make_filter):
    def stop(report):
        if "smaller" in report.activity:
            raise KeyboardInterrupt

    fragile = "import time\n" + FRAGILE.replace("            raise", "            time.monotonic()\n            raise")
    report = fuzz(make_filter(fragile, "slow_fragile"), seconds=20, progress=stop)
    (finding,) = report.findings
    with pytest.raises(AssertionError, match="ValueError: an x"):
        run_test(finding.test)


def test_a_chain_and_its_settings_are_written_into_the_test(make_filter):
    plain = make_filter("class Plain(HttpContext):\n    pass\n", "plain")
    fragile = make_filter(FRAGILE, "fragile")
    chain = [Plugin(plain, root_id="first"), Plugin(fragile, config=b'{"a": "x"}', failure_policy="FAIL_OPEN")]
    (finding,) = fuzz(chain, seconds=20).findings
    assert 'Plugin(wasm_filter(FILTER2), config=b\'{"a": "x"}\', failure_policy="FAIL_OPEN")' in finding.test
    with pytest.raises(AssertionError, match="ValueError: an x"):
        run_test(finding.test)


@pytest.mark.slow
def test_a_configuration_that_is_refused_is_no_fault(make_filter):
    refuses = """
class Refuses(PluginContext):
    def on_plugin_start(self, size):
        assert not self.configuration, "no configuration, please"
        return True
"""
    report = fuzz(make_filter(refuses, "refuses"), seconds=4)
    assert not report, str(report)


@pytest.mark.parametrize("name", ["forgets_failures", "endless_decoding", "keeps_connections"])
@pytest.mark.slow
def test_a_native_filter_is_searched_natively_and_the_finding_holds_in_wasm(name):
    text = next(path for path in PLANTED if path.stem == name).read_text()
    (finding,) = fuzz(Filter.native(text, name), seconds=60).findings
    assert finding.kind == text.partition(":")[0].strip('"')
    with pytest.raises(AssertionError):
        run_test(finding.test)


def test_memory_of_a_native_filter_cannot_be_measured(make_proxy):
    proxy = make_proxy(Filter.native("class Plain(HttpContext):\n    pass\n", "plain"))
    with pytest.raises(UsageError, match="Native filters have no memory of their own"):
        assert_memory_steady(proxy, lambda: proxy.get("/"))


def test_garbage_in_cycles_is_no_growth(make_proxy):
    cycles = """
class Cycle(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.me = [bytes(300), self]
"""
    proxy = make_proxy(cycles)
    assert_memory_steady(proxy, lambda: proxy.get("/"), times=600)
