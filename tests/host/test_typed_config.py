"""Configurations of other protobuf types than text and bytes."""

import copy
import pickle

import pytest
from tests.foreign.toolchain import scripted_guest

from wasmnb import Filter, Plugin, Proxy, TypedConfig, UsageError
from wasmnb.abi.struct_wire import read_struct
from wasmnb.envoy.config.plugin_config import EnvoyPlugin, any_value

VALUES = {"a": 1, "b": [True, None, "x"], "c": {"d": 0.5}}

FIELDS = """
class Fields(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-config"] = repr(self.config)
"""


PROBE = """
class Probe(PluginContext):
    def on_plugin_start(self, size):
        print("configuration", self.configuration)

class Stream(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        pass
"""


def test_struct_is_serialised_and_written_as_its_fields():
    config = TypedConfig.struct(VALUES)
    assert read_struct(config) == VALUES
    assert any_value(config) == {"@type": "type.googleapis.com/google.protobuf.Struct", "value": VALUES}


def test_config_of_a_python_filter_is_the_struct():
    with Proxy(Filter.from_source(FIELDS, name="fields"), config=TypedConfig.struct(VALUES), workers=1) as proxy:
        assert proxy.get("/").upstream_request.headers["x-config"] == repr(VALUES)


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("google.protobuf.StringValue", "ä", "ä".encode()),
        ("google.protobuf.BytesValue", b"\xff", b"\xff"),
        ("google.protobuf.Int64Value", 300, b"\x08\xac\x02"),
        ("google.protobuf.Int32Value", -1, b"\x08" + b"\xff" * 9 + b"\x01"),
        ("google.protobuf.BoolValue", True, b"\x08\x01"),
        ("google.protobuf.BoolValue", False, b""),
        ("google.protobuf.Duration", "1.5s", b"\x08\x01\x10\x80\xca\xb5\xee\x01"),
        ("google.protobuf.DoubleValue", 0.5, b"\x09\0\0\0\0\0\0\xe0\x3f"),
    ],
)
def test_wrapper_types_are_serialised(name, value, data):
    assert bytes(TypedConfig("type.googleapis.com/" + name, value)) == data


def test_unknown_type_needs_its_bytes():
    with pytest.raises(UsageError, match="can't serialise a acme.Limits"):
        TypedConfig("acme.Limits", {"rate": 1})
    config = TypedConfig("acme.Limits", {"rate": 1}, data=b"\x08\x01")
    assert (bytes(config), any_value(config)) == (b"\x08\x01", {"@type": "type.googleapis.com/acme.Limits", "rate": 1})
    with pytest.raises(UsageError, match="its fields as well"):
        any_value(TypedConfig("acme.Limits", data=b"\x08\x01"))


def test_type_survives_copies():
    config = TypedConfig.struct(VALUES)
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301 -- our own bytes
        assert (other, other.type, other.value) == (config, config.type, VALUES)


def test_plugins_keep_the_type():
    plugin = Plugin(Filter.from_file(scripted_guest()), config=TypedConfig.struct(VALUES))
    assert EnvoyPlugin.of(plugin).config.type == "google.protobuf.Struct"


@pytest.mark.envoy
def test_modules_get_the_same_bytes_in_envoy():
    from wasmnb import Envoy

    probe = Filter.from_source(PROBE, name="probe")
    typed = [
        TypedConfig.struct({"k": "v"}),
        TypedConfig("google.protobuf.Duration", "1.500s"),
        TypedConfig("xds.type.v3.TypedStruct", {"type_url": "acme.Limits", "value": {"rate": 1}}),
        TypedConfig("google.protobuf.Int64Value", 300),
        TypedConfig("google.protobuf.BoolValue", True),
    ]
    chain = [Plugin(probe, name=f"p{i}", root_id=f"p{i}", config=config) for i, config in enumerate(typed)]

    def seen(proxy_class):
        with proxy_class(chain, workers=1) as proxy:
            return {line.text for line in proxy.log if "configuration" in line.text}

    assert seen(Envoy) == seen(Proxy) == {f"configuration {bytes(config)!r}" for config in typed}
