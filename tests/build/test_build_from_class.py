"""`@wasmnb.filter`: the class and what it refers to travel; what cannot is said at its line."""

import importlib
import math
import sys
import textwrap
from pathlib import Path

import pytest

import wasmnb
from wasmnb.build import Filter
from wasmnb.build.carry import literal, obstacle
from wasmnb.build.statements import Text
from wasmnb.errors import SourceError, UsageError
from wasmnb.host import Proxy

HEAD = "import wasmnb\nfrom wasmnb import HttpContext, PluginContext, VMContext, TcpContext\n"

AUTH = """
@wasmnb.filter
class Auth(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = str({0})
"""


def said(made, **options):
    with Proxy(made, workers=1, **options) as proxy:
        return proxy.get("/").upstream_request.headers["x-said"]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Import a module whose text is given; other files may lie beside it."""
    monkeypatch.syspath_prepend(tmp_path)

    def load(text, name="app", **others):
        for other, content in {name: HEAD + textwrap.dedent(text), **others}.items():
            path = tmp_path / f"{other.replace('__', '/').replace('/init', '/__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        importlib.invalidate_caches()
        return importlib.import_module(name.replace("__", "."))

    yield load
    for name, made in list(sys.modules.items()):
        if Path(getattr(made, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def refusal(module, text, **others):
    with pytest.raises(SourceError) as caught:
        module(text, **others)
    return caught.value


# -- what comes along -------------------------------------------------------------------------------------------------


def test_a_decorated_class_is_a_filter(module):
    made = module(AUTH.format("'hi'")).Auth
    assert isinstance(made, Filter)
    assert made.name == "Auth"
    assert said(made) == "hi"


def test_the_decorator_takes_a_name(module):
    made = module(AUTH.format(1).replace("@wasmnb.filter", "@wasmnb.filter(name='gate')")).Auth
    assert made.name == "gate"
    assert said(made) == "1"


def test_the_class_itself_stays_at_hand(module):
    made = module(AUTH.format(1) + "\nclass Strict(Auth): pass\n")
    assert issubclass(made.Auth.context_class, wasmnb.HttpContext)
    assert made.Strict.__mro__[1] is made.Auth.context_class
    assert Filter.from_source(AUTH.format(1).replace("@wasmnb.filter", "")).context_class is None


def test_functions_classes_imports_and_constants_come_along(module):
    made = module(
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
    assert said(made.Auth) == '[0, 3, {"a": [1, 2], "b": [null, true]}, 2]/2'
    assert "UNUSED" not in made.Auth.source
    assert "OrderedDict" not in made.Auth.source


def test_what_stands_below_the_class_comes_along(module):
    made = module(AUTH.format("later()") + "def later(): return FAR + 1\nFAR = 4\n")
    assert said(made.Auth) == "5"


def test_a_constant_travels_as_it_is_now(module):
    made = module(
        "import os, time\nSTART = time.time()\nT = {}\nfor i in range(3): T[i] = i\n" + AUTH.format("[START, T, i]")
    )
    assert said(made.Auth) == str([made.START, {0: 0, 1: 1, 2: 2}, 2])
    assert "time" not in made.Auth.source


def test_anything_else_is_made_again_inside(module):
    made = module(
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
    assert said(made.Auth) == "(True, 'b')"


def test_a_registry_comes_with_what_registers(module):
    made = module(
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
    assert said(made.Auth) == "paid"


def test_an_import_with_a_substitute_comes_whole(module):
    made = module(
        "try:\n    import orjson_is_not_here as json\nexcept ImportError:\n    import json\n"
        + AUTH.format("json.dumps(1)")
    )
    assert said(made.Auth) == "1"


def test_of_alternatives_only_what_is_there_comes_along(module):
    made = module(
        """
        import sys
        if sys.platform == "nowhere":
            KIND = never_defined
        else:
            KIND = object()
        """
        + textwrap.indent(AUTH.format("type(KIND).__name__"), " " * 8)
    )
    assert said(made.Auth) == "object"


def test_submodules_that_were_imported_apart_come_together(module):
    made = module(
        "import xml.dom\nimport xml.etree.ElementTree\n"
        + AUTH.format("[xml.etree.ElementTree.__name__[:3], xml.dom.__name__]")
    )
    assert said(made.Auth) == "['xml', 'xml.dom']"


def test_a_variable_that_is_made_of_itself_comes_with_what_it_was(module):
    made = module("import re\nP = re.compile('a')\nP = re.compile(P.pattern + 'b')\n" + AUTH.format("P.pattern"))
    assert said(made.Auth) == "ab"


def test_every_module_has_its_own_name(module):
    assert said(module(AUTH.format("__name__")).Auth) == "wasmnb_filter"


def test_what_only_an_annotation_wants_is_left_out_whole_but_not_if_it_is_needed_elsewhere(module):
    text = "import sys\nLOG = sys.__stdout__\ndef f(): return LOG\n"
    annotated = AUTH.format(1).replace("    def on", "    x: 'f'\n    def on")
    assert "def f" not in module(text + annotated).Auth.source
    error = refusal(module, text + annotated.replace("str(1)", "f()"), name="app2")
    assert "f uses LOG, which holds an open file" in error.args[0]


def test_names_of_a_star_import_come_along(module):
    made = module("from words import *\n" + AUTH.format("[say(), WORD]"), words="WORD = 'w'\ndef say(): return 1")
    assert said(made.Auth) == "[1, 'w']"


def test_local_modules_come_along(module):
    made = module(
        "import words\nfrom lib.deep import x\n" + AUTH.format("[words.y, x]"),
        words="y = 1",
        lib__init="",
        lib__deep="x = 2",
    )
    assert said(made.Auth) == "[1, 2]"


def test_a_module_in_a_package_may_import_relatively(module):
    made = module(
        "from .words import y\nfrom .. import top\n" + AUTH.format("[y, top.z]"),
        name="pack__filters__app",
        pack__init="", pack__filters__init="", pack__filters__words="y = 1", pack__top="z = 2",
    )  # fmt: skip
    assert said(made.Auth) == "[1, 2]"


def test_an_annotation_may_name_what_only_editors_know(module):
    made = module(
        "from typing import TYPE_CHECKING\nimport numpy as np\nif TYPE_CHECKING: import nowhere\n"
        "def f(x: 'nowhere.X', y: np.ndarray = None, z: 'not python' = 2) -> \"np.ndarray\": return 1\n"
        + AUTH.format("f(1)")
    )
    assert said(made.Auth) == "1"


# -- the other classes of a filter ------------------------------------------------------------------------------------

PLUGIN = "class Settings(PluginContext):\n    def greet(self): return 'hi'\n"


@pytest.mark.parametrize("before", [True, False])
def test_the_plugin_context_of_the_same_source_belongs_to_it(module, before):
    auth = AUTH.format("self.plugin.greet()")
    made = module(PLUGIN + auth if before else auth + PLUGIN)
    assert said(made.Auth) == "hi"


def test_an_annotation_says_which_plugin_context(module):
    other = "class Other(PluginContext): pass\n"
    auth = AUTH.format("self.plugin.greet()").replace("    def on", "    plugin: Settings\n    def on")
    assert said(module(PLUGIN + other + auth).Auth) == "hi"


def test_two_plugin_contexts_are_one_too_many(module):
    error = refusal(module, PLUGIN + "class Other(PluginContext): pass\n" + AUTH.format(1))
    assert error.args[0] == "Settings and Other are all of kind PluginContext, and Auth has one"
    assert "write `plugin: Settings` in class Auth" in error.hint


def test_a_decorated_class_leaves_the_other_filters_out(module):
    made = module(AUTH.format(1) + AUTH.format(2).replace("Auth", "Other") + "class Tcp(TcpContext): pass\n")
    assert (said(made.Auth), said(made.Other)) == ("1", "2")
    assert "class Other" not in made.Auth.source
    assert "class Tcp" not in made.Auth.source


def test_a_decorated_plugin_context_brings_its_stream(module):
    made = module("@wasmnb.filter\n" + PLUGIN + AUTH.format("self.plugin.greet()").replace("@wasmnb.filter", ""))
    assert said(made.Settings) == "hi"


def test_a_filter_may_derive_from_a_filter(module):
    made = module(
        AUTH.format("self.x()").replace("    def on", "    def x(self): return 1\n    def on")
        + "@wasmnb.filter\nclass B(Auth):\n    def x(self): return 2\n"
    )
    assert (said(made.Auth), said(made.B)) == ("1", "2")


def test_the_same_file_is_a_filter_without_being_imported(module, tmp_path):
    module(AUTH.format("1"))
    assert said(Filter.from_file(tmp_path / "app.py")) == "1"


# -- from a class -----------------------------------------------------------------------------------------------------

LIMIT = 7


class Plain(wasmnb.HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = str(helper(LIMIT))


def helper(x):
    return x + 1


def test_an_undecorated_class_can_be_compiled_too():
    made = Filter.from_class(Plain)
    assert said(made) == "8"
    assert (made.name, made.context_class) == ("Plain", Plain)


def test_a_class_inside_a_function_uses_the_module_around():
    @wasmnb.filter
    class Local(wasmnb.HttpContext):
        def on_http_request_headers(self, num_headers, end_of_stream):
            self.request_headers["x-said"] = str(helper(1))

    assert said(Local) == "2"


# -- where things are -------------------------------------------------------------------------------------------------


def test_a_traceback_names_the_lines_of_the_file(module, tmp_path):
    made = module("def f(): return {}['no']\n" + AUTH.format("f()"))
    with Proxy(made.Auth, workers=1) as proxy:
        proxy.get("/")
        text = "\n".join(line.text for line in proxy.log)
    assert f"File \"{tmp_path}/app.py\", line 3, in f\n    def f(): return {{}}['no']" in text
    assert f'File "{tmp_path}/app.py", line 8, in on_http_request_headers' in text


def test_an_error_of_the_source_is_at_its_line(module, tmp_path):
    error = refusal(module, AUTH.format(1).replace("num_headers, ", ""))
    assert "does not take the parameters" in error.args[0]
    assert (error.filename, error.lineno) == (str(tmp_path / "app.py"), 6)


# -- what cannot travel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "use", "message"),
    [
        ("import sys\nLOG = sys.__stdout__", "LOG", "Auth uses LOG, which holds an open file: that cannot go into a module"),
        ("import threading\nLOCK = threading.Lock()", "LOCK", "Auth uses LOCK, which holds a lock"),
        ("GEN = (i for i in 'ab')", "GEN", "Auth uses GEN, which holds a generator"),
        ("from wasmnb import Proxy", "Proxy", "Auth uses Proxy, which belongs to the notebook"),
        ("F = wasmnb.Filter.from_source('class A(HttpContext): pass')", "F", "Auth uses F, which holds a Filter of this notebook"),
        ("", "nothing_at_all", "Auth uses nothing_at_all, which is not defined"),
        ("import sys\ndef f(): return LOG\nLOG = sys.__stdout__", "f()", "f uses LOG, which holds an open file"),
        ("for x in [object()]: pass", "x", "Auth uses x, which comes from a for statement and is no constant"),
        ("globals()['made'] = object()", "made", "Auth uses made, which has no source"),
        ("import ssl", "ssl", "a filter cannot import ssl"),
    ],
)  # fmt: skip
def test_what_cannot_travel_is_said_at_the_line_that_uses_it(module, before, use, message):
    error = refusal(module, f"{before}\n{AUTH.format(use)}")
    assert message in error.args[0]
    assert error.lineno
    assert error.hint


def test_a_variable_of_the_function_around_cannot_travel():
    secret = "x"
    with pytest.raises(
        SourceError, match="Local uses secret, which is a variable of the function around the class"
    ) as caught:

        @wasmnb.filter
        class Local(wasmnb.HttpContext):
            def on_http_request_headers(self, num_headers, end_of_stream):
                self.request_headers["x"] = secret

    assert caught.value.filename == __file__


def test_a_class_without_a_source_is_refused():
    space = {"__name__": "nowhere"}
    with pytest.raises(SourceError, match="the source of class A is nowhere to be found") as caught:
        exec("import wasmnb\n@wasmnb.filter\nclass A(wasmnb.HttpContext): pass", space)
    assert "exec" in caught.value.hint


def test_only_classes_are_decorated():
    with pytest.raises(UsageError, match="not over the builtin_function_or_method len"):
        wasmnb.filter(len)
    with pytest.raises(UsageError, match="derive the filter's class"):
        Filter.from_class(wasmnb.HttpContext)


def test_a_class_that_is_no_context_is_refused(module):
    error = refusal(module, "@wasmnb.filter\nclass A: pass")
    assert "class A is no filter" in error.args[0]


# -- the pieces -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [None, True, 1, -2.5, 1j, "é", b"\0", ..., (), (1,), [], {}, set(), frozenset(), {1: [2, (3,)], "a": {4, 5}}, frozenset({1})],
)  # fmt: skip
def test_constants_come_back_from_their_text(value):
    again = eval(literal(value))
    assert again == value and type(again) is type(value)


def test_numbers_that_are_none_have_a_text_too():
    assert eval(literal(math.inf)) == math.inf
    assert math.isnan(eval(literal(math.nan)))


def test_what_is_no_constant_has_none():
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(5000):
        deep = [deep]
    for value in (object(), [object()], loop, deep, type("S", (str,), {})("x"), print):
        assert literal(value) is None


def test_a_star_import_leaves_pythons_own_filter_alone():
    space = {}
    exec("from wasmnb import *", space)
    assert "filter" not in space
    assert "filter" in dir(wasmnb)


def test_most_values_have_no_obstacle():
    assert [obstacle(v) for v in (1, "x", object(), print, wasmnb.HttpContext)] == [""] * 5


@pytest.mark.parametrize(
    ("text", "now", "later", "annotations"),
    [
        ("def f(a, b=c): d = 1; return a + d + e", {"c"}, {"e"}, set()),
        ("class A(b): c = d\n", {"b", "d"}, set(), set()),
        ("def f(x: a.b, *y: 'c[d]') -> e: z: g = 1; return z", set(), set(), set()),
        ("x = [i for i in y if i in z]", {"y", "z"}, set(), set()),
        ("def f():\n global n\n n += 1", set(), {"n"}, set()),
        ("class A:\n b: c\n d: 'e[g]' = f\n def h(self): i: j", {"f"}, set(), {"c", "e", "g"}),
        ("@a.b(c)\ndef f(): lambda g=h: g + i", {"a", "c"}, {"h", "i"}, set()),
        ("x = await y", {"y"}, set(), set()),
        ("x = lambda a: b(a)", set(), {"b"}, set()),
    ],
)
def test_names_that_a_statement_uses(text, now, later, annotations):
    (statement,) = Text("x", text).statements
    uses = statement.uses
    assert (uses.now, uses.later, uses.annotations) == (now, later, annotations)


def test_statements_on_one_line_are_told_apart():
    assert [s.text for s in Text("x", "a = 1; b = '''\n'''\nif a: c = 2\n").statements] == [
        "a = 1",
        "b = '''\n'''",
        "if a: c = 2\n",
    ]


def test_a_class_runs_natively_with_what_it_refers_to():
    made = Filter.native(Plain)
    assert (said(made), made.name) == ("8", "Plain")


def test_a_decorated_class_runs_natively_too(module):
    made = module("LIMIT = 3\n" + AUTH.format("LIMIT"))
    assert said(Filter.native(made.Auth)) == "3"
