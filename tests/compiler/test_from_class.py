"""`@wasmnb.filter`: the class and the names that it uses are collected."""

import textwrap

import pytest

import wasmnb
from tests.compiler.from_class_kit import AUTH, refusal, said
from wasmnb.compiler import Filter

# -- collected names ---------------------------------------------------------------------------------------------------


def test_decorated_class_becomes_a_filter(module):
    auth = module(AUTH.format("'hi'")).Auth
    assert isinstance(auth, Filter)
    assert auth.name == "Auth"
    assert said(auth) == "hi"


def test_decorator_accepts_a_name(module):
    gate = module(AUTH.format(1).replace("@wasmnb.filter", "@wasmnb.filter(name='gate')")).Auth
    assert gate.name == "gate"
    assert said(gate) == "1"


def test_context_class_stays_accessible(module):
    app = module(AUTH.format(1) + "\nclass Strict(Auth): pass\n")
    assert issubclass(app.Auth.context_class, wasmnb.HttpContext)
    assert app.Strict.__mro__[1] is app.Auth.context_class
    assert Filter.from_source(AUTH.format(1).replace("@wasmnb.filter", "")).context_class is None


def test_functions_classes_imports_and_constants_are_collected(module):
    app = module(
        """
        import json as j, math
        from collections import Counter as Tally, OrderedDict
        import os.path
        LIMIT = 3
        NAMES = {"a": [1, 2], "b": (None, True)}
        class Base(HttpContext):
            def tail(self): return math.floor(2.5)
        def outer(x): return inner(x) + os.path.sep
        def inner(x): return j.dumps([x, LIMIT, NAMES, Tally("aa")["a"]])
        UNUSED = object()
        """
        + textwrap.indent(AUTH.format("outer(0) + str(self.tail())").replace("HttpContext", "Base"), " " * 8)
    )
    assert said(app.Auth) == '[0, 3, {"a": [1, 2], "b": [null, true]}, 2]/2'
    assert "UNUSED" not in app.Auth.source
    assert "OrderedDict" not in app.Auth.source


def test_statements_below_the_class_are_collected(module):
    app = module(AUTH.format("later()") + "def later(): return FAR + 1\nFAR = 4\n")
    assert said(app.Auth) == "5"


def test_constant_is_copied_with_its_current_value(module):
    app = module(
        "import os, time\nSTART = time.time()\nT = {}\nfor i in range(3): T[i] = i\n" + AUTH.format("[START, T, i]")
    )
    assert said(app.Auth) == str([app.START, {0: 0, 1: 1, 2: 2}, 2])
    assert "time" not in app.Auth.source


def test_other_values_are_created_again_inside(module):
    app = module(
        """
        import re
        HANDLERS = {}
        def handler(f):
            HANDLERS[f.__name__] = f
            return f
        PATTERN = re.compile("a+")
        HANDLERS["b"] = lambda: "b"
        """
        + textwrap.indent(AUTH.format("(bool(PATTERN.match('aa')), HANDLERS['b']())"), " " * 8)
    )
    assert said(app.Auth) == "(True, 'b')"


def test_registry_is_collected_with_its_registrations(module):
    app = module(
        """
        class Routes(dict):
            def add(self, f):
                self[f.__name__] = f
                return f
        routes = Routes()
        @routes.add
        def pay(): return "paid"
        """
        + textwrap.indent(AUTH.format("routes['pay']()"), " " * 8)
    )
    assert said(app.Auth) == "paid"


def test_import_with_fallback_is_collected_as_a_whole(module):
    app = module(
        "try:\n    import orjson_is_not_here as json\nexcept ImportError:\n    import json\n"
        + AUTH.format("json.dumps(1)")
    )
    assert said(app.Auth) == "1"


def test_only_existing_alternatives_are_collected(module):
    app = module(
        """
        import sys
        if sys.platform == "nowhere":
            KIND = never_defined
        else:
            KIND = object()
        """
        + textwrap.indent(AUTH.format("type(KIND).__name__"), " " * 8)
    )
    assert said(app.Auth) == "object"


@pytest.mark.slow
def test_separately_imported_submodules_are_all_collected(module):
    app = module(
        "import xml.dom\nimport xml.etree.ElementTree\n"
        + AUTH.format("[xml.etree.ElementTree.__name__[:3], xml.dom.__name__]")
    )
    assert said(app.Auth) == "['xml', 'xml.dom']"


def test_reassigned_variable_includes_its_previous_assignment(module):
    app = module("import re\nP = re.compile('a')\nP = re.compile(P.pattern + 'b')\n" + AUTH.format("P.pattern"))
    assert said(app.Auth) == "ab"


def test_every_module_has_its_own_name(module):
    assert said(module(AUTH.format("__name__")).Auth) == "wasmnb_filter"


def test_names_used_in_annotations_only_are_left_out(module):
    text = "import sys\nLOG = sys.__stdout__\ndef f(): return LOG\n"
    annotated = AUTH.format(1).replace("    def on", "    x: 'f'\n    def on")
    assert "def f" not in module(text + annotated).Auth.source
    error = refusal(module, text + annotated.replace("str(1)", "f()"), name="app2")
    assert "f uses LOG, which holds an open file" in error.args[0]


def test_star_import_names_are_collected(module):
    app = module("from words import *\n" + AUTH.format("[say(), WORD]"), words="WORD = 'w'\ndef say(): return 1")
    assert said(app.Auth) == "[1, 'w']"


def test_local_modules_are_collected(module):
    app = module(
        "import words\nfrom lib.deep import x\n" + AUTH.format("[words.y, x]"),
        words="y = 1",
        lib__init="",
        lib__deep="x = 2",
    )
    assert said(app.Auth) == "[1, 2]"


def test_package_module_imports_relatively(module):
    app = module(
        "from .words import y\nfrom .. import top\n" + AUTH.format("[y, top.z]"),
        name="pack__filters__app",
        pack__init="", pack__filters__init="", pack__filters__words="y = 1", pack__top="z = 2",
    )  # fmt: skip
    assert said(app.Auth) == "[1, 2]"


def test_annotation_can_use_names_that_only_editors_know(module):
    app = module(
        "from typing import TYPE_CHECKING\nimport numpy as np\nif TYPE_CHECKING: import nowhere\n"
        "def f(x: 'nowhere.X', y: np.ndarray = None, z: 'not python' = 2) -> \"np.ndarray\": return 1\n"
        + AUTH.format("f(1)")
    )
    assert said(app.Auth) == "1"


# -- the other classes of a filter ------------------------------------------------------------------------------------

PLUGIN = "class Settings(PluginContext):\n    def greet(self): return 'hi'\n"


@pytest.mark.parametrize("before", [True, False])
def test_plugin_context_of_the_same_source_is_included(module, before):
    auth = AUTH.format("self.plugin.greet()")
    app = module(PLUGIN + auth if before else auth + PLUGIN)
    assert said(app.Auth) == "hi"


def test_annotation_selects_the_plugin_context(module):
    other = "class Other(PluginContext): pass\n"
    auth = AUTH.format("self.plugin.greet()").replace("    def on", "    plugin: Settings\n    def on")
    assert said(module(PLUGIN + other + auth).Auth) == "hi"


def test_two_plugin_contexts_are_refused(module):
    error = refusal(module, PLUGIN + "class Other(PluginContext): pass\n" + AUTH.format(1))
    assert error.args[0] == "Settings and Other all derive from PluginContext, but Auth can have only one"
    assert "write `plugin: Settings` in class Auth" in error.hint


def test_decorated_class_excludes_other_filters(module):
    app = module(AUTH.format(1) + AUTH.format(2).replace("Auth", "Other") + "class Tcp(TcpContext): pass\n")
    assert (said(app.Auth), said(app.Other)) == ("1", "2")
    assert "class Other" not in app.Auth.source
    assert "class Tcp" not in app.Auth.source


def test_decorated_plugin_context_includes_its_stream_class(module):
    app = module("@wasmnb.filter\n" + PLUGIN + AUTH.format("self.plugin.greet()").replace("@wasmnb.filter", ""))
    assert said(app.Settings) == "hi"


def test_filter_can_derive_from_a_filter(module):
    app = module(
        AUTH.format("self.x()").replace("    def on", "    def x(self): return 1\n    def on")
        + "@wasmnb.filter\nclass B(Auth):\n    def x(self): return 2\n"
    )
    assert (said(app.Auth), said(app.B)) == ("1", "2")


def test_decorated_file_loads_as_a_filter(module, tmp_path):
    module(AUTH.format("1"))
    assert said(Filter.from_file(tmp_path / "app.py")) == "1"


# -- from a class -----------------------------------------------------------------------------------------------------

LIMIT = 7


class Plain(wasmnb.HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = str(helper(LIMIT))


def helper(x):
    return x + 1


def test_undecorated_class_is_compiled():
    plain = Filter.from_class(Plain)
    assert said(plain) == "8"
    assert (plain.name, plain.context_class) == ("Plain", Plain)


def test_class_in_a_function_uses_names_of_its_module():
    @wasmnb.filter
    class Local(wasmnb.HttpContext):
        def on_http_request_headers(self, num_headers, end_of_stream):
            self.request_headers["x-said"] = str(helper(1))

    assert said(Local) == "2"


def test_class_runs_natively_with_its_references():
    plain = Filter.native(Plain)
    assert (said(plain), plain.name) == ("8", "Plain")


def test_decorated_class_runs_natively(module):
    plain = module("LIMIT = 3\n" + AUTH.format("LIMIT"))
    assert said(Filter.native(plain.Auth)) == "3"
