"""The introspection export as plain Python: its requests, and the state that they must not change."""

import json
import sys
from collections import OrderedDict, defaultdict, deque, namedtuple

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.diagnostics.reprs import Reprs

FILTER = """
import time

total = 0
CODES = {}

class Base(HttpContext):
    kept = []

class P(PluginContext):
    shared = {}

    def on_plugin_start(self, size):
        self.hits = 0

class F(Base):
    def __init__(self):
        self.mine = "m"

    def on_http_request_headers(self, num_headers, end_of_stream):
        global total
        total += 1
        self.plugin.hits += 1
        self.plugin.shared["a"] = 1
        self._private = {"b": [1, 2]}
        return Action.PAUSE
"""


def ask(proxy, **request):
    return json.loads(proxy.dispatcher.introspect(json.dumps(request).encode()))


def attributes(proxy):
    return ask(proxy, do="attributes", length=200)["done"]


def paused(source):
    """A proxy with one stream whose request headers are there."""
    proxy = FakeProxy(source)
    proxy.call("on_request_headers", proxy.create(), 0, 1)
    return proxy


def test_attributes_have_nothing_of_the_sdk_in_closed_streams():
    source = """
class F(HttpContext):
    def on_http_request_body(self, size, end_of_stream):
        self.mine = 1
        self.close()
        return DataStatus.STOP_ITERATION_AND_WATERMARK
"""
    proxy = FakeProxy(source)
    proxy.call("on_request_body", proxy.create(), 0, 0)
    stream = next(c for c in attributes(proxy)["contexts"] if c["kind"] == "http")
    assert stream["attributes"] == {"mine": "1"}


def test_attributes_are_the_authors_of_modules_classes_and_contexts():
    state = attributes(paused(FILTER))
    assert state["modules"] == {"": {"total": "1", "CODES": "{}"}}
    assert state["classes"] == {"P": {"shared": "{'a': 1}"}, "F": {}, "Base": {"kept": "[]"}}
    plugin, stream = (next(c for c in state["contexts"] if c["kind"] == kind) for kind in ("plugin", "http"))
    assert (plugin["class"], plugin["attributes"], plugin["more"]) == ("P", {"hits": "1"}, 0)
    assert (stream["class"], stream["attributes"]) == ("F", {"mine": "'m'", "_private": "{'b': [1, 2]}"})


def test_attributes_of_waits_are_hidden():
    proxy = paused("""
class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        self.started = True
        await sleep(10)

    async def on_http_request_body(self, body_size, end_of_stream):
        pass
""")
    (stream,) = [c for c in attributes(proxy)["contexts"] if c["kind"] == "http"]
    assert stream["attributes"] == {"started": "True"}


def test_introspection_refuses_hostcalls_in_repr():
    proxy = paused(
        FILTER
        + """
class Nosy:
    def __repr__(self):
        log_info("seen")
        return "nosy"

nosy = Nosy()
"""
    )
    proxy.hostcalls.clear()
    assert "log can't be called during introspection" in attributes(proxy)["modules"][""]["nosy"]
    assert proxy.hostcalls == []
    assert proxy.dispatcher.vm.abi is not None


def test_invalid_request_returns_the_error():
    proxy = FakeProxy(FILTER)
    assert "nonsense" in ask(proxy, do="nonsense")["error"]
    assert "JSON" in json.loads(proxy.dispatcher.introspect(b"{"))["error"]
    assert "length" in ask(proxy, do="attributes")["error"]


class Endless:
    def __repr__(self):
        while True:
            pass


class Recursive:
    def __repr__(self):
        return repr(self)


class Failing:
    def __repr__(self):
        raise ValueError("no")


class NotText:
    def __repr__(self):
        return 5


class Hidden(list):
    def __iter__(self):
        raise AssertionError

    def __len__(self):
        raise AssertionError


Pair = namedtuple("Pair", "x y")
LOOP = [1]
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Endless(), "<Endless: its repr does not end>"),
        (Recursive(), "<Recursive: its repr recurses endlessly>"),
        (Failing(), "<Failing: its repr raised ValueError: no>"),
        (NotText(), "<NotText: its repr raised TypeError: __repr__ returned non-string (type int)>"),
        ([Failing(), 1], "[<Failing: its repr raised ValueError: no>, 1]"),
        ([1 << 332_192], "[<int of 332,193 bits>]"),
        (LOOP, "[1, […]]"),
        ([[[[[1]]]]], "[[[[[…]]]]]"),
        ({1: {2, 3}}, "{1: {2, 3}}"),
        ((1,), "(1,)"),
        (set(), "set()"),
        (frozenset({1}), "frozenset({1})"),
        (Hidden([1, 2]), "Hidden([1, 2])"),
        (defaultdict(list, {1: [2]}), "defaultdict({1: [2]})"),
        (OrderedDict(a=1), "OrderedDict({'a': 1})"),
        (deque([1, 2], maxlen=2), "deque([1, 2])"),
        (Pair(1, "b"), "Pair(x=1, y='b')"),
        (b"\x00", "b'\\x00'"),
        (None, "None"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_value_has_a_short_representation(value, text):
    assert Reprs()(value) == text


@pytest.mark.parametrize(
    "value",
    ["x" * 10**7, b"x" * 10**7, list(range(10**6)), {i: "y" * 50 for i in range(10**5)}],
    ids=lambda value: type(value).__name__,
)
def test_huge_value_is_cut_without_walking_it(value):
    text = Reprs(60)(value)
    assert len(text) <= 60
    assert "…" in text


def test_previous_tracer_is_restored():
    def mine(*_):
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        Reprs()(Endless())
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)
