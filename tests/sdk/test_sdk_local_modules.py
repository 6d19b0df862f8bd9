"""A filter's own modules where several VMs share this interpreter: each VM has its own, as in Wasm."""

import linecache
import sys
from types import SimpleNamespace

import pytest

from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.parts import LocalModule, Part
from wasmnb.sdk.texts import remember

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
def vm():
    made = []

    def load(name, text=FILTER, modules=MODULES, package=""):
        made.append(Dispatcher(Binding(), name))
        made[-1].load_parts([Part(text, "cell")], modules, package)
        return SimpleNamespace(**vars(made[-1]._source.module))

    before, finders = set(sys.modules), list(sys.meta_path)
    yield load
    for dispatcher in made:
        dispatcher.unload()
    assert not [name for name in set(sys.modules) - before if name.startswith(("vm_", "counter", "lib"))]
    assert sys.meta_path == finders


def test_each_vm_has_its_own_copy(vm):
    one, two = vm("vm_1"), vm("vm_2")
    assert (one.f(), one.f(), two.f()) == (1, 2, 1)
    assert one.counter is one.tail is not two.counter
    assert one.counter.__name__ == "vm_1.counter"


def test_other_modules_are_shared(vm):
    import json

    assert vm("vm_1").json_is is vm("vm_2").json_is is json


def test_where_an_interpreter_is_one_vm_the_names_are_plain(vm):
    assert vm("").counter.__name__ == "counter"


def test_relative_imports_start_from_the_package(vm):
    text = "from .deep import tail\nfrom . import far\nclass F(HttpContext): pass"
    for name in ("vm_1", ""):
        assert vm(name, text, package="lib").far.y == 2


def test_a_notebooks_own_text_is_left_as_it_is():
    name = "Cell In[<test>]"
    whole = ["%%wasmfilter x\n", "a = 1\n", "b = 2\n"]
    linecache.cache[name] = (0, None, whole, name)
    remember("a = 1\nb = 2", name, 2)
    assert linecache.getlines(name) == whole
    remember("a = 3\n", name, 2)
    assert linecache.getlines(name) == ["\n", "a = 3\n"]
    remember("b = 4\n", name, 4, among=True)
    assert linecache.getlines(name) == ["\n", "a = 3\n", "\n", "b = 4\n"]
    del linecache.cache[name]
