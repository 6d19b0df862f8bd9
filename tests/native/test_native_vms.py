"""Native VMs: each on its own, with the proxy's clock and chance, and what cannot be the same said at its line."""

import asyncio
import gc
import os
import sys
import time
import warnings
import weakref

import pytest

from tests.native import twins
from tests.native.twins import compare, history
from wasmnb import Filter, Plugin, Proxy, Response
from wasmnb.build.source import LocalModule, Part, Source
from wasmnb.engine import default_engine
from wasmnb.errors import ModuleError, NativeWarning, SourceError, UsageError
from wasmnb.view import to_text
from wasmnb.view.bundle import document_of

PLAIN = "class F(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        {}\n"


def native(body, head="", **options):
    """A filter whose one callback has this body."""
    return Filter.native(head + PLAIN.format(body.replace("\n", "\n        ")), **options)


def said(made, *paths, **options):
    """What it logs when it is asked for these paths."""
    options = {"workers": 1, "guest_time": 0.0, **options}
    with Proxy(made, **options) as proxy:
        for path in paths or ("/",):
            proxy.get(path)
        return [line.text for line in proxy.log]


# -- each VM on its own


def test_every_vm_has_its_own_module():
    counts = native("global n; n += 1; print(n)", "n = 0\n")
    with Proxy(counts, workers=2) as proxy:
        for worker in (1, 2, 1, 1):
            proxy.get("/", worker=worker)
        assert [line.text for line in proxy.log] == ["1", "1", "2", "3"]


def test_modules_of_its_own_are_each_vms_too_and_leave_no_trace():
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
    made = Filter.native(Source((Part("import counter", "one"), Part(text, "two")), modules))
    finders, before = list(sys.meta_path), set(sys.modules)
    with Proxy(made, workers=2) as proxy:
        for worker in (1, 2, 1):
            proxy.get("/", worker=worker)
        texts = [line.text for line in proxy.log]
    assert texts == [f"{n} {n} wasmnb_filter json_lines" for n in (1, 1, 2)]
    assert sys.meta_path == finders and not {"counter", "json_lines", "wasmnb_filter"} & set(sys.modules) - before


def test_a_notebooks_event_loop_is_not_the_filters():
    sleeper = "import asyncio\n" + PLAIN.format("await asyncio.sleep(1)").replace("def on", "async def on")

    async def cell():
        text = "\n".join(said(Filter.native(sleeper)))
        assert asyncio.get_running_loop() is not None
        return text

    assert "asyncio.sleep() cannot be used in a filter" in asyncio.run(cell())


def test_a_module_of_the_same_name_in_the_notebook_is_left_alone(monkeypatch):
    from types import ModuleType

    mine = ModuleType("helper")
    monkeypatch.setitem(sys.modules, "helper", mine)
    text = "import helper\n" + PLAIN.format("print(helper.who)")
    made = Filter.native(Source((Part(text, "cell"),), (LocalModule("helper", "who = 'filter'", "helper.py"),)))
    assert said(made) == ["filter"]
    assert sys.modules["helper"] is mine


def test_what_an_import_leaves_in_the_interpreter_stays_there(tmp_path, monkeypatch):
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


def test_variables_of_a_context_last_and_belong_to_one_vm():
    head = "from contextvars import ContextVar\nseen = ContextVar('seen', default=0)\n"
    with Proxy(native("seen.set(seen.get() + 1); print(seen.get())", head), workers=2) as proxy:
        for worker in (1, 2, 1):
            proxy.get("/", worker=worker)
        assert [line.text for line in proxy.log] == ["1", "1", "2"]


def test_a_closed_proxy_leaves_nothing_behind():
    made = native("print(1)", "import logging, random, os, datetime\n")
    proxy = Proxy(made, workers=2)
    proxy.get("/")
    found = [weakref.ref(vm.instance) for vm in proxy.vms if not vm.closed]
    assert len(found) == 4
    proxy.close()
    del proxy
    gc.collect()
    assert not any(ref() for ref in found)


def test_a_call_after_the_end_is_refused():
    image = Filter.native(PLAIN.format("pass")).image(default_engine())
    instance = image.instantiate(lambda wanted: lambda *_: 0)
    start = instance.function("_initialize")
    instance.close()
    with pytest.raises(Exception, match="The VM is closed"):
        start()
    assert instance.function("_initialize") is None


# -- clock, chance, environment, output


def test_clocks_are_the_proxys():
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


def test_clocks_chance_and_output_are_as_in_wasm():
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
    for made in twins.both(text):
        with Proxy(Plugin(made, **plugin), workers=2, seed=5, guest_time=0.0) as proxy:
            drive(proxy)
            seen.append((history(proxy), twins.lines(proxy)))
    assert seen[0] == seen[1]
    assert any("test None" in line[2] for line in seen[1][1])
    assert "SET" not in os.environ


def test_printing_elsewhere_in_the_notebook_is_left_alone(capsys):
    said(native("print('filter')"))
    print("mine")
    assert capsys.readouterr().out == "mine\n"


def test_imports_of_every_form_find_the_vms_modules():
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


# -- what a proxy does with it


def test_a_native_and_a_compiled_filter_in_one_chain():
    text = PLAIN.format("self.request_headers.add('x-by', {!r})")
    chain = [Filter.native(text.format("native"), "one"), Filter.from_source(text.format("wasm"), "two")]
    with Proxy(chain, workers=2) as proxy:
        assert proxy.get("/").upstream_request.headers.get_all("x-by") == ["native", "wasm"]


def test_the_same_source_both_ways_shares_no_vm():
    text = PLAIN.format("self.request_headers.add('x', '1')")
    with Proxy([Plugin(Filter.native(text), name="a"), Plugin(Filter.from_source(text), name="b")], workers=1) as proxy:
        assert {vm.native for vm in proxy.vms} == {True, False}


def test_a_failed_vm_is_made_anew_if_the_policy_says_so():
    text = PLAIN.format("1 / (self.request.path != '/boom')")

    def drive(proxy):
        for path in ("/", "/boom", "/", "/"):
            proxy.get(path)
            proxy.advance(5)

    compare(text, drive, workers=1, failure_policy="FAIL_RELOAD")


def test_capabilities_that_are_not_allowed():
    text = PLAIN.format(
        "try:\n            self.request_headers['x'] = '1'\n        except InternalFailure as error:\n            print('refused')"
    )
    seen = []
    for made in twins.both(text):
        allowed = ["proxy_log", "proxy_on_context_create", "proxy_on_request_headers", "proxy_on_delete", "_initialize"]
        with Proxy(Plugin(made, allowed_capabilities=[*allowed, "random_get"]), workers=1, guest_time=0.0) as proxy:
            assert "refused" in [line.text for line in proxy.get("/").log]
            events = [(*e[:6], e[8:]) for e in history(proxy)]  # a refused call is recorded with its addresses
            seen.append((events, twins.lines(proxy)))
    assert seen[0] == seen[1]


def test_tcp_and_large_bodies():
    source = """
class C(TcpContext):
    def on_downstream_data(self, size, end):
        print(size, end)
        self.downstream_data = bytes(self.downstream_data).upper()
"""

    def drive(proxy):
        connection = proxy.connect()
        connection.send(b"hello")
        connection.send(b"x" * 100_000)
        connection.close()

    seen = []
    for made in twins.both(source):
        with Proxy(Plugin(made, kind="network"), workers=1, guest_time=0.0) as proxy:
            drive(proxy)
            seen.append((history(proxy), twins.lines(proxy), twins.answers(proxy)))
    assert seen[0] == seen[1] and len(seen[0][0]) > 20
    body = b"y" * (3 << 20)
    large = "class F(HttpContext):\n    def on_http_response_body(self, size, end):\n        if end:\n            self.response_body = bytes(self.response_body) * 2\n        else:\n            return DataStatus.STOP_ITERATION_AND_BUFFER\n"
    with Proxy(Filter.native(large), workers=1, buffer_limit=1 << 24, upstream=Response(200, body=body)) as proxy:
        assert len(proxy.get("/").response.body) in (len(body), 2 * len(body))


def test_a_filter_runs_at_load():
    from wasmnb import load

    with Proxy(native("self.request_headers['x'] = str(len(self.request_headers))"), workers=2) as proxy:
        report = load(proxy, requests=200)
        assert report.failed == 0 and "200 requests" in repr(report)


@pytest.mark.parametrize("taken", ["Exception", "BaseException"])
def test_what_a_host_raises_passes_the_filters_handlers(taken):
    class Refused(Exception):
        pass

    def resolve(wanted):
        def refuse(*_):
            raise Refused(wanted.name)

        return refuse if wanted.name == "proxy_log" else lambda *_: 0

    made = native("pass", f"def quietly():\n    try:\n        print('x')\n    except {taken}:\n        pass\n")
    loud = native("pass", f"try:\n    print('x')\nexcept {taken}:\n    pass\n")
    made.image(default_engine()).instantiate(resolve).function("_initialize")()
    with pytest.raises(Exception, match="Refused: proxy_log") as caught:
        loud.image(default_engine()).instantiate(resolve).function("_initialize")()
    assert caught.value.kind == "host" and isinstance(caught.value.__cause__, Refused)


def test_what_python_finalises_after_the_end_is_silent(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    source = """
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        if self.request.path == "/boom":
            1 / 0
        try:
            await sleep(100)
        finally:
            log_info("late %s", self.request_headers.get("x", "-"))
"""
    proxy = Proxy(Filter.native(source), workers=1)
    proxy.open("GET", "/wait", end=True)
    proxy.advance(1)
    proxy.get("/boom")
    proxy.close()
    del proxy
    gc.collect()
    assert said == []


# -- errors and warnings


@pytest.mark.parametrize(
    "text",
    [
        "class F(HttpContext):\n    def on_http_request_headers(self, n, e)\n        pass\n",
        "x = 1\nprint(nope)\nclass F(HttpContext): pass\n",
        "x = 1\n",
        "class F:\n    pass\n",
        "class F(HttpContext):\n    def on_request_headers(self, n, e): pass\n",
        "class F(HttpContext):\n    def on_http_request_headers(self): pass\n",
        "class F(HttpContext): pass\nclass G(HttpContext): pass\n",
        "import wasmnb.host\nclass F(HttpContext): pass\nraise ValueError(wasmnb)\n",
        "from wasmnb import Proxy\nclass F(HttpContext): pass\n",
        "shared_data['x'] = 1\nclass F(HttpContext): pass\n",
    ],
)
def test_a_source_is_refused_in_the_same_words(text):
    said = []
    for make in (Filter.from_source, Filter.native):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NativeWarning)
            with pytest.raises(SourceError) as caught:
                make(text, filename="Cell In[3]", first_line=2)
        error = caught.value
        said.append((str(error), error.filename, error.lineno, error.hint))
    wasm, natively = said
    if "wasmnb.host" in text:
        assert "ValueError" in natively[0]
    elif "on_http_request_headers(self, n, e)\n" in text:
        assert natively[1:3] == wasm[1:3] and f"this Python {sys.version_info.major}.{sys.version_info.minor}" in natively[3]
    elif "import Proxy" in text:
        assert natively[2] == wasm[2] and "cannot import name 'Proxy' from 'wasmnb'" in natively[0]
    else:
        assert natively == wasm


def test_what_wasm_does_not_have_is_said_once_at_its_line():
    text = "import json\nimport sqlite3\nimport numpy\nfrom wasmnb.host import Proxy\n" + PLAIN.format(
        "open('/dev/null').close()"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = Filter.native(text, filename="Cell In[3]", first_line=10)
        with Proxy(made, workers=3) as proxy:
            for worker in (1, 2, 3):
                proxy.get("/", worker=worker)
    found = {w.lineno: str(w.message) for w in caught if w.category is NativeWarning}
    assert len(caught) == 4 and {w.filename for w in caught} == {"Cell In[3]"}
    assert "cannot import sqlite3" in found[11] and "shared_data" in found[11]
    assert "numpy" in found[12] and "pure Python" in found[12]
    assert "cannot import wasmnb.host" in found[13]
    assert "no files" in found[16]


def test_an_import_that_may_fail_is_not_worth_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        native("pass", "try:\n    import sqlite3\nexcept ImportError:\n    sqlite3 = None\n")


def test_only_python_source_runs_natively(tmp_path):
    (tmp_path / "m.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(UsageError, match="only Python source can run natively"):
        Filter.native(tmp_path / "m.wasm")
    with pytest.raises(UsageError, match="cannot be read"):
        Filter.native(tmp_path / "none.py")
    with pytest.raises(UsageError, match="Only Python source"):
        Filter.native(5)
    with pytest.raises((UsageError, ModuleError)):
        Filter.native(Filter.from_bytes(b"\0asm\1\0\0\0"))


# -- what it is


def test_it_says_that_it_is_native():
    made = native("pass", name="mine")
    assert made.is_native and repr(made) == "<Filter 'mine' from <filter>, native>"
    assert made.info.native and made.info.as_dict()["size"] == 0
    text = to_text(document_of(made))
    assert "native · Proxy-Wasm ABI 0.2.1" in text and "run by     Python" in text
    with Proxy(made, workers=1) as proxy:
        assert "VM4 worker  runs native" in to_text(document_of(proxy))


def test_its_module_is_that_of_the_same_source():
    text = PLAIN.format("pass")
    made = Filter.native(text, filename="Cell In[1]", first_line=3)
    assert made.wasm == Filter.from_source(text, filename="Cell In[1]", first_line=3).wasm


def test_a_compiled_filter_has_a_native_twin(tmp_path):
    (tmp_path / "helper.py").write_text("who = 'helper'\n")
    (tmp_path / "mine.py").write_text("from helper import who\n" + PLAIN.format("print(who)"))
    for given in (Filter.from_file(tmp_path / "mine.py"), tmp_path / "mine.py"):
        made = Filter.native(given)
        assert made.name == "mine" and said(made) == ["helper"]


def test_it_is_quick():
    started = time.perf_counter()
    native("pass")
    assert time.perf_counter() - started < 2


# -- what tools ask


def test_its_python_state_and_its_local_variables_are_as_in_wasm():
    text = (
        "class P(PluginContext):\n"
        "    def on_plugin_start(self, size):\n"
        "        self.seen = {'a': [1, 2]}\n"
    ) + PLAIN.format("mine = self.request.path * 3\n        if mine == '/x/x/x':\n            dict()[mine]\n        return Action.PAUSE")  # fmt: skip
    seen = []
    for made in twins.both(text):
        with Proxy(made, workers=2, guest_time=0.0, show_locals=True) as proxy:
            proxy.get("/")
            seen.append((to_text(document_of(proxy.python_state())), twins.plain(proxy.get("/x").traceback)))
    assert seen[0] == seen[1]
    assert "local mine = '/x/x/x'" in seen[1][1] and "seen" in seen[1][0]


def test_a_callback_that_does_not_return_is_found_by_fuzzing():
    from wasmnb.testing import fuzz

    endless = native("while self.request.path != '/': pass")
    report = fuzz(endless, seconds=10, seed=1, deadline=0.3)
    assert [found.kind for found in report.findings] == ["hang"]


@pytest.mark.envoy
@pytest.mark.slow
def test_it_runs_compiled_in_the_real_envoy():
    from wasmnb import Envoy

    with Envoy(native("self.request_headers['x-demo'] = '1'"), workers=1) as envoy:
        assert envoy.get("/").upstream_request.headers["x-demo"] == "1"


def test_the_panel_says_that_it_is_native_and_does_not_compile_it():
    from wasmnb.view.panel.snapshot.module import module

    made = native("pass", name="mine")
    with Proxy(made, workers=1) as proxy:
        known = module(proxy.plugins[0])
    assert ["runs", f"native, by this Python {made.info.python}"] in known["facts"]
    assert known["download"] and not known["sections"] and "compiled" not in vars(made._made)
