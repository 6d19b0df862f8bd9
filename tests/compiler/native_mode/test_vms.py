"""Native mode: a copy of the modules for each VM, and the clocks and the randomness of the proxy."""

import asyncio
import gc
import os
import sys
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.compiler.native_mode import both_modes
from tests.compiler.native_mode.native_kit import PLAIN, native, said
from tests.compiler.native_mode.both_modes import history
from wasmnb import Filter, Plugin, Proxy
from wasmnb.compiler.dependencies.filter_source import LocalModule, Part, Source
from wasmnb.engine import default_engine
from wasmnb.errors import NativeWarning

pytestmark = pytest.mark.full  # compares with full modules


def test_every_vm_has_its_own_module():
    counts = native("global n; n += 1; print(n)", "n = 0\n")
    with Proxy(counts, workers=2) as proxy:
        for worker in (1, 2, 1, 1):
            proxy.get("/", worker=worker)
        assert [line.text for line in proxy.log] == ["1", "1", "2", "3"]


def test_local_modules_are_separate_in_each_vm_and_removed():
    modules = (
        LocalModule("counter", "n = 0", "counter.py"),
        LocalModule(
            "json_lines",
            "from counter import n as start\nimport counter\ndef up():\n    counter.n += 1\n    return counter.n",
            "json_lines.py",
        ),
    )
    body = "import json_lines, counter\nprint(json_lines.up(), counter.n, __name__, json_lines.__name__)"
    text = PLAIN.format(body.replace("\n", "\n        "))
    filter_ = Filter.native(Source((Part("import counter", "one"), Part(text, "two")), modules))
    finders, before = list(sys.meta_path), set(sys.modules)
    with Proxy(filter_, workers=2) as proxy:
        for worker in (1, 2, 1):
            proxy.get("/", worker=worker)
        texts = [line.text for line in proxy.log]
    assert texts == [f"{n} {n} wasmnb_filter json_lines" for n in (1, 1, 2)]
    assert sys.meta_path == finders and not {"counter", "json_lines", "wasmnb_filter"} & set(sys.modules) - before


def test_filter_does_not_see_the_notebooks_event_loop():
    sleeper = "import asyncio\n" + PLAIN.format("await asyncio.sleep(1)").replace("def on", "async def on")

    async def cell():
        text = "\n".join(said(Filter.native(sleeper)))
        assert asyncio.get_running_loop() is not None
        return text

    assert "asyncio.sleep() can't be used in a filter" in asyncio.run(cell())


def test_notebook_module_of_the_same_name_is_untouched(monkeypatch):
    from types import ModuleType

    mine = ModuleType("helper")
    monkeypatch.setitem(sys.modules, "helper", mine)
    text = "import helper\n" + PLAIN.format("print(helper.who)")
    filter_ = Filter.native(Source((Part(text, "cell"),), (LocalModule("helper", "who = 'filter'", "helper.py"),)))
    assert said(filter_) == ["filter"]
    assert sys.modules["helper"] is mine


def test_modules_imported_by_a_filter_stay_loaded(tmp_path, monkeypatch):
    (tmp_path / "lasting.py").write_text(
        "import sys\nclass Finder:\n    find_spec = lambda *_: None\nfinder = Finder()\nsys.meta_path.append(finder)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    modules = (LocalModule("own", "import lasting", "own.py"),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NativeWarning)
        said(Filter.native(Source((Part("import own, lasting\n" + PLAIN.format("pass"), "cell"),), modules)))
    assert sys.modules.pop("lasting").finder in sys.meta_path


def test_context_variables_persist_in_one_vm():
    head = "from contextvars import ContextVar\nseen = ContextVar('seen', default=0)\n"
    with Proxy(native("seen.set(seen.get() + 1); print(seen.get())", head), workers=2) as proxy:
        for worker in (1, 2, 1):
            proxy.get("/", worker=worker)
        assert [line.text for line in proxy.log] == ["1", "1", "2"]


def test_closed_proxy_leaves_no_modules_behind():
    filter_ = native("print(1)", "import logging, random, os, datetime\n")
    proxy = Proxy(filter_, workers=2)
    proxy.get("/")
    instances = [weakref.ref(vm.instance) for vm in proxy.vms if not vm.closed]
    assert len(instances) == 4
    proxy.close()
    del proxy
    gc.collect()
    assert not any(ref() for ref in instances)


def test_call_after_close_raises():
    image = Filter.native(PLAIN.format("pass")).image(default_engine())
    instance = image.instantiate(lambda _import: lambda *_: 0)
    start = instance.function("_initialize")
    instance.close()
    with pytest.raises(Exception, match="The VM is closed"):
        start()
    assert instance.function("_initialize") is None


# -- random numbers


def test_clocks_come_from_the_proxy():
    head = "import time, datetime\nfrom datetime import date\n"
    body = (
        "print(time.time(), time.time_ns(), time.strftime('%F %T %Z'), time.localtime().tm_hour)\n"
        "now = datetime.datetime.now()\n"
        "print(now, datetime.datetime.now(datetime.timezone.utc).isoformat(), date.today(), type(now).__name__)\n"
        "print(isinstance(now, datetime.datetime), isinstance(now, date), repr(datetime.datetime(2020, 1, 2)), datetime.datetime.fromtimestamp(0))"
    )  # fmt: skip
    first, second, third = said(native(body, head), start_time=1_800_000_000.0)
    assert first == "1800000000.0 1800000000000000000 2027-01-15 08:00:00 GMT 8"
    assert second == "2027-01-15 08:00:00 2027-01-15T08:00:00+00:00 2027-01-15 datetime"
    assert third == "True True datetime.datetime(2020, 1, 2, 0, 0) 1970-01-01 00:00:00"


def test_clocks_random_bytes_and_output_match_wasm():
    text = (
        "import random, secrets, uuid, os, sys, time, datetime, logging, traceback, pprint\n"
        "print('loads', random.random())\n"
        "class Hour(datetime.datetime):\n"
        "    def hours(self):\n"
        "        return self.hour\n"
    ) + PLAIN.format(
        "print(random.random(), random.Random().random(), secrets.token_hex(4), uuid.uuid4(), os.urandom(4))\n"
        "print(Hour(2020, 1, 2, 5).hours(), time.monotonic(), datetime.datetime.now(), os.environ.get('MODE'), os.getenv('HOME'))\n"
        "os.environ['SET'] = 'here'\n"
        "sys.stderr.write('to stderr\\n'); print('to stderr, too', file=sys.stderr)\n"
        "logging.getLogger('mine').info('logged %s', 1); logging.error('plain')\n"
        "pprint.pprint({'a': 1})\n"
        "try:\n    {}['x']\nexcept KeyError:\n    traceback.print_exc()".replace("\n", "\n        ")
    )
    plugin = {"environment": {"MODE": "test"}}

    def drive(proxy):
        proxy.get("/")
        proxy.get("/")

    seen = []
    for filter_ in both_modes.both(text):
        with Proxy(Plugin(filter_, **plugin), workers=2, seed=5, guest_time=0.0) as proxy:
            drive(proxy)
            seen.append((history(proxy), both_modes.lines(proxy)))
    assert seen[0] == seen[1]
    assert any("test None" in line[2] for line in seen[1][1])
    assert "SET" not in os.environ


def test_printing_in_the_notebook_is_unaffected(capsys):
    said(native("print('filter')"))
    print("mine")
    assert capsys.readouterr().out == "mine\n"


def test_every_form_of_import_finds_the_vm_modules():
    head = (
        "import logging.handlers, logging.config as config, os.path as p, xml.etree.ElementTree as ET, email.message\n"
        "from os import path, environ\nfrom time import time as clock\nfrom datetime import datetime as D, timezone\n"
        "from logging import getLogger\nimport random as r, os\n"
    )
    body = (
        "getLogger('a').info('%s', [p is path, environ is os.environ, clock() == D.now(timezone.utc).timestamp()])\n"
        "print(logging.handlers.__name__, config.__name__, ET.__name__, email.message.__name__, p.join('a', 'b'), 0 <= r.random() < 1)"
    )
    assert said(native(body, head), start_time=1e9) == [
        "[True, True, True]",
        "logging.handlers logging.config xml.etree.ElementTree email.message a/b True",
    ]


@pytest.fixture
def switches():
    """Let threads switch as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_vms_of_two_threads_keep_their_own_modules(switches):
    hook, finders = sys.breakpointhook, sys.meta_path[:]
    modules = {name: sys.modules.get(name) for name in ("wasmnb_filter", "local")}

    def run(name):
        body = "import local\nprint(sys.modules[__name__].NAME, local.NAME)"
        source = Part(f"import sys\nNAME = {name!r}\n" + PLAIN.format(body.replace("\n", "\n        ")), f"{name}.py")
        local = LocalModule("local", f"NAME = {name!r}", f"{name}/local.py")
        return said(Filter.native(Source((source,), (local,))), *["/"] * 40)

    with ThreadPoolExecutor(2) as pool:
        lines = dict(zip("ab", pool.map(run, "ab"), strict=True))
    assert lines == {"a": ["a a"] * 40, "b": ["b b"] * 40}
    assert {name: sys.modules.get(name) for name in modules} == modules
    assert (sys.breakpointhook, sys.meta_path) == (hook, finders)
