import subprocess
import sys
import textwrap

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.dispatch import Dispatcher, FilterSourceError


def load(source, first_line=1):
    return FakeProxy(textwrap.dedent(source), first_line=first_line)


def refusal(source, first_line=1):
    with pytest.raises(FilterSourceError) as caught:
        load(source, first_line)
    return caught.value


def test_source_without_classes_is_refused():
    error = refusal("x = 1")
    assert "defines no filter class" in str(error) and "HttpContext" in error.hint and error.lineno is None


def test_error_names_a_class_without_a_context_base_and_its_line():
    error = refusal("""\
    x = 1

    class Auth:
        def on_http_request_headers(self, n, e):
            pass
    """, first_line=10)
    assert error.lineno == 12
    assert "class Auth is not a filter (it has on_http_request_headers)" in str(error)
    assert error.hint == "Derive it from the SDK's class: class Auth(HttpContext):"


@pytest.mark.parametrize("kind", ["VMContext", "PluginContext", "HttpContext", "TcpContext"])
def test_two_classes_of_a_kind_are_refused(kind):
    error = refusal(f"""\
    class A({kind}):
        def helper(self): pass

    class B({kind}):
        def helper(self): pass
    """)
    assert error.lineno == 4 and f"A and B both derive from {kind}" in str(error) and "Keep one" in error.hint


def test_own_base_class_does_not_count_as_a_filter():
    proxy = load("""
    class Base(HttpContext):
        def on_http_request_headers(self, n, e):
            self.request_headers["x-who"] = self.who
    class Filter(Base):
        who = "derived"
    """)
    assert proxy.exchange().upstream_header(b"x-who") == b"derived"


def test_other_classes_are_ignored():
    load("""
    from dataclasses import dataclass
    @dataclass
    class Rule:
        name: str
    class F(HttpContext):
        rules = [Rule("a")]
    """)


def test_future_annotations_and_dataclasses_work():
    load("""
    from __future__ import annotations
    from dataclasses import dataclass
    from typing import ClassVar
    @dataclass
    class Rule:
        name: str
        all: ClassVar[list[Rule]] = []
    class F(HttpContext):
        rule = Rule("a")
    """)


@pytest.mark.parametrize("line", ["from wasmnb import HttpContext, Action", "from wasmnb.sdk import *", "import wasmnb.sdk", ""])
def test_names_can_be_imported_or_not(line):
    load(f"{line}\nclass F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return Action.CONTINUE").exchange()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on_request_headers", "on_http_request_headers"),
        ("proxy_on_request_headers", "on_http_request_headers"),
        ("OnHttpRequestHeaders", "on_http_request_headers"),
        ("onHttpRequestHeaders", "on_http_request_headers"),
        ("on_http_request_header", "on_http_request_headers"),
        ("on_http_responce_body", "on_http_response_body"),
    ],
)
def test_misspelt_callback_is_refused_at_load(written, meant):
    error = refusal(f"class F(HttpContext):\n    x = 1\n    def {written}(self, n, e): pass")
    assert error.lineno == 3 and "is not a callback" in str(error) and meant in error.hint


@pytest.mark.parametrize("name", ["on_authorised", "on_reply", "helper", "_on_x"])
def test_own_method_can_begin_with_on(name):
    load(f"class F(HttpContext):\n    def {name}(self, a, b, c): pass")


@pytest.mark.parametrize(("base", "written", "meant"), [
    ("HttpContext", "on_log", "on_http_stream_done"), ("HttpContext", "on_done", "on_http_stream_done"),
    ("HttpContext", "on_stream_done", "on_http_stream_done"), ("HttpContext", "proxy_on_log", "on_http_stream_done"),
    ("HttpContext", "onDone", "on_http_stream_done"), ("TcpContext", "on_log", "on_stream_done"),
    ("TcpContext", "on_http_stream_done", "on_stream_done"), ("TcpContext", "on_done", "on_stream_done"),
    ("PluginContext", "on_configure", "on_plugin_start"), ("PluginContext", "on_done", "on_plugin_done"),
])  # fmt: skip
def test_abi_name_of_a_callback_is_refused_with_its_name_in_the_sdk(base, written, meant):
    error = refusal(f"class F({base}):\n    def {written}(self): pass")
    assert error.lineno == 2 and f"F.{written} is not a callback" in str(error)
    assert error.hint.startswith(f"Did you mean {meant}? Its signature in {base} is {meant}(self")


@pytest.mark.parametrize(("base", "written", "owner"), [
    ("HttpContext", "on_tick", "PluginContext, where it is on_tick(self)"),
    ("HttpContext", "on_queue_ready", "PluginContext"), ("HttpContext", "on_plugin_start", "PluginContext"),
    ("HttpContext", "on_downstream_data", "TcpContext"), ("HttpContext", "on_vm_start", "VMContext"),
    ("HttpContext", "on_configure", "PluginContext, where it is on_plugin_start"),
    ("TcpContext", "on_http_request_headers", "HttpContext"), ("TcpContext", "on_tick", "PluginContext"),
    ("PluginContext", "on_http_request_headers", "HttpContext"), ("PluginContext", "on_new_connection", "TcpContext"),
    ("PluginContext", "on_http_stream_done", "HttpContext"), ("VMContext", "on_tick", "PluginContext"),
])  # fmt: skip
def test_callback_of_another_class_is_refused_with_its_class(base, written, owner):
    error = refusal(f"class F({base}):\n    def {written}(self, *args): pass")
    assert error.lineno == 2 and f"is never called: {base} has no such callback" in str(error)
    assert f"Move it to the filter's {owner}" in error.hint


def test_abi_name_of_a_callout_response_is_refused_unless_it_is_passed_as_callback():
    error = refusal("class F(HttpContext):\n    def on_http_call_response(self, a, b, c): pass")
    assert "is never called" in str(error) and "callback=self.on_http_call_response" in error.hint
    load("""
    class F(HttpContext):
        def on_http_request_headers(self, n, e):
            self.http_call("service", callback=self.on_http_call_response)
            return Action.PAUSE
        def on_http_call_response(self, response):
            self.continue_request()
    """)


@pytest.mark.parametrize(("base", "name", "first"), [
    ("TcpContext", "on_data", "on_downstream_data"), ("TcpContext", "on_close", "on_downstream_close"),
    ("HttpContext", "on_response", "on_http_response_headers"), ("HttpContext", "on_headers", "on_http_request_headers"),
    ("PluginContext", "on_start", "on_plugin_start"), ("HttpContext", "on_http_log", "on_http_stream_done"),
])  # fmt: skip
def test_method_named_like_a_callback_that_nothing_calls_is_refused(base, name, first):
    error = refusal(f"class F({base}):\n    def {name}(self, *args): pass")
    assert error.lineno == 2 and "is never called" in str(error)
    assert error.hint.startswith(f"{base} has {first}")


@pytest.mark.parametrize("use", ["self.on_part()", "f = self.on_part", "getattr(self, 'on_' + 'part')()"])
def test_method_named_like_a_callback_may_be_used_by_the_filter(use):
    body = f"def on_http_request_headers(self, n, e):\n        {use}\n    def on_part(self): pass"
    load(f"class F(HttpContext):\n    {body}").exchange()


@pytest.mark.parametrize("parameters", ["self", "self, n", "self, a, b, c", "self, *, num_headers, end_of_stream"])
def test_invalid_callback_parameters_are_refused_at_load(parameters):
    error = refusal(f"class F(HttpContext):\n    def on_http_request_headers({parameters}): pass")
    assert error.lineno == 2
    written = f"def on_http_request_headers({parameters})"
    assert error.hint == f"It is written as {written}. Write it as def on_http_request_headers(self, num_headers, end_of_stream)."


@pytest.mark.parametrize("parameters", ["self, n, e", "self, *args", "self, n, e, extra=None", "self, n, /, e, **kw"])
def test_parameters_can_have_any_names(parameters):
    load(f"class F(HttpContext):\n    def on_http_request_headers({parameters}): pass").exchange()


def test_syntax_error_has_the_cells_line():
    with pytest.raises(SyntaxError) as caught:
        load("x = 1\ny = (\n", first_line=5)
    assert caught.value.lineno == 6 and caught.value.filename == "<cell>"


def test_missing_import_has_the_cells_line_in_the_log():
    dispatcher = Dispatcher(proxy := load("class F(HttpContext): pass"))
    with pytest.raises(ModuleNotFoundError):
        dispatcher.load("\nimport nothing_like_this", "<cell>", 3)
    assert proxy.logs[-1][0] == 5
    assert 'File "<cell>", line 4, in <module>\n    import nothing_like_this' in proxy.logs[-1][1]


def test_hostcall_at_the_top_level_is_refused():
    with pytest.raises(RuntimeError, match="get_property was called while the module loads.*on_plugin_start"):
        load("hostcalls.get_property('plugin_name')")
    proxy = load("log_info('loading')\nclass F(HttpContext): pass")
    assert proxy.logs == [(2, "loading")]


def test_null_byte_in_the_source_raises_an_error():
    with pytest.raises((SyntaxError, ValueError)):
        load("x = 1\0")


def test_importing_the_sdk_imports_only_the_standard_library():
    code = "import sys, wasmnb.sdk; print([m for m in sys.modules if m.partition('.')[0] not in {*sys.stdlib_module_names, 'wasmnb'}]); print('asyncio' in sys.modules)"
    out = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], capture_output=True, text=True, check=True).stdout
    lines = out.splitlines()
    foreign = [m for m in eval(lines[0]) if not m.startswith(("_editable", "__editable", "_virtualenv", "sitecustomize", "_distutils", "google", "mpl", "__main__"))]
    assert foreign == [] and lines[1] == "False"
