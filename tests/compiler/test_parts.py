"""Filters with several parts and local modules run, and errors have their places."""

import sys
import textwrap

import pytest

from wasmnb.compiler import Filter
from wasmnb.compiler.dependencies.local_modules import Folder
from wasmnb.compiler.dependencies.filter_source import LocalModule, Part, Source
from wasmnb.errors import SourceError, UsageError
from wasmnb.host import Proxy
from wasmnb.sdk.loading.parts import pack, unpack

HELLO = """\
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = {0}
"""


def said(filter_):
    with Proxy(filter_, workers=1) as proxy:
        return proxy.get("/").upstream_request.headers["x-said"]


@pytest.fixture
def write(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__', '/').replace('/init', '/__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return tmp_path

    return write


def refusal(make):
    with pytest.raises(SourceError) as caught:
        make()
    return caught.value


# -- serialisation of parts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [Part("x = 1\0"), Part("", "", 1), Part("é\n", "Cell „1“", 7)])
def test_single_part_unpacks_unchanged(part):
    assert unpack(pack([part])) == ([part], [], "")


def test_packed_parts_unpack_unchanged():
    parts = [Part("x = 1", "", 1), Part("é\0", "b", 3)]
    modules = [LocalModule("a.b", "y", "a/b.py"), LocalModule("a", "", "a", True)]
    assert unpack(pack(parts, modules, "a")) == (parts, modules, "a")


def test_single_part_adds_only_text_and_location():
    assert pack([Part("text", "cell", 5)]) == b"cell\x005\0text"


# -- parts ------------------------------------------------------------------------------------------------------------


def test_parts_run_in_order_in_one_namespace():
    filter_ = Filter.from_parts([Part("a = 'x'"), Part("def f(): return a + b"), Part("b = 'y'\n" + HELLO.format("f()"))])
    assert said(filter_) == "xy"
    assert filter_.source.startswith("a = 'x'\n\ndef f()")


@pytest.mark.full
def test_traceback_has_lines_and_names_of_every_part():
    parts = [Part("def f(d):\n    return d['no']\n", "Cell In[1]", 4), Part(HELLO.format("f({})"), "Cell In[2]", 2)]
    with Proxy(Filter.from_parts(parts), workers=1) as proxy:
        proxy.get("/")
        text = "\n".join(line.text for line in proxy.log)
    assert 'File "Cell In[2]", line 4, in on_http_request_headers' in text
    assert "File \"Cell In[1]\", line 5, in f\n    return d['no']" in text


def test_parts_of_one_file_keep_their_lines():
    parts = [Part("def f(d):\n    return d['no']\n", "cell", 10), Part(HELLO.format("f({})"), "cell", 1)]
    with Proxy(Filter.from_parts(parts), workers=1) as proxy:
        proxy.get("/")
        text = "\n".join(line.text for line in proxy.log)
    assert 'line 3, in on_http_request_headers\n    self.request_headers["x-said"] = f({})' in text
    assert "line 11, in f\n    return d['no']" in text


@pytest.mark.parametrize(
    ("first", "place"),
    [
        ("x = (\n", ("one", 10)),
        ("x = 1\0", ("one", None)),
        ("x = 1\ny = 1 / 0", ("one", 11)),
        ("import no_such_thing_at_all", ("one", 10)),
        ("def f(): 1 / 0", ("two", 20)),
        ("class A(VMContext): pass\nclass B(VMContext): pass\ndef f(): pass", ("one", 11)),
        ("class A(HttpContext):\n  def on_http_request_header(self): pass\ndef f(): pass", ("one", 11)),
    ],
)
def test_error_is_located_in_its_part(first, place):
    second = "f()" if "class A(H" in first else "f()\nclass C(HttpContext): pass"
    if "class A(H" in first:
        second = "f()"
    error = refusal(lambda: Filter.from_parts([Part(first, "one", 10), Part(second, "two", 20)]))
    if place[0] == "two":
        assert 'File "one", line 10, in f' in error.traceback
        place = ("one", 10)
    assert (error.filename, error.lineno) == place


# -- modules of its own -----------------------------------------------------------------------------------------------


def test_file_imports_modules_of_its_folder(write):
    folder = write(
        auth="import words\nfrom lib.deep import tail\nfrom lib import other\n"
        + HELLO.format("words.say() + tail() + other.x"),
        words="from json import dumps\ndef say(): return dumps('hi')",
        lib__init="",
        lib__deep="from .other import x\nfrom . import far\ndef tail(): return x + far.y",
        lib__other="x = '1'",
        lib__far="y = '2'\nimport words",
        unrelated="1 / 0",
    )
    auth = Filter.from_file(folder / "auth.py")
    assert said(auth) == '"hi"121'
    assert [m.name for m in auth.bundle.modules] == ["words", "lib", "lib.deep", "lib.other", "lib.far"]


def test_folder_without_init_is_a_package(write):
    folder = write(auth="from lib.deep import x\n" + HELLO.format("x"), lib__deep="x = 'there'")
    assert said(Filter.from_file(folder / "auth.py")) == "there"


def test_modules_can_be_imported_late_and_by_name(write):
    folder = write(late="x = 'late'", lib__init="", lib__more="x = 'r'")
    source = "import importlib\ndef f():\n    import late\n    return late.x + importlib.import_module('lib.more').x\n"
    assert said(Filter.from_source(source + HELLO.format("f()"), path=[folder])) == "later"


def test_changed_module_is_reloaded_on_the_same_runtime(write):
    source = "import words\n" + HELLO.format("words.x")
    first = Filter.from_source(source, path=[write(words="x = 'a'")])
    second = Filter.from_source(source, path=[write(words="x = 'b'")])
    assert (said(first), said(second)) == ("a", "b")
    assert first.info.runtime == second.info.runtime == Filter.from_source(HELLO.format("''")).info.runtime


def test_dataclass_in_a_module_resolves_its_names(write):
    folder = write(
        settings="""\
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Inner:
            n: int = 3

        @dataclass
        class Settings:
            inner: Inner
        """
    )
    source = "from settings import Settings\nclass P(PluginContext):\n    config: Settings\n"
    filter_ = Filter.from_source(source + HELLO.format("str(self.plugin.config.inner.n)"), path=[folder])
    with Proxy(filter_, workers=1, config={"inner": {"n": 5}}) as proxy:
        assert proxy.get("/").upstream_request.headers["x-said"] == "5"


def test_filter_class_can_be_defined_in_a_module(write):
    folder = write(base="from wasmnb import HttpContext\n" + HELLO.format("'base'"))
    assert said(Filter.from_source("from base import Hello", path=[folder])) == "base"
    assert said(Filter.from_source("import base\nclass Mine(base.Hello): pass", path=[folder])) == "base"


def test_only_mentioned_callbacks_are_exported(write):
    folder = write(
        calls="def call(context, method='GET'):\n    return context.http_call('c', {}, lambda r: None)",
        plain="def call(context): return 'x'",
    )
    source = "import {0}\n" + HELLO.format("str({0}.call(self))")
    with_calls = Filter.from_source(source.format("calls"), path=[folder]).info.exports
    assert "proxy_on_http_call_response" in with_calls
    plain = Filter.from_source(source.format("plain"), path=[folder]).info.exports
    assert set(with_calls) - set(plain) == {"proxy_on_http_call_response"}


@pytest.mark.full
def test_traceback_includes_local_module(write):
    folder = write(words="\ndef say(d):\n    return d['no']\n")
    filter_ = Filter.from_source("import words\n" + HELLO.format("words.say({})"), path=[folder], filename="cell")
    with Proxy(filter_, workers=1) as proxy:
        proxy.get("/")
        text = "\n".join(line.text for line in proxy.log)
    assert f"File \"{folder}/words.py\", line 3, in say\n    return d['no']" in text


def test_relative_imports_start_from_the_package_of_the_parts(write):
    folder = write(
        app__init="", app__filters__init="greeting = 'hi '", app__filters__words="x = 'there'", app__top="y = '!'"
    )
    text = "from . import greeting\nfrom .words import x\nfrom ..top import y\n" + HELLO.format("greeting + x + y")
    filter_ = Filter.from_parts([Part(text)], path=[folder], package="app.filters")
    assert said(filter_) == "hi there!"


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message", "line"),
    [
        ("def f(:\n", "SyntaxError", 1),
        ("\nx = 1 / 0\n", "ZeroDivisionError", 2),
        ("\n\nimport ssl\n", "can't import ssl", 3),
        ("import no_such_thing_at_all", "no package no_such_thing_at_all", 1),
        ("from .. import x", "relative import", 1),
    ],
)
def test_error_in_a_module_has_its_line(write, words, message, line):
    folder = write(words=words)
    error = refusal(lambda: Filter.from_source("import words\n" + HELLO.format("''"), path=[folder]))
    assert message in error.args[0]
    assert (error.filename, error.lineno) == (str(folder / "words.py"), line)


def test_local_module_imports_sdk_names(write):
    folder = write(words="x = 1\nclass A(HttpContext): pass")
    error = refusal(lambda: Filter.from_source("import words", path=[folder]))
    assert error.args[0] == "NameError: name 'HttpContext' is not defined"
    assert "Add `from wasmnb import HttpContext` to this module" in error.hint


def test_traceback_through_an_import_hides_the_import_system(write):
    folder = write(words="def f():\n    return 1 / 0\ny = f()\n")
    error = refusal(lambda: Filter.from_source("import words", path=[folder]))
    assert (error.filename, error.lineno) == (str(folder / "words.py"), 2)
    assert error.traceback.count("  File ") == 3


def test_missing_module_error_names_the_folders(write, tmp_path):
    error = refusal(lambda: Filter.from_source("x = 1\nimport wrods", path=[write(words="")]))
    assert error.args[0] == "there's no package wrods in this environment or in the folder of the filter"
    assert error.lineno == 2
    assert f"Put wrods.py or a folder wrods into {tmp_path}, or install it" in error.hint
    assert "%pip install wrods" in error.hint


def test_error_names_the_missing_submodule(write):
    folder = write(lib__init="")
    error = refusal(lambda: Filter.from_source("import lib.deep.er", path=[folder]))
    assert "there's no module lib.deep in the filter's package lib" in error.args[0]


@pytest.mark.parametrize("name", ["calendar", "json"])
def test_module_named_like_a_standard_module_is_refused(write, name):
    folder = write(**{name: "x = 1"})
    error = refusal(lambda: Filter.from_source(f"import {name}\n{HELLO.format(repr(''))}", path=[folder]))
    assert f"{name}.py has the name of a module of the standard library" in error.args[0]
    assert error.hint.startswith("Rename the file")


def test_unused_file_with_a_standard_name_is_ignored(write):
    assert said(Filter.from_source("import json\n" + HELLO.format("json.dumps(1)"), path=[write(calendar="")])) == "1"


def test_sdk_is_never_loaded_from_the_folder(write):
    folder = write(wasmnb__init="1 / 0")
    assert said(Filter.from_source("from wasmnb import HttpContext\n" + HELLO.format("'ok'"), path=[folder])) == "ok"


def test_module_with_invalid_text_is_refused(write, tmp_path):
    (tmp_path / "words.py").write_bytes(b"x = '\xff'")
    error = refusal(lambda: Filter.from_source("import words", path=[tmp_path]))
    assert "can't be read" in error.args[0]
    assert error.filename.endswith("words.py")


def test_mutually_importing_modules_are_both_collected(write):
    folder = write(ping="import pong\nx = 'p'", pong="import ping")
    assert said(Filter.from_source("import ping\n" + HELLO.format("ping.x"), path=[folder])) == "p"


def test_source_without_parts_is_refused():
    with pytest.raises(UsageError, match="at least one Part"):
        Filter.from_parts([])


def test_only_identifiers_are_looked_up(tmp_path):
    assert Folder([tmp_path]).find("..") is None
    assert Folder([tmp_path]).find("a/b") is None
    assert Folder([tmp_path]).find("") is None


def test_half_surrogate_in_a_part_is_refused():
    assert refusal(lambda: Source((Part("x"), Part("'\udc80'", "two")))).filename == "two"


def test_filter_modules_do_not_stay_in_this_interpreter(write):
    before = set(sys.modules)
    said(Filter.from_source("import words\n" + HELLO.format("words.x"), path=[write(words="x = 'a'")]))
    assert "words" not in set(sys.modules) - before
