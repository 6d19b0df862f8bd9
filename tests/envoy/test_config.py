import json

import pytest

from wasmnb.envoy import EnvoyCluster, EnvoyPlugin, EnvoyListener, bootstrap
from wasmnb.envoy.config.bootstrap import merge
from wasmnb.envoy.config.plugin_config import any_value


def test_addresses_are_loopback_with_port_zero():
    config = bootstrap([EnvoyListener("l", [])], [EnvoyCluster("up", ("127.0.0.1", 1234))])
    listener = config["static_resources"]["listeners"][0]["address"]["socket_address"]
    assert listener == config["admin"]["address"]["socket_address"] == {"address": "127.0.0.1", "port_value": 0}


def test_plugins_precede_the_router_in_order(tmp_path):
    plugins = [EnvoyPlugin(b"\0asm", name).as_config(tmp_path) for name in ("a", "b")]
    chain = EnvoyListener("l", plugins).as_config()["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
    assert [f["name"] for f in chain] == [
        "envoy.filters.http.wasm",
        "envoy.filters.http.wasm",
        "envoy.filters.http.router",
    ]
    assert [f["typed_config"]["config"]["name"] for f in chain[:2]] == ["a", "b"]


def test_module_is_written_once(tmp_path):
    for name in ("a", "b"):
        EnvoyPlugin(b"\0asm1234", name).as_config(tmp_path)
    assert len(list(tmp_path.glob("*.wasm"))) == 1


def test_configuration_keeps_text_readable_and_bytes_exact():
    assert any_value("é;\n".encode())["value"] == "é;\n"
    assert any_value(b"\xff\x00") == {"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "/wA="}


def test_mapping_is_written_as_json(tmp_path):
    plugin = EnvoyPlugin(b"\0asm", config={"a": [1]}).as_config(tmp_path)
    assert json.loads(plugin["configuration"]["value"]) == {"a": [1]}


@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        (
            {"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.5},
            "reload_config",
            {"backoff": {"base_interval": "0.5s"}},
        ),
        ({"fail_open": True}, "fail_open", True),
        ({"allow_on_headers_stop_iteration": True}, "allow_on_headers_stop_iteration", True),
    ],
)
def test_options_become_fields_of_envoy(tmp_path, options, field, value):
    assert EnvoyPlugin(b"\0asm", **options).as_config(tmp_path)[field] == value


def test_capability_restriction_belongs_to_the_vm(tmp_path):
    config = EnvoyPlugin(b"\0asm", allowed_capabilities=["proxy_log"]).as_config(tmp_path)
    assert config["vm_config"]["capability_restriction_config"] == {"allowed_capabilities": {"proxy_log": {}}}


def test_host_plugin_keeps_its_fields():
    from wasmnb.host import Plugin

    class Filter:
        name = "auth"
        wasm = b"\0asm"

        def image(self, engine):
            raise AssertionError

    plugin = EnvoyPlugin.of(
        Plugin(Filter(), root_id="r", vm_id="v", config={"k": 1}, fail_open=True), root_id="ignored"
    )
    assert (plugin.name, plugin.root_id, plugin.vm_id, plugin.fail_open) == ("auth", "r", "v", True)
    assert json.loads(plugin.config) == {"k": 1}


def test_bare_filter_gets_the_defaults_of_the_caller():
    class Filter:
        name = "auth"
        wasm = b"\0asm"

    plugin = EnvoyPlugin.of(Filter(), root_id="r", config="c")
    assert (plugin.name, plugin.root_id, plugin.config) == ("auth", "r", "c")


def test_merge_does_not_change_its_input():
    base = {"a": {"b": 1}, "c": [1]}
    assert merge(base, {"a": {"d": 2}, "c": [2]}) == {"a": {"b": 1, "d": 2}, "c": [2]}
    assert base == {"a": {"b": 1}, "c": [1]}
