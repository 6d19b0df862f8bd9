"""Names that can't be copied into the module are errors at the line that uses them."""

import pytest

import wasmnb
from tests.compiler.from_class_kit import AUTH, refusal
from wasmnb.compiler import Filter
from wasmnb.errors import SourceError, UsageError
from wasmnb.host import Proxy

# -- positions in errors and tracebacks --------------------------------------------------------------------------------


@pytest.mark.full
def test_traceback_names_lines_of_the_file(module, tmp_path):
    app = module("def f(): return {}['no']\n" + AUTH.format("f()"))
    with Proxy(app.Auth, workers=1) as proxy:
        proxy.get("/")
        text = "\n".join(line.text for line in proxy.log)
    assert f"File \"{tmp_path}/app.py\", line 3, in f\n    def f(): return {{}}['no']" in text
    assert f'File "{tmp_path}/app.py", line 8, in on_http_request_headers' in text


def test_source_error_has_its_line(module, tmp_path):
    error = refusal(module, AUTH.format(1).replace("num_headers, ", ""))
    assert "doesn't accept the parameters" in error.args[0]
    assert (error.filename, error.lineno) == (str(tmp_path / "app.py"), 6)


# -- values that can't be copied ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "use", "message"),
    [
        ("import sys\nLOG = sys.__stdout__", "LOG", "Auth uses LOG, which holds an open file, which can't go into a module"),
        ("import threading\nLOCK = threading.Lock()", "LOCK", "Auth uses LOCK, which holds a lock"),
        ("GEN = (i for i in 'ab')", "GEN", "Auth uses GEN, which holds a running generator"),
        ("from wasmnb import Proxy", "Proxy", "Auth uses Proxy, which is available only in notebooks"),
        ("F = wasmnb.Filter.from_source('class A(HttpContext): pass')", "F", "Auth uses F, which holds a Filter of this notebook"),
        ("", "nothing_at_all", "Auth uses nothing_at_all, which isn't defined"),
        ("import sys\ndef f(): return LOG\nLOG = sys.__stdout__", "f()", "f uses LOG, which holds an open file"),
        ("for x in [object()]: pass", "x", "Auth uses x, which is assigned by a for statement, but isn't a constant"),
        ("globals()['made'] = object()", "made", "Auth uses made, which isn't assigned by any statement"),
        ("import ssl", "ssl", "a filter can't import ssl"),
    ],
)  # fmt: skip
def test_uncopyable_value_is_reported_at_the_line_that_uses_it(module, before, use, message):
    error = refusal(module, f"{before}\n{AUTH.format(use)}")
    assert message in error.args[0]
    assert error.lineno
    assert error.hint


def test_variable_of_an_enclosing_function_is_refused():
    secret = "x"
    with pytest.raises(
        SourceError, match="Local uses secret, which is a variable of the enclosing function"
    ) as caught:

        @wasmnb.filter
        class Local(wasmnb.HttpContext):
            def on_http_request_headers(self, num_headers, end_of_stream):
                self.request_headers["x"] = secret

    assert caught.value.filename == __file__


def test_class_without_source_is_refused():
    space = {"__name__": "nowhere"}
    with pytest.raises(SourceError, match="the source of class A can't be found") as caught:
        exec("import wasmnb\n@wasmnb.filter\nclass A(wasmnb.HttpContext): pass", space)
    assert "exec" in caught.value.hint


def test_only_classes_are_decorated():
    with pytest.raises(UsageError, match="not the builtin_function_or_method len"):
        wasmnb.filter(len)
    with pytest.raises(UsageError, match="Define a class that derives from it"):
        Filter.from_class(wasmnb.HttpContext)


def test_class_without_context_base_is_refused(module):
    error = refusal(module, "@wasmnb.filter\nclass A: pass")
    assert "class A is not a filter" in error.args[0]
