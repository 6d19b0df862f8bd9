"""Odd or damaged input gives an error with its position, and no control characters for terminals."""

import copy
import json

import pytest

from tests.host.test_from_envoy import EXTENSIONS, plugin, write
from wasmnb.compiler.cache.runtimes import Cache
from wasmnb.compiler.runtime_build.runtime_cache import list_runtimes
from wasmnb.envoy.config import import_config
from wasmnb.envoy.config.import_config import read_envoy
from wasmnb.errors import UsageError, WasmnbError

ODD = (None, [], {}, "x", "\ud800", 3, -1.5, True, [None], [[]], ["x"], {"a": None}, {"@type": 3}, {"@type": "a/b.Struct", "value": [1]})


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """Return a configuration with many features, without Envoy's validation."""
    monkeypatch.setattr(import_config, "config_problem", lambda _path: None)
    configuration = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}
    more = {
        "fail_open": True,
        "reload_config": {"backoff": {"base_interval": "1s"}},
        "capability_restriction_config": {"allowed_capabilities": {"proxy_log": {}}},
    }
    item = plugin(configuration, **more)
    item["typed_config"]["config"]["vm_config"]["environment_variables"] = {"host_env_keys": ["HOME"], "key_values": {"a": "b"}}
    routes = [{
        "name": "r", "match": {"prefix": "/", "headers": [{"name": "x", "string_match": {"exact": "1"}}]}, "route": {"cluster": "one"},
    }]
    log = {"name": "log", "typed_config": {"@type": EXTENSIONS + "access_loggers.wasm.v3.WasmAccessLog", "config": {}}}
    path = write(tmp_path, [item], routes, bootstrap_extensions=[log])
    read_envoy(path)
    return path, json.loads(path.read_text())


def places(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


@pytest.mark.slow
def test_error_about_a_wrong_type_has_the_field_and_its_line(whole):
    path, config = whole
    refused = 0
    for place in places(config):
        if not place:
            continue
        for odd in ODD:
            damaged = copy.deepcopy(config)
            holder = damaged
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = odd
            path.write_text(json.dumps(damaged, indent=1))
            try:
                read_envoy(path)
            except UsageError as error:
                refused += 1
                assert str(path) in str(error) or "has no" in str(error), (place, odd, error)
            except WasmnbError:
                pass  # expected: the message contains the module or the setting
    assert refused > 300


def manager(config):
    return config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]


@pytest.mark.parametrize(("change", "message"), [
    (lambda c: manager(c).update(route_config=[]), "route_config must be a mapping, not \\[\\]"),
    (lambda c: manager(c)["route_config"]["virtual_hosts"][0].update(routes=[None]), "routes must be a list of mappings, not None"),
    (lambda c: manager(c)["http_filters"].append([]), "http_filters must be a list of mappings"),
    (lambda c: c["static_resources"].update(clusters=[None]), "clusters must be a list of mappings, not None"),
    (lambda c: c.update(static_resources=[]), "static_resources must be a mapping"),
])
def test_message_names_file_line_and_field(whole, change, message):
    path, config = whole
    change(config)
    path.write_text(json.dumps(config, indent=1))
    with pytest.raises(UsageError, match=message) as caught:
        read_envoy(path)
    assert f"{path}, line " in str(caught.value)


@pytest.mark.parametrize("facts", [
    {"built": 1e300}, {"built": float("nan")}, {"times": {"a": "b"}}, {"times": {"a": None}}, {"modules": [None, {}]}, {"packages": [3]},
])
def test_runtime_with_a_damaged_manifest_is_listed_or_omitted(tmp_path, monkeypatch, facts):
    monkeypatch.setenv("WASMNB_CACHE", str(tmp_path))
    Cache().store("odd", {}, {"times": {}, "modules": [], "packages": [], "pages": 1, "built": 0.0, **facts})
    assert len(list_runtimes()) <= 1


STEERING = "a\x1b[31m\u202eb\r\x00\ud800"


def steers(text):
    return any(character in text for character in "\x1b\u202e\r\x00\ud800")


def test_text_forms_show_control_and_direction_characters_as_escapes():
    from wasmnb.errors import FilterTrap, ModuleError, SourceError
    from wasmnb.host.inspect.tree import TreeNode
    from wasmnb.host.shared_state.metrics import Metrics
    from wasmnb.abi import MetricType

    metric = Metrics().define(MetricType.COUNTER, STEERING.encode("utf-8", "surrogatepass"))
    forms = [
        str(UsageError(STEERING)), str(ModuleError(STEERING)), str(FilterTrap(STEERING)), str(SourceError(STEERING, hint=STEERING)),
        str(TreeNode("plugin", STEERING, STEERING, "running", {STEERING: STEERING})), str(metric),
    ]
    assert [form for form in forms if steers(form)] == []
    assert all("\\x1b" in form for form in forms)
    assert str(UsageError("two\nlines\tand a tab")) == "two\nlines\tand a tab"


def test_trace_of_hostile_requests_has_no_control_characters():
    from tests.host.host_kit import scripted_proxy

    with scripted_proxy() as proxy:
        proxy.get("/a%1b", headers=[("x", "\x1b[31m\u202e")])
        assert not any(steers(str(event)) for event in proxy.trace)
        assert not steers(str(proxy.explain()))


@pytest.mark.parametrize("name", ["a`b", "``", "<img src=x onerror=y>", "[x](http://evil)", "a\n# Title", "a\u202eb", "x" * 5000])
def test_cluster_name_in_an_exported_readme_is_code(name):
    from wasmnb.envoy.deployment.readme import code_span, prose

    shown = code_span(name)
    fence = shown[: len(shown) - len(shown.lstrip("`"))]
    assert shown.startswith(fence) and shown.endswith(fence)
    assert fence not in shown[len(fence) : -len(fence)]
    assert shown.isprintable() and len(shown) < 300
    assert "<" not in prose(name)
    assert "\n" not in prose(name)
