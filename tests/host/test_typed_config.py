"""Configurations of other protobuf types than text and bytes."""

import copy
import math
import pickle

import pytest
from google.protobuf import duration_pb2, json_format, struct_pb2, wrappers_pb2
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


#: Valid values of types, in Python. Envoy gets them in protobuf's JSON form.
VALID = [
    *(("Duration", value) for value in ("-0.25s", "-1.5s", "1.999999999s", "-0.000000001s", "315576000000s", -0.25, 1.5, 0, "0s")),
    *(("Int64Value", value) for value in (-5, 2**63 - 1, -(2**63), 2**53 + 1, 0)),
    *(("Int32Value", value) for value in (-3, 2**31 - 1)), ("UInt32Value", 2**32 - 1), ("UInt64Value", 2**64 - 1),
    *(("DoubleValue", value) for value in (-0.0, 0.0, 3, -1.5, 1e300, math.nan, math.inf, -math.inf)),
    *(("FloatValue", value) for value in (0.1, -0.0, -math.inf)),
    *(("Struct", value) for value in ({"a": -1}, {"a": 2**60}, {"a": [], "b": {}}, {"": ""}, {"a": [[1.5], {"b": None}]}, {})),
]  # fmt: skip


def serialised(name, value):
    """Bytes of a value that protobuf's own library has parsed."""
    modules = duration_pb2, struct_pb2, wrappers_pb2
    message = next(getattr(module, name) for module in modules if hasattr(module, name))()
    json_format.ParseDict(any_value(TypedConfig(f"google.protobuf.{name}", value))["value"], message)
    return message.SerializeToString(deterministic=True)


@pytest.mark.parametrize(("name", "value"), VALID, ids=repr)
def test_bytes_are_those_of_protobufs_library(name, value):
    assert bytes(TypedConfig(f"google.protobuf.{name}", value)) == serialised(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("Duration", value) for value in ("1.9999999999s", "315576000001s", "1e3s", "soon", "", "-", math.nan, math.inf, None)),
        ("Int32Value", 2**31), ("Int64Value", 1.5), ("Int64Value", -(2**63) - 1), ("UInt32Value", -1), ("UInt64Value", 2**64),
        ("FloatValue", 1e39), ("DoubleValue", "x"), ("BytesValue", 5), ("StringValue", 5), ("Struct", {"a": object()}),
    ],
)  # fmt: skip
def test_value_that_does_not_fit_is_refused(name, value):
    with pytest.raises(UsageError, match=f"isn't a valid google.protobuf.{name}"):
        TypedConfig(f"google.protobuf.{name}", value)


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
        *(TypedConfig(f"google.protobuf.{name}", value) for name, value in VALID),
    ]
    chain = [Plugin(probe, name=f"p{i}", root_id=f"p{i}", config=config) for i, config in enumerate(typed)]

    def seen(proxy_class):
        with proxy_class(chain, workers=1) as proxy:
            return {line.text for line in proxy.log if "configuration" in line.text}

    assert seen(Envoy) == seen(Proxy) == {f"configuration {bytes(config)!r}" for config in typed}
