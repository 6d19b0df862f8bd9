"""The pytest plugin in nested sessions."""

import pytest

from wasmnb.compiler.cache.places import cache_folder

pytest_plugins = ["pytester"]

#: Folder of the compiled runtimes, since pytester changes the home folder.
CACHE = cache_folder()

FILTER = """
class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-demo"] = "1"
"""


@pytest.fixture
def session(pytester, monkeypatch):
    """Function that runs test code in a nested session, without faulthandler, which would take the signals of Wasm traps."""
    monkeypatch.setenv("WASMNB_CACHE", str(CACHE))
    pytester.makepyfile(demo_filter=FILTER)

    def go(code, *options):
        pytester.makepyfile(test_inner=code)
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-p", "no:faulthandler", "--strict-markers", *options
        )

    return go


def test_wasm_proxy_takes_a_file_next_to_the_test(session):
    result = session(
        """
        proxies = []

        def test_it(wasm_proxy):
            proxy = wasm_proxy("demo_filter.py", workers=2)
            proxies.append(proxy)
            assert proxy.get("/").upstream_request.headers["x-demo"] == "1"

        def test_it_was_closed():
            assert proxies[0].state == "closed"
        """
    )
    result.assert_outcomes(passed=2)


def test_wasm_proxy_takes_source_filter_or_list(session):
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


@pytest.mark.slow
def test_wasm_filter_takes_a_class_with_its_references(session, pytester):
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


def test_marker_runs_a_test_on_each_backend(session):
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
def test_marker_runs_a_test_on_the_real_envoy(session):
    result = session(
        """
        import pytest
        from wasmnb.testing import assert_request, assert_response, request, response, send, upstream

        @pytest.mark.wasm_backends("simulated", "envoy")
        def test_it(wasm_proxy, wasm_backend):
            origin = upstream(response(201, "created"))
            proxy = wasm_proxy("demo_filter.py", upstream=origin, seed=1, guest_time=0.0)
            x = send(proxy, request("/a", json={"b": 1}))
            assert_response(x, 201, body="created")
            assert_request(x, method="POST", path="/a", headers={"x-demo": "1"}, body='{"b":1}')
            origin.verify("POST /a")
        """
    )
    result.assert_outcomes(passed=2)


@pytest.mark.envoy
def test_error_that_mentions_an_installation_is_not_a_missing_envoy(session):
    result = session(
        """
        import pytest

        @pytest.mark.wasm_backends("envoy")
        def test_it(wasm_proxy):
            wasm_proxy("demo_filter.py", log_level="install")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*UsageError*install*"])


def test_missing_envoy_skips_the_test(session, monkeypatch, tmp_path):
    monkeypatch.setenv("WASMNB_ENVOY", str(tmp_path / "none"))
    result = session(
        "import pytest\n@pytest.mark.wasm_backends('envoy')\ndef test_it(wasm_proxy): wasm_proxy('demo_filter.py')\n"
    )
    result.assert_outcomes(skipped=1)


def test_unknown_backend_fails_with_its_name(session):
    result = session("import pytest\n@pytest.mark.wasm_backends('nginx')\ndef test_it(wasm_proxy): pass\n")
    result.stdout.fnmatch_lines(["*Unknown backend 'nginx'. Choose from simulated, native, envoy.*"])


@pytest.mark.slow
def test_snapshots_are_stored_next_to_the_test_and_updated_on_demand(session, pytester):
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


def test_snapshots_of_equal_test_names_have_their_own_files(session, pytester):
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


@pytest.mark.slow
def test_traceback_has_lines_of_the_test_only(session):
    code = """
        from wasmnb.testing import assert_fuel, fuzz

        def test_fuel(wasm_proxy):
            assert_fuel(wasm_proxy("demo_filter.py").get("/"), 100)

        def test_fuzz():
            fuzz("demo_filter.py")

        def test_path(wasm_filter):
            wasm_filter("dem_filter.py")

        def respond(request):
            return {}[request.path]

        def test_script(wasm_proxy):
            wasm_proxy("demo_filter.py", upstream=respond).get("/nowhere")
        """
    result = session(code)
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines([">*.get(?/nowhere?)", "*def respond(request):", "*KeyError: ?/nowhere?"])
    result.stdout.fnmatch_lines(
        ["*Proxy(..., fuel=True)*", "*not str. Load a .py*Filter.from_file(path)*", "*Did you mean demo_filter.py?*"]
    )
    result.stdout.no_fnmatch_line("*/wasmnb/*.py:*")
    session(code, "--full-trace").stdout.fnmatch_lines(["*/wasmnb/host/trace/exchange.py:*"])


def test_wasm_proxy_takes_the_kind_of_a_tcp_filter(session):
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


def test_missing_filter_fails_with_the_searched_folders(session):
    result = session("def test_it(wasm_proxy):\n    wasm_proxy('nowhere.py')\n")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: Filter nowhere.py was not found in *"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_syntax_error_shows_its_line(session):
    result = session(
        "def test_it(wasm_proxy):\n    wasm_proxy('class A(HttpContext):\\n    def f(self)\\n        pass\\n')\n"
    )
    result.stdout.fnmatch_lines(["E *SyntaxError: expected ':'*", "E * 2 |     def f(self)"])


def test_wasm_proxy_works_with_hypothesis(session):
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
def test_assertion_without_a_counterpart_in_envoy_raises(session):
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
                with pytest.raises(UsageError, match="eal Envoy(, which)? doesn.t report"):
                    look()
        """
    )
    result.assert_outcomes(passed=1)
