"""The pytest plugin, in sessions of its own."""

import pytest

from wasmnb.compiler.runtime.cache import cache_folder

pytest_plugins = ["pytester"]

#: The runtimes that are there; pytester moves the home folder.
CACHE = cache_folder()

FILTER = """
class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-demo"] = "1"
"""


@pytest.fixture
def session(pytester, monkeypatch):
    """Runs test code in a session of its own. (A second faulthandler would take the signals that Wasm traps come by.)"""
    monkeypatch.setenv("WASMNB_CACHE", str(CACHE))
    pytester.makepyfile(demo_filter=FILTER)

    def go(code, *options):
        pytester.makepyfile(test_inner=code)
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers", *options
        )

    return go


def test_a_proxy_is_made_from_a_file_beside_the_test(session):
    result = session(
        """
        made = []

        def test_it(wasm_proxy):
            proxy = wasm_proxy("demo_filter.py", workers=2)
            made.append(proxy)
            assert proxy.get("/").upstream_request.headers["x-demo"] == "1"

        def test_it_was_closed():
            assert made[0].state == "closed"
        """
    )
    result.assert_outcomes(passed=2)


def test_a_proxy_is_made_from_source_a_filter_or_a_list(session):
    result = session(
        f"""
        SOURCE = {FILTER!r}

        def test_source(wasm_proxy, wasm_filter, wasm_backend):
            assert wasm_backend == "simulated"
            assert wasm_filter(SOURCE, "a") is wasm_filter(SOURCE, "a")
            for what in (SOURCE, wasm_filter(SOURCE), [SOURCE, wasm_filter("demo_filter.py")]):
                assert wasm_proxy(what).get("/").upstream_request.headers["x-demo"] == "1"
        """
    )
    result.assert_outcomes(passed=1)


def test_a_filter_may_be_a_class_with_what_it_refers_to(session, pytester):
    pytester.makepyfile(words="WORD = '1'")
    result = session(
        """
        import pytest, wasmnb, words
        from wasmnb import HttpContext, Plugin, Proxy

        class Plain(HttpContext):
            def on_http_request_headers(self, num_headers, end_of_stream):
                self.request_headers["x-demo"] = words.WORD

        @wasmnb.filter
        class Decorated(Plain):
            pass

        @pytest.mark.wasm_backends("simulated", "native")
        @pytest.mark.parametrize("form", ["class", "filter", "plugin", "proxy"])
        def test_it(wasm_proxy, wasm_filter, wasm_backend, form):
            with Proxy(Decorated) as running:
                what = {"class": Plain, "filter": Decorated, "plugin": Plugin(Decorated), "proxy": running}[form]
                assert wasm_proxy(what).get("/").upstream_request.headers["x-demo"] == "1"
                assert wasm_filter(Decorated).is_native == (wasm_backend == "native")
        """
    )
    result.assert_outcomes(passed=8)


def test_the_marker_runs_a_test_once_on_each_backend(session):
    result = session(
        """
        import pytest

        @pytest.mark.wasm_backends("simulated", "native")
        def test_it(wasm_proxy, wasm_backend):
            proxy = wasm_proxy("demo_filter.py", seed=1)
            assert proxy.get("/").upstream_request.headers["x-demo"] == "1"
        """,
        "-v",
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_it[[]simulated[]] PASSED*", "*test_it[[]native[]] PASSED*"])


@pytest.mark.envoy
def test_the_marker_runs_a_test_on_the_real_envoy_too(session):
    result = session(
        """
        import pytest
        from wasmnb.testing import assert_request, assert_response, request, response, send, upstream

        @pytest.mark.wasm_backends("simulated", "envoy")
        def test_it(wasm_proxy, wasm_backend):
            origin = upstream(response(201, "made"))
            proxy = wasm_proxy("demo_filter.py", upstream=origin, seed=1, guest_time=0.0)
            x = send(proxy, request("/a", json={"b": 1}))
            assert_response(x, 201, body="made")
            assert_request(x, method="POST", path="/a", headers={"x-demo": "1"}, body='{"b":1}')
            origin.verify("POST /a")
        """
    )
    result.assert_outcomes(passed=2)


def test_an_unknown_backend_is_named(session):
    result = session("import pytest\n@pytest.mark.wasm_backends('nginx')\ndef test_it(wasm_proxy): pass\n")
    result.stdout.fnmatch_lines(["*Unknown backend 'nginx'. Choose from simulated, native, envoy.*"])


def test_snapshots_lie_beside_the_test_and_are_written_on_demand(session, pytester):
    code = """
        def test_it(wasm_proxy, wasm_snapshot):
            wasm_snapshot(wasm_proxy("demo_filter.py").get("/"))
        """
    session(code).assert_outcomes(failed=1)
    session(code, "--wasm-update").assert_outcomes(passed=1)
    session(code).assert_outcomes(passed=1)
    file = pytester.path / "__snapshots__" / "test_inner" / "test_it.txt"
    assert "replace_header_map_value" in file.read_text()
    file.write_text(file.read_text().replace("'1'", "'2'"))
    result = session(code)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*-*value='2'*", "*+*value='1'*"])


def test_snapshots_of_tests_of_the_same_name_do_not_meet(session, pytester):
    code = """
        import pytest

        class TestA:
            def test_it(self, wasm_snapshot): wasm_snapshot("a")

        class TestB:
            @pytest.mark.parametrize("path", ["/x?y:z"])
            def test_it(self, wasm_snapshot, path): wasm_snapshot("b")
        """
    session(code, "--wasm-update").assert_outcomes(passed=2)
    session(code).assert_outcomes(passed=2)
    files = {f.name for f in (pytester.path / "__snapshots__" / "test_inner").iterdir()}
    assert files == {"TestA.test_it.txt", "TestB.test_it-_x_y_z.txt"}


def test_what_a_test_raises_shows_its_lines_and_none_of_ours(session):
    code = """
        from wasmnb.testing import assert_fuel, fuzz

        def test_fuel(wasm_proxy):
            assert_fuel(wasm_proxy("demo_filter.py").get("/"), 100)

        def test_fuzz():
            fuzz("demo_filter.py")

        def test_path(wasm_filter):
            wasm_filter("dem_filter.py")

        def answer(request):
            return {}[request.path]

        def test_script(wasm_proxy):
            wasm_proxy("demo_filter.py", upstream=answer).get("/nowhere")
        """
    result = session(code)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([">*.get(?/nowhere?)", "*def answer(request):", "*KeyError: ?/nowhere?"])
    result.stdout.fnmatch_lines(
        ["*Proxy(..., fuel=True)*", "*not str: Filter.from_file(path)*", "*Did you mean demo_filter.py?*"]
    )
    result.stdout.no_fnmatch_line("*/wasmnb/*.py:*")
    session(code, "--full-trace").stdout.fnmatch_lines(["*/wasmnb/host/trace/exchange.py:*"])


def test_a_tcp_filter_is_made_with_its_kind(session):
    result = session(
        """
        LINES = "class Lines(TcpContext):\\n    def on_downstream_data(self, size, end):\\n        log_info(str(self.config))\\n"

        def test_it(wasm_proxy):
            proxy = wasm_proxy(LINES, kind="network", config={"a": 1})
            assert proxy.connect().send(b"hello").read() == b"hello"
            assert proxy.log[-1].text == "{'a': 1}"
        """
    )
    result.assert_outcomes(passed=1)


def test_a_filter_that_is_not_there_is_looked_for_in_three_places_without_our_frames(session):
    result = session("def test_it(wasm_proxy):\n    wasm_proxy('nowhere.py')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: Filter nowhere.py not found in *"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_a_filter_that_does_not_compile_shows_its_line(session):
    result = session(
        "def test_it(wasm_proxy):\n    wasm_proxy('class A(HttpContext):\\n    def f(self)\\n        pass\\n')\n"
    )
    result.stdout.fnmatch_lines(["E *SyntaxError: expected ':'*", "E * 2 |     def f(self)"])


def test_a_filter_may_be_used_with_hypothesis(session):
    result = session(
        """
        from hypothesis import given, settings
        from wasmnb import Proxy
        from wasmnb.testing import send, strategies

        @settings(max_examples=5, deadline=None)
        @given(strategies.requests())
        def test_it(wasm_filter, sent):
            with Proxy(wasm_filter("demo_filter.py"), workers=1) as proxy:
                assert send(proxy, sent).upstream_request.headers["x-demo"] == "1"
        """
    )
    result.assert_outcomes(passed=1)


@pytest.mark.envoy
def test_what_a_real_envoy_does_not_show_is_said(session):
    result = session(
        """
        import pytest
        from wasmnb import UsageError
        from wasmnb.testing import assert_callouts, snapshot, strict

        @pytest.mark.wasm_backends("envoy")
        def test_it(wasm_proxy):
            proxy = wasm_proxy("demo_filter.py")
            x = proxy.get("/")
            for look in (lambda: assert_callouts(x, []), lambda: assert_callouts(proxy, []), lambda: snapshot(x), lambda: strict(proxy)):
                with pytest.raises(UsageError, match="eal Envoy does not show"):
                    look()
        """
    )
    result.assert_outcomes(passed=1)
