"""Local modules of a filter, which are imported from the text in the source bundle."""

import builtins
import json
import linecache
import sys
from types import SimpleNamespace

import pytest

from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.loading.parts import LocalModule, Part
from wasmnb.sdk.loading.source_cache import store_source

FILTER = """\
import counter
from lib import tail, json_is
from lib.deep import far
def f():
    import counter as late
    late.n += 1
    return late.n
class F(HttpContext):
    pass
"""

MODULES = [
    LocalModule("counter", "import json\nn = 0", "counter.py"),
    LocalModule("lib", "from .deep import tail\nimport json as json_is", "lib/__init__.py", True),
    LocalModule("lib.deep", "import counter\ntail = counter\nfrom . import far", "lib/deep.py"),
    LocalModule("lib.far", "y = 2", "lib/far.py"),
]


class Binding:
    def __getattr__(self, hostcall):
        if hostcall in ("journal", "header_text", "watch_deletes"):
            raise AttributeError(hostcall)
        return lambda *_: 0


@pytest.fixture
def load(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))

    def loaded(text=FILTER, modules=MODULES, package="", namespace=None):
        dispatcher = Dispatcher(Binding(), namespace)
        dispatcher.load_parts([Part(text, "cell")], modules, package)
        return SimpleNamespace(**vars(dispatcher.loaded().module))

    return loaded


def test_local_modules_are_imported_once_under_their_names(load):
    vm = load()
    assert (vm.f(), vm.f()) == (1, 2)
    assert vm.counter is vm.tail
    assert vm.counter.__name__ == "counter"


def test_loading_again_makes_new_modules(load):
    one, two = load(), load()
    assert one.counter is not two.counter


def test_other_modules_are_the_interpreters(load):
    assert load().json_is is json


def test_relative_imports_start_from_the_package(load):
    text = "from .deep import tail\nfrom . import far\nclass F(HttpContext): pass"
    assert load(text, package="lib").far.y == 2


def test_namespaces_start_with_the_given_names(load):
    mine = {**vars(builtins), "said": "mine"}
    vm = load("import counter\nx = said\nclass F(HttpContext): pass", [MODULES[0]._replace(text="y = said")], namespace={"__builtins__": mine})
    assert vm.x == vm.counter.y == "mine"


def test_text_of_a_notebook_cell_stays_in_linecache():
    name = "Cell In[<test>]"
    whole = ["%%wasmfilter x\n", "a = 1\n", "b = 2\n"]
    linecache.cache[name] = (0, None, whole, name)
    store_source("a = 1\nb = 2", name, 2)
    assert linecache.getlines(name) == whole
    store_source("a = 3\n", name, 2)
    assert linecache.getlines(name) == ["\n", "a = 3\n"]
    store_source("b = 4\n", name, 4, keep_others=True)
    assert linecache.getlines(name) == ["\n", "a = 3\n", "\n", "b = 4\n"]
    del linecache.cache[name]
