"""Exceptions whose message alone doesn't say what to do in a filter get a note."""

import sys

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.diagnostics import hints


def logged(code, head=""):
    """Return the log after an exception in a callback."""
    body = "\n".join("        " + line for line in code.strip().splitlines())
    proxy = FakeProxy(f"{head}\nclass P(PluginContext):\n    def on_tick(self):\n{body}", clusters={n: lambda *_: {} for n in ("service", "a", "b")})
    with pytest.raises(Exception):  # noqa: B017, PT011
        proxy.tick()
    return "\n".join(text for _, text in proxy.logs)


@pytest.mark.parametrize("name", ["helper", "pd", "proxy"])
def test_error_about_a_notebook_name_suggests_parts_and_the_decorator(name):
    log = logged(f"return {name}.x")
    assert f"NameError: name '{name}' is not defined" in log
    assert "'help'" not in log
    assert f"Define {name} in the cell or in a %%wasmpart cell" in log
    assert "@wasmnb.filter" in log


def test_unbound_local_variable_is_not_the_notebooks():
    assert "%%wasmpart" not in logged("print(x)\nx = 1")


def test_error_about_a_loop_over_a_body_suggests_async_for():
    log = logged("for chunk in Body(None, 0): pass", "from wasmnb.sdk.messages.bodies import Body\n")
    assert "`async for chunk in body`" in log


@pytest.mark.parametrize(
    "code",
    [
        "self.http_call('service').status",
        "self.http_call('service')['x']",
        "gather(self.http_call('a'), self.http_call('b'))[0]",
        "sleep(1) + 1",
        "check().status",
        "check()['x']",
        "len(check())",
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine 'check'", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_error_suggests_the_missing_await(code):
    log = logged(code, "async def check(): return {}\n")
    assert "write `await` before the call" in log


def test_attribute_with_the_name_of_an_awaitable_class_has_no_note():
    assert "await" not in logged("hashlib.Sleep", "import hashlib\n")


def test_other_attribute_errors_have_no_note():
    assert "await" not in logged("self.request_headrs")


def test_file_access_in_the_sandbox_has_a_hint(monkeypatch):
    monkeypatch.setattr(hints, "IN_WASM", True)
    log = logged("open('/no/such/file')")
    assert "which has no files" in log
    assert "self.http_call()" in log
    assert "no files" not in logged("raise OSError(5, 'other')")
    assert "Write `import nothing_here`" in logged("__import__('nothing_here')")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("raise OSError(58, 'Not supported')", "Sockets don't exist inside the proxy"),
        ("raise FileNotFoundError(44, \"No usable temporary directory found in ['/tmp']\")", "which has no files"),
        ("raise AttributeError('no', name='system', obj=__import__('os'))", "Other processes and users don't exist"),
        ("raise AttributeError('no', name='pbkdf2_hmac', obj=__import__('hashlib'))", "has no OpenSSL"),
    ],
)
def test_errors_about_features_without_sandbox_support_have_a_hint(code, advice, monkeypatch):
    assert advice not in logged(code)
    monkeypatch.setattr(hints, "IN_WASM", True)
    assert advice in logged(code)


def test_error_names_the_missing_environment_variable():
    assert sys.platform != "wasi"
    assert "environment={'NO_SUCH_VARIABLE': ...}" in logged("import os\nos.environ['NO_SUCH_VARIABLE']")
    assert "environment=" not in logged("{}['NO_SUCH_VARIABLE']")


@pytest.mark.parametrize("code", ["self.request_headers['x'] = '1'", "self.send_local_response(403)", "self.response.body", "self.continue_request()"])
def test_error_about_a_stream_attribute_in_a_plugin_names_the_class(code):
    assert "is an attribute of HTTP streams. Use it in an HttpContext." in logged(code)


@pytest.mark.parametrize("name", ["set_tick_period", "configuration"])
def test_error_about_a_plugin_attribute_in_a_stream_names_the_class(name):
    class Stream:
        context_id = 2

    with pytest.raises(AttributeError) as error:
        getattr(Stream(), name)
    assert hints.hint_for(error.value) == f"{name} is an attribute of the plugin. Use self.plugin.{name}."
