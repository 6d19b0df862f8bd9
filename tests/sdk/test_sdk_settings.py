"""Configuration as a dataclass."""

import pytest
from fake_proxy import FakeProxy

SOURCE = """
import enum, re
from dataclasses import dataclass, field
from typing import Any, Literal

class Mode(enum.Enum):
    ON = "on"
    OFF = "off"

@dataclass
class Rule:
    path: re.Pattern
    limit: int = 5

@dataclass
class Settings:
    realm: str
    ratio: float = 0.5
    mode: Mode = Mode.ON
    level: Literal["low", "high"] = "low"
    rules: list[Rule] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    pair: tuple[int, str] | None = None
    tags: frozenset[str] = frozenset()
    many: tuple[int, ...] = ()
    anything: Any = None
    debug: bool = False

    def __post_init__(self):
        if self.ratio > 1:
            raise ValueError("ratio is at most 1")

class P(PluginContext):
    config: Settings

    def on_plugin_start(self, size):
        log_info("started with %r", self.config)

class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-realm"] = self.config.realm
"""


def start(config, source=SOURCE):
    proxy = FakeProxy(source, config)
    return proxy, proxy.logs[-1][1]


def test_json_becomes_the_dataclass():
    proxy, log = start({
        "realm": "r", "ratio": 1, "mode": "off", "level": "high", "rules": [{"path": "^/a"}], "names": {"a": 1},
        "pair": [1, "x"], "tags": ["t"], "many": [1, 2, 3], "anything": {"x": [None]}, "debug": True,
    })
    assert proxy.started
    for part in ("ratio=1.0", "mode=<Mode.OFF", "rules=[Rule(path=re.compile('^/a'), limit=5)]", "pair=(1, 'x')",
                 "tags=frozenset({'t'})", "many=(1, 2, 3)", "anything={'x': [None]}"):
        assert part in log
    assert proxy.exchange().upstream_header(b"x-realm") == b"r"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "config.realm is missing (str)"),
        (b"", "config.realm is missing (str)"),
        (b"[]", "config: expected an object, got a list of 0"),
        (b"{", "not JSON"),
        ({"realm": 5}, "config.realm: expected str, got 5"),
        ({"realm": None}, "config.realm: expected str, got null"),
        ({"realm": "r", "relam": 1}, "config.relam is not known (did you mean realm?)"),
        ({"realm": "r", "zzz": 1}, "config.zzz is not known (known: realm, ratio"),
        ({"realm": "r", "ratio": True}, "config.ratio: expected float, got true"),
        ({"realm": "r", "ratio": 2}, "config: ratio is at most 1"),
        ({"realm": "r", "debug": 1}, "config.debug: expected bool, got 1"),
        ({"realm": "r", "mode": "of"}, "config.mode: expected one of 'on', 'off', got 'of'"),
        ({"realm": "r", "level": "mid"}, "config.level: expected one of 'low', 'high', got 'mid'"),
        ({"realm": "r", "rules": {}}, "config.rules: expected list of an object, got an object"),
        ({"realm": "r", "rules": [{"path": "a"}, {"path": "("}]}, "config.rules[1].path: not a regular expression"),
        ({"realm": "r", "rules": [{"limit": "x"}]}, "config.rules[0].limit: expected int, got 'x'; config.rules[0].path is missing (a regular expression)"),
        ({"realm": "r", "names": {"a": "b"}}, "config.names.a: expected int, got 'b'"),
        ({"realm": "r", "pair": [1]}, "config.pair: expected tuple of int, str or null, got a list of 1"),
        ({"realm": "r", "many": [1, "2"]}, "config.many[1]: expected int, got '2'"),
        ({"realm": "r", "tags": "t"}, "config.tags: expected frozenset of str, got 't'"),
        ({"realm": 1, "debug": 2}, "config.realm: expected str, got 1; config.debug: expected bool, got 2"),
    ],
)
def test_what_does_not_fit_is_named_and_the_plugin_does_not_start(config, problem):
    proxy, log = start(config)
    assert not proxy.started and problem in log


def test_a_stream_context_may_declare_it_alone_and_as_text():
    source = """
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Settings:
    name: str = "x-a"
class F(HttpContext):
    config: Settings
    def on_http_request_headers(self, n, e):
        self.request_headers[self.config.name] = "1"
"""
    assert FakeProxy(source, {"name": "x-b"}).exchange().upstream_header(b"x-b") == b"1"
    assert FakeProxy(source).exchange().upstream_header(b"x-a") == b"1"
    assert not FakeProxy(source, {"name": 1}).started


def test_an_annotation_that_cannot_be_read_says_so():
    source = """
from dataclasses import dataclass
@dataclass
class Settings:
    thing: bytes = b""
class F(HttpContext):
    config: Settings
"""
    proxy, log = start({"thing": "x"}, source)
    assert not proxy.started and "config.thing: the annotation <class 'bytes'> is not one" in log


def test_other_annotations_leave_plain_json():
    source = "class F(HttpContext):\n    config: dict\n    def on_http_request_headers(self, n, e): self.request_headers['x'] = self.config['a']"
    assert FakeProxy(source, {"a": "b"}).exchange().upstream_header(b"x") == b"b"


def test_a_filter_may_use_the_name_itself():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.config = self.request = 5\n        assert self.config + self.request == 10"
    FakeProxy(source).exchange()
