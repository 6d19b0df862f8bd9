"""Profiles: costs by line, hostcall and callback, the observer's cost, and a proxy that stays as it is."""

import pytest

from tests.host.host_kit import wat
from wasmnb import Filter, Proxy
from wasmnb.compiler.dependencies.filter_source import Part
from wasmnb.errors import FilterTrap, NativeWarning, SourceError, UsageError
from wasmnb.sdk.diagnostics.profiling import CALLS, PROBE
from wasmnb.traffic import profile

SOURCE = """\
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        pass
        for i in range(50):
            double(i)
        small = sum(range(1_000, 2_000))
        large = sum(range(1_000, 11_000))
        self.request_headers["x-a"] = "a"; self.request_headers["x-b"] = "b"
        try:
            failing()
        except ValueError:
            pass
        return Action.CONTINUE

    def on_http_response_headers(self, num_headers, end_of_stream):
        numbers = list(gen())

def double(n):
    return n * 2

def failing():
    raise ValueError

def gen():
    yield 1
    yield 2
"""


@pytest.fixture(scope="module")
def proxy():
    with Proxy(Filter.from_source(SOURCE, "auth", filename="Cell In[1]", first_line=2), workers=2) as proxy:
        proxy.get("/seen")
        yield proxy


@pytest.fixture(scope="module")
def report(proxy):
    return profile(proxy, requests=30)


def line(report, text):
    """Return the cost of the line with this text."""
    (source,) = report.sources
    at = next(i for i, content in enumerate(source.text.split("\n")) if text in content)
    return report.line(at + source.first_line)


def test_exactly_the_lines_that_ran_have_hits(report):
    hits = {
        text: line(report, text).hits for text in ("pass", "for i", "double(i)", "n * 2", "raise", "yield 1", "list(")
    }
    assert hits == {"pass": 1, "for i": 51, "double(i)": 50, "n * 2": 50, "raise": 1, "yield 1": 1, "list(": 1}
    with pytest.raises(KeyError, match="Line 1 didn't run"):
        report.line(1)
    assert line(report, "n * 2").function == "double"


def test_costs_are_in_proportion_without_the_observer(report):
    assert 0 <= line(report, "pass").fuel < 100
    assert line(report, "11_000").fuel == pytest.approx(10 * line(report, "2_000").fuel, rel=0.05)
    assert report.lines[0] is line(report, "11_000")
    assert sum(measured.share for measured in report.lines) < 1.01
    assert sum(measured.ns for measured in report.lines) + report.around == pytest.approx(report.ns, rel=0.02)
    assert -0.05 < report.observer.excess < 0.5
    assert report.observer.fuel > 1000


def test_hostcalls_are_counted_by_line_and_by_name(report):
    assert line(report, "x-a").hostcalls == {"replace_header_map_value": 2}
    assert line(report, "double(i)").hostcalls == {}
    (hostcall,) = report.hostcalls
    assert (hostcall.name, hostcall.count) == ("replace_header_map_value", 60)
    assert hostcall.mean_ns * 60 == pytest.approx(hostcall.total_ns)
    assert hostcall.total_ns > 0


def test_callbacks_have_time_and_fuel(report):
    callbacks = {c.name: c for c in report.callbacks}
    assert {"on_request_headers", "on_response_headers"} <= callbacks.keys()
    assert report.callbacks[0].name == "on_request_headers"
    assert callbacks["on_request_headers"].count == 30
    assert report.fuel["on_http_request_headers"] > report.fuel["on_http_response_headers"] > 1000
    assert report.statuses == {200: 30}


def test_same_profile_has_the_same_fuel(proxy, report):
    again = profile(proxy, requests=3)
    assert again.fuel == report.fuel
    assert [(measured.lineno, measured.hits, measured.fuel) for measured in again.lines] == [(measured.lineno, measured.hits, measured.fuel) for measured in report.lines]


@pytest.mark.slow
def test_proxy_is_unchanged(proxy):
    before = (proxy.trace.total, proxy.exchanges.total, proxy.now)
    profile(proxy, requests=1, path="/else")
    assert (proxy.trace.total, proxy.exchanges.total, proxy.now) == before


@pytest.mark.slow
def test_last_exchanges_are_repeated_in_turn():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/b":
            rare = 1
        if self.request_headers.get("x-user") == "ann":
            ann = 1
"""
    with Proxy(Filter.from_source(source)) as proxy:
        with pytest.raises(UsageError, match="no exchange to repeat"):
            profile(proxy)
        for path in ("/b", "/a", "/a"):
            proxy.get(path, {"x-user": "ann"})
        assert profile(proxy, requests=1).line(5).hits == pytest.approx(1 / 3)
        only = profile(proxy, requests=1, last=1)
        assert only.line(7).hits == 1
        with pytest.raises(KeyError):
            only.line(5)


@pytest.mark.slow
def test_async_callbacks_have_lines_before_and_after_an_await():
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        before = 1
        await self.inner()
        after = 2

    async def inner(self):
        await sleep(0.01)
        deep = 3
"""
    with Proxy(Filter.from_source(source)) as proxy:
        report = profile(proxy, requests=2, path="/")
        assert [report.line(n).hits for n in (4, 5, 6, 9, 10)] == [1, 1, 1, 1, 1]
        assert "on_tick" in report.fuel


@pytest.mark.slow
def test_all_parts_of_a_filter_have_lines(tmp_path):
    (tmp_path / "helper.py").write_text("def twice(n):\n    return 2 * n\n")
    parts = [
        Part("import helper\nLIMIT = 3\ndef f():\n    return helper.twice(LIMIT)", "Cell In[1]", 1),
        Part("class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        f()", "Cell In[2]", 1),
    ]
    with Proxy(Filter.from_parts(parts, path=[tmp_path])) as proxy:
        report = profile(proxy, requests=1, path="/")
    assert [s.filename for s in report.sources][:2] == ["Cell In[1]", "Cell In[2]"]
    assert report.line(4, "Cell In[1]").hits == report.line(3, "Cell In[2]").hits == 1
    assert report.sources[2].filename.endswith("helper.py")
    assert report.sources[2].lines[2].hits == 1


def test_module_of_another_compiler_has_callbacks_hostcalls_and_a_reason():
    text = """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (drop (call $log (i32.const 0) (i32.const 0) (i32.const 0))) (i32.const 0))"""
    imports = '(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))'
    with Proxy(Filter.from_bytes(wat(text, imports=imports).wasm)) as proxy:
        report = profile(proxy, requests=5, path="/")
    assert (report.sources, report.observer) == ((), None)
    assert "wasn't compiled from Python by this version of wasmnb" in report.reason
    assert [(h.name, h.count) for h in report.hostcalls] == [("log", 5)]
    assert report.fuel["on_http_request_headers"] > 0


def test_impossible_profile_is_a_usage_error(proxy):
    with pytest.raises(UsageError, match="requests= must be at least 1"):
        profile(proxy, requests=0)
    bad = "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        raise KeyError('x')"
    with Proxy(Filter.from_source(bad)) as failing, pytest.raises(FilterTrap, match="KeyError: 'x'"):
        profile(failing, path="/")


@pytest.mark.slow
def test_hostcalls_of_a_line_are_those_of_the_abi_most_frequent_first():
    source = """
import time
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for _ in range(5): log_warn(str(time.time())); x = self.request_headers.get("x-a")
        self.http_call("upstream", path="/")
"""
    with Proxy(Filter.from_source(source), workers=1) as proxy:
        report = profile(proxy, requests=1, path="/")
    called = report.line(5).hostcalls
    assert {name: n for name, n in called.items() if name != "get_current_time_nanoseconds"} == {
        "log": 5,
        "get_header_map_value": 5,
    }
    assert report.line(6).hostcalls == {"http_call": 1}
    assert list(called.values()) == sorted(called.values(), reverse=True)
    assert "1 http_call" in report._repr_mimebundle_()["text/plain"]


@pytest.mark.slow
def test_native_filter_is_profiled_as_wasm():
    with Proxy(Filter.native(SOURCE, "auth"), workers=1) as native:
        report = profile(native, requests=2, path="/")
    assert line(report, "double(i)").hits == 50
    assert report.native
    assert "%prun" in report._repr_mimebundle_()["text/plain"]


def test_error_suggests_other_profilers_for_a_filter_that_does_not_compile():
    source = "import sqlite3\nclass F(HttpContext):\n    pass\n"
    with pytest.warns(NativeWarning), Proxy(Filter.native(source)) as native, pytest.raises(SourceError) as caught:
        profile(native, path="/")
    assert "%prun" in caught.value.hint


@pytest.mark.parametrize("number", [PROBE, CALLS])
def test_filter_cannot_read_the_profilers_clock(number):
    source = f"""
from wasmnb.sdk.hostcalls import get_metric
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        get_metric({number})
"""
    with Proxy(Filter.from_source(source), workers=1, fuel=True) as counting, Proxy(counting.plugins) as plain:
        assert counting.get("/").traceback == plain.get("/").traceback != ""
