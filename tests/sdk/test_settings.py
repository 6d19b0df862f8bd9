"""Configuration as a dataclass."""

from dataclasses import dataclass

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk import ConfigurationError
from wasmnb.sdk.config.json_config import JsonConfig

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
        (b"[]", "config: expected an object (Settings), got a list of 0"),
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
        ({"realm": "r", "rules": {}}, "config.rules: expected list of an object (Rule), got an empty object"),
        ({"realm": "r", "rules": [{"path": "a"}, {"path": "("}]}, "config.rules[1].path: invalid regular expression"),
        ({"realm": "r", "rules": [{"limit": "x"}]}, "config.rules[0].limit: expected int, got 'x'; config.rules[0].path is missing (a regular expression)"),
        ({"realm": "r", "names": {"a": "b"}}, "config.names.a: expected int, got 'b'"),
        ({"realm": "r", "pair": [1]}, "config.pair: expected tuple of int, str, got a list of 1"),
        ({"realm": "r", "many": [1, "2"]}, "config.many[1]: expected int, got '2'"),
        ({"realm": "r", "tags": "t"}, "config.tags: expected frozenset of str, got 't'"),
        ({"realm": 1, "debug": 2}, "config.realm: expected str, got 1; config.debug: expected bool, got 2"),
    ],
)
def test_error_names_the_invalid_field_and_the_plugin_does_not_start(config, problem):
    proxy, log = start(config)
    assert not proxy.started and problem in log


def test_stream_context_can_declare_settings_as_text():
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


def test_unreadable_annotation_is_reported():
    source = """
from dataclasses import dataclass
@dataclass
class Settings:
    thing: bytes = b""
class F(HttpContext):
    config: Settings
"""
    proxy, log = start({"thing": "x"}, source)
    assert not proxy.started and "config.thing: JSON can't be converted to the annotated type bytes" in log


def test_other_annotations_leave_plain_json():
    source = "class F(HttpContext):\n    config: dict\n    def on_http_request_headers(self, n, e): self.request_headers['x'] = self.config['a']"
    assert FakeProxy(source, {"a": "b"}).exchange().upstream_header(b"x") == b"b"


def test_filter_can_assign_config():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.config = self.request = 5\n        assert self.config + self.request == 10"
    FakeProxy(source).exchange()


NESTED = """
from __future__ import annotations
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NewType
import re

User = NewType("User", int)

class Level(enum.IntEnum):
    LOW = 1

@dataclass
class Retry:
    attempts: int = 3
    codes: list[int] = field(default_factory=list)
    when: re.Pattern[str] | None = None

@dataclass
class Cluster:
    name: str
    retry: Retry | None = None
    fallback: Cluster | None = None

@dataclass
class Settings:
    clusters: Sequence[Cluster] = ()
    ports: dict[int, str] = field(default_factory=dict)
    levels: Mapping[Literal["a", "b"], Level] = field(default_factory=dict)
    users: set[User] = field(default_factory=set)
    lists: set[list[int]] = field(default_factory=set)
    either: Retry | Cluster | None = None
    fixed: Final[float] = 1.0

class F(HttpContext):
    config: Settings
    def on_http_request_headers(self, n, e):
        self.request_headers["x"] = repr(self.config)
"""


def test_nested_settings_are_read():
    config = {
        "clusters": [{"name": "a", "retry": {"codes": [500], "when": "^a"}, "fallback": {"name": "b", "fallback": {"name": "c"}}}],
        "ports": {"80": "x"}, "levels": {"a": 1}, "users": [1, 1], "either": {"attempts": 1}, "fixed": 2,
    }
    seen = FakeProxy(NESTED, config).exchange().upstream_header(b"x").decode()
    assert seen == (
        "Settings(clusters=[Cluster(name='a', retry=Retry(attempts=3, codes=[500], when=re.compile('^a')), fallback="
        "Cluster(name='b', retry=None, fallback=Cluster(name='c', retry=None, fallback=None)))], ports={80: 'x'}, "
        "levels={'a': <Level.LOW: 1>}, users={1}, lists=set(), either=Retry(attempts=1, codes=[], when=None), fixed=2.0)"
    )


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"clusters": [{"name": "a", "retry": {"attempts": "2", "codes": [1, "x"]}}]},
         "config.clusters[0].retry.attempts: expected int, got '2'; config.clusters[0].retry.codes[1]: expected int, got 'x'"),
        ({"clusters": [{"name": "a", "fallback": {"name": "b", "fallback": {"nam": "c"}}}]},
         "config.clusters[0].fallback.fallback.nam is not known (did you mean name?); config.clusters[0].fallback.fallback.name is missing (str)"),
        ({"clusters": [{"name": "a", "retry": {"when": "("}}]}, "config.clusters[0].retry.when: invalid regular expression: missing )"),
        ({"clusters": [{"name": "a", "retry": 5}]}, "config.clusters[0].retry: expected an object (Retry) or null, got 5"),
        ({"either": {"codes": 5}}, "config.either: it is neither an object (Retry) (config.either.codes: expected list of int, got 5), nor "
         "an object (Cluster) (config.either.codes is not known (known: name, retry, fallback); config.either.name is missing (str))"),
        ({"ports": {"x": "y"}}, "the key 'x' of config.ports: expected int, got 'x'"),
        ({"levels": {"c": 1}}, "the key 'c' of config.levels: expected one of 'a', 'b', got 'c'"),
        ({"lists": [[1]]}, "config.lists: "),
        ({"fixed": 10**400}, "config.fixed: expected float, got 1000000000"),
        ({"q": 1, "r": 2, "prots": {}}, "config.q is not known (known: clusters, ports, levels, users, lists, either, fixed); "
         "config.r is not known; config.prots is not known (did you mean ports?)"),
        (b'{"ports": ' + b"9" * 5000 + b"}", "the plugin configuration has a number with too many digits"),
    ],
)  # fmt: skip
def test_error_names_the_invalid_nested_field(config, problem):
    proxy, log = start(config, NESTED)
    assert not proxy.started and problem in log


LIST = """
from dataclasses import dataclass
@dataclass
class Rule:
    path: str
class F(HttpContext):
    config: list[Rule]
    def on_http_request_headers(self, n, e):
        self.request_headers["x"] = self.config[0].path
"""


def test_annotation_can_be_a_container_of_dataclasses():
    assert FakeProxy(LIST, [{"path": "/"}]).exchange().upstream_header(b"x") == b"/"
    assert start([{"path": 1}], LIST)[1].endswith("config[0].path: expected str, got 1")
    optional = LIST.replace("list[Rule]", "Rule | None").replace("self.config[0].path", "repr(self.config)")
    assert FakeProxy(optional, b"null").exchange().upstream_header(b"x") == b"None"


def test_other_class_as_annotation_leaves_plain_json():
    source = """
class Mine: path = "/mine"
class P(PluginContext):
    config: Mine
    def on_plugin_start(self, size): self.config = Mine()
class F(HttpContext):
    config: Mine
    def on_http_request_headers(self, n, e): self.request_headers["x"] = self.config.path
"""
    assert FakeProxy(source, b"anything").exchange().upstream_header(b"x") == b"/mine"


def test_different_annotations_of_contexts_are_refused():
    source = LIST.replace("class F", "class P(PluginContext):\n    config: Rule\nclass F")
    with pytest.raises(ConfigurationError, match=r"P annotates config as an object \(Rule\), and F as list of an object \(Rule\)"):
        start([{"path": "/"}], source)


def test_annotation_with_an_unknown_name_is_reported():
    source = "from __future__ import annotations" + LIST.replace("path: str", "path: Sting")
    assert "an annotation of Rule can't be evaluated: name 'Sting' is not defined" in start([{"path": "/"}], source)[1]


@dataclass
class Named:
    name: str


class Base:
    configuration = b"{}"
    config = JsonConfig("the VM configuration")


class Owner(Base):
    config: Named


def test_vm_configuration_can_be_a_dataclass():
    owner = Owner()
    with pytest.raises(ConfigurationError, match=r"the VM configuration is invalid: config.name is missing \(str\)"):
        owner.config  # noqa: B018
    owner.configuration = b'{"name": "x"}'
    assert owner.config == Named("x")
