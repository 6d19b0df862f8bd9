"""The magics in a real IPython shell with real filters."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError as MagicUsageError

from wasmnb import Proxy
from wasmnb.errors import FilterTrap, ModuleError, SourceError, UsageError
from wasmnb.host import Exchange

HELLO = """\
from wasmnb.sdk import HttpContext


class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-hello"] = self.plugin.config.get("greeting", "$x {y}")
        print("saw", self.request_headers.get("x-user"))
"""


@pytest.fixture
def hello(run):
    return run(f"%%wasmfilter hello --workers 2\n{HELLO}")


def test_cell_becomes_a_running_proxy_under_its_name(run, shell, hello):
    assert isinstance(hello, Proxy)
    assert shell.user_ns["hello"] is hello
    assert len(hello.workers) == 2
    assert hello.state == "running"


def test_dollar_and_braces_in_the_source_are_not_expanded(hello):
    assert hello.get("/").upstream_request.headers["x-hello"] == "$x {y}"


def test_configuration_is_text_or_a_file(run, tmp_path):
    proxy = run(f'%%wasmfilter hello --config \'{{"greeting": "text"}}\'\n{HELLO}')
    assert proxy.get("/").upstream_request.headers["x-hello"] == "text"
    (tmp_path / "config.json").write_text('{"greeting": "file"}')
    proxy = run(f"%%wasmfilter hello --config @{tmp_path}/config.json\n{HELLO}")
    assert proxy.get("/").upstream_request.headers["x-hello"] == "file"


@pytest.mark.parametrize("flag", ["$cfg", "cfg", "$text", "text", "$data"])
def test_configuration_is_a_variable_of_the_notebook(run, shell, flag):
    shell.user_ns.update(cfg={"greeting": "variable"}, text='{"greeting": "variable"}', data=b'{"greeting": "variable"}')
    proxy = run(f"%%wasmfilter hello --workers 1 --config {flag}\n{HELLO}")
    assert proxy.get("/").upstream_request.headers["x-hello"] == "variable"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("$nothing", "the variable nothing is not defined"),
        ("{greeting:1}", "--config is not JSON: .*Use single quotes"),
        ("'[1,'", "--config is not JSON"),
        ("cfg", "--config cfg: the variable's value can't be written as JSON"),
    ],
)
def test_invalid_configuration_is_refused_before_the_filter_is_compiled(run, shell, value, problem):
    shell.user_ns["cfg"] = {"x": object()}
    with pytest.raises(MagicUsageError, match=problem):
        run(f"%%wasmfilter hello --config {value}\nnot python at all")


@pytest.mark.parametrize("name", ["print", "list", "class", "5", "open"])
def test_name_that_hides_a_builtin_is_refused(run, name):
    with pytest.raises(MagicUsageError, match=f"'{name}'.*Choose another NAME"):
        run(f"%%wasmfilter {name}\n{HELLO}")


def test_error_about_a_notebook_name_suggests_parts_and_the_decorator(run, shell):
    shell.user_ns["helper"] = 5
    with pytest.raises(SourceError, match="NameError: name 'helper' is not defined") as caught:
        run(f"%%wasmfilter hello\n{HELLO}\nx = helper")
    assert "%%wasmpart" in caught.value.hint
    assert "@wasmnb.filter" in caught.value.hint
    assert "'help'" not in str(caught.value)


def test_endless_loop_shows_the_line_that_was_running(run):
    loop = "\nclass Loop(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        self.spin(1)\n    def spin(self, n):\n        while n:\n            n += 1\n"
    proxy = run(f"%%wasmfilter looping --workers 1 --deadline 0.3\n{loop}")
    exchange = proxy.get("/")
    assert exchange.response.status == 503
    traceback = exchange.failure.traceback
    assert "in on_http_request_headers\n    self.spin(1)\n" in traceback
    assert ", in spin\n" in traceback
    assert "TimeoutError: still running after the deadline of 0.3 s" in traceback
    assert "/wasmnb/sdk/" not in traceback
    assert "/0/" not in traceback
    assert any("in spin" in line.text for line in proxy.log)


def test_running_the_cell_again_replaces_and_closes(run, shell, hello):
    again = run(f"%%wasmfilter hello\n{HELLO}")
    assert again is not hello
    assert hello.state == "closed"
    assert shell.user_ns["hello"] is again


def test_broken_edit_keeps_the_running_filter(run, shell, hello):
    with pytest.raises(SourceError):
        run("%%wasmfilter hello\nclass Hello(\n")
    assert shell.user_ns["hello"] is hello
    assert hello.state == "running"


def test_curl_returns_the_exchange(run, hello):
    exchange = run("%wasmcurl hello -X POST -H 'x-user: ann' -d a=1 /pay?q=1")
    assert isinstance(exchange, Exchange)
    assert (exchange.request.method, exchange.request.path, exchange.request.body) == ("POST", "/pay?q=1", b"a=1")
    assert exchange.upstream_request.headers["x-user"] == "ann"


def test_flags_may_come_before_or_after_the_path(run, hello):
    assert run("%wasmcurl hello /a -H 'x: 1' --worker 2").request.path == "/a"
    assert run("%wasmcurl hello -H 'x: 1' /a").worker == 1


def test_pasted_curl_command_is_accepted(run, hello):
    exchange = run(
        "%%wasmcurl hello\ncurl 'http://api.test/pay' \\\n  -H 'accept: text/html' \\\n  --data-raw 'a=1' --compressed\n"
    )
    assert (exchange.request.method, exchange.request.path, exchange.request.authority) == ("POST", "/pay", "api.test")
    assert exchange.request.body == b"a=1"


def test_flag_i_also_prints_the_output_of_curl(run, hello, capsys):
    run("%wasmcurl hello -v /x")
    printed = capsys.readouterr().out
    assert "> GET /x HTTP/1.1" in printed
    assert "< HTTP/1.1 200" in printed


def test_tree_log_metrics_and_trace_return_what_they_show(run, hello):
    run("%wasmcurl hello -H 'x-user: ann' /")
    run("%wasmcurl hello -H 'x-user: bob' /")
    assert run("%wasmtree hello").kind == "proxy"
    assert [line.text for line in run("%wasmlog hello")] == ["saw ann", "saw bob"]
    assert [line.text for line in run("%wasmlog hello --worker 2")] == ["saw bob"]
    assert list(run("%wasmlog hello --level error")) == []
    assert [line.text for line in run("%wasmlog hello --grep ann --exchange 1")] == ["saw ann"]
    assert {e.exchange for e in run("%wasmtrace hello --exchange 2")} == {2}
    assert dict(run("%wasmmetrics hello")) == {}


def test_every_result_has_html_and_text(run, hello):
    exchange = run("%wasmcurl hello /")
    for shown in (
        hello,
        exchange,
        hello.tree(),
        hello.log,
        hello.trace,
        hello.metrics,
        run("%wasmlog hello"),
        run("%wasmtrace hello"),
    ):
        bundle = shown._repr_mimebundle_()
        assert bundle["text/html"].startswith('<div class="wasmnb"')
        assert bundle["text/plain"]


@pytest.mark.parametrize(
    "line",
    [
        "%wasmcurl hello --no-such-flag /",
        "%wasmlog hello --level nonsense",
        "%wasmcurl hello -H 'unclosed /",
        "%%wasmfilter 1x\npass",
        "%wasmfilter hello",
        "%%wasmfilter hello --file x.wasm\npass",
        "%wasmtree",
        "%%wasmfilter hello --workers many\npass",
    ],
)
def test_invalid_flags_raise_usage_errors_without_traceback(run, line):
    with pytest.raises(MagicUsageError):
        run(line)


def test_unknown_name_lists_the_running_filters(run, hello):
    with pytest.raises(UsageError, match=r"'nosuch' is not a running filter\. Running filters: hello\."):
        run("%wasmtree nosuch")


@pytest.mark.slow
def test_files_are_compiled_and_modules_loaded(run, tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    proxy = run(f"%wasmfilter one --file {tmp_path}/hello.py")
    assert proxy.get("/").response.status == 200
    run(f"%%wasmfilter two --save {tmp_path}/hello.wasm\n{HELLO}")
    assert (tmp_path / "hello.wasm").read_bytes()[:4] == b"\0asm"
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(ModuleError):
        run(f"%wasmfilter bad --file {tmp_path}/bad.wasm")


def drawn(error):
    return [line for line in "\n".join(error._render_traceback_()).replace("\x1b[0m", "").split("\n") if line]


def test_syntax_error_points_at_the_line_of_the_cell(run, shell):
    with pytest.raises(SourceError) as caught:
        run("%%wasmfilter bad\nfrom wasmnb.sdk import HttpContext\n\nclass X(HttpContext)\n    pass\n")
    assert caught.value.lineno == 4
    text = "\n".join(drawn(caught.value))
    assert "line 4" in text
    assert "    class X(HttpContext)" in text
    assert "wasmnb/" not in text
    assert "run_cell_magic" not in text


def test_exception_at_start_shows_the_guests_traceback_with_the_cells_lines(run):
    cell = """%%wasmfilter bad
from wasmnb.sdk import HttpContext, PluginContext

class Plugin(PluginContext):
    def on_plugin_start(self, size):
        return self.config["missing"]

class X(HttpContext):
    pass
"""
    with pytest.raises(FilterTrap) as caught:
        run(cell)
    text = "\n".join(drawn(caught.value))
    assert "----> 6" in text
    assert 'return self.config["missing"]' in text
    assert "KeyError: 'missing'" in text
    assert "notebook/magics.py" not in text


def test_exception_in_a_callback_is_in_the_exchange_with_the_cells_lines(run):
    run("%%wasmfilter boom\nfrom wasmnb.sdk import HttpContext\nclass X(HttpContext):\n"
        "    def on_http_request_headers(self, n, eos):\n        return {}['a']\n")  # fmt: skip
    exchange = run("%wasmcurl boom /")
    assert exchange.response.status == 503
    text = exchange._repr_mimebundle_()["text/plain"]
    assert "✗ proxy_on_request_headers failed: KeyError: 'a'" in text
    assert "----> 5         return {}['a']" in text


def test_config_sets_the_defaults(run):
    run("%config WasmMagics.workers = 3")
    try:
        assert len(run(f"%%wasmfilter hello\n{HELLO}").workers) == 3
        assert len(run(f"%%wasmfilter hello -w 1\n{HELLO}").workers) == 1
    finally:
        run("%config WasmMagics.workers = 1")


def test_help_has_an_example(shell, run):
    text = shell.find_line_magic("wasmfilter").__doc__
    assert "%%wasmfilter hello --workers 4" in text
    assert "class Hello(HttpContext)" in text
    assert "--config" in text


def completions(shell, text):
    with provisionalcompleter():
        return {c.text for c in shell.Completer.completions(text, len(text))}


@pytest.mark.slow
def test_tab_completes_flags_and_filter_names(shell, run, hello):
    assert {"--workers"} == completions(shell, "%%wasmfilter x --wor")
    assert "hello" in completions(shell, "%wasmcurl he")
    assert "hello" in completions(shell, "%wasmtree ")
    assert {"--header", "--head"} <= completions(shell, "%wasmcurl hello --hea")
    assert "--header" not in completions(shell, "%pinfo --hea")


def test_unloading_removes_everything(shell, run):
    run("%load_ext wasmnb")
    run("%reload_ext wasmnb")
    assert [m.__name__ for m in shell.Completer.custom_matchers].count("wasmnb_matcher") == 1
    run("%unload_ext wasmnb")
    assert shell.find_line_magic("wasmcurl") is None
    assert shell.find_cell_magic("wasmfilter") is None
    assert not [m for m in shell.Completer.custom_matchers if m.__name__ == "wasmnb_matcher"]
    assert "WasmMagics" not in {c.__class__.__name__ for c in shell.configurables}
    run("%load_ext wasmnb")


def test_endless_callback_is_stopped(run):
    run("%%wasmfilter spin --deadline 0.5\nfrom wasmnb.sdk import HttpContext\nclass X(HttpContext):\n"
        "    def on_http_request_headers(self, n, eos):\n        while True: pass\n")  # fmt: skip
    exchange = run("%wasmcurl spin /")
    assert exchange.response.status == 503
    assert run("1 + 1") == 2


@pytest.mark.slow
def test_interrupt_stops_an_endless_filter(run):
    run("%%wasmfilter spin --deadline 60\nfrom wasmnb.sdk import HttpContext\nclass X(HttpContext):\n"
        "    def on_http_request_headers(self, n, eos):\n        while True: pass\n")  # fmt: skip
    with pytest.raises(KeyboardInterrupt) as caught:
        threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
        run("%wasmcurl spin /")
    (note,) = caught.value.__notes__
    assert "in on_http_request_headers\n    while True: pass\n" in note
    assert "/wasmnb/" not in note
    assert run("1 + 1") == 2


def test_import_loads_neither_ipython_nor_matplotlib():
    code = "import sys, wasmnb, wasmnb.view; print(sorted({'IPython', 'matplotlib', 'anywidget', 'componentize_py'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


SIGNS = """\
from wasmnb.sdk import HttpContext


class Signs(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-size"] = len(await self.request_body())
"""


@pytest.mark.parametrize("flag", ["--hold-headers", "--allow-on-headers-stop-iteration"])
def test_flag_pauses_headers_until_the_body_is_there(run, flag):
    proxy = run(f"%%wasmfilter signs --native {flag}\n{SIGNS}")
    assert proxy.post("/", body=b"abc").upstream_request.headers["x-size"] == "3"
    assert proxy.plugins[0].allow_on_headers_stop_iteration
