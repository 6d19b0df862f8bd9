"""Import of a user's envoy.yaml: plugins, routes and clusters, and a list of the ignored parts."""

import json
import re

import pytest

from wasmnb import Proxy, Response, UsageError
from wasmnb.engine import assemble
from wasmnb.envoy.config.import_config import read_envoy
from wasmnb.parsing import protobuf

# Responds with status 200 + the size of its plugin configuration, so that a test can see the configuration.
MODULE = """(module
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $size (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (global.set $size (local.get 1)) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (global.get $size)) (then (return (i32.const 0))))
    (drop (call $reply (i32.add (i32.const 200) (global.get $size)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1)))"""

EXTENSIONS = "type.googleapis.com/envoy.extensions."


def plugin(configuration=None, **options):
    vm = {"vm_id": "v", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": "f.wasm"}}}
    config = {"name": "p", "root_id": "r", "vm_config": vm, **options}
    if configuration:
        config["configuration"] = configuration
    return {"name": "wasm", "typed_config": {"@type": EXTENSIONS + "filters.http.wasm.v3.Wasm", "config": config}}


def write(folder, filters, routes=None, listeners=1, **extra):
    (folder / "f.wasm").write_bytes(assemble(MODULE))
    routes = routes or [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]
    hcm = {
        "@type": EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [
            *filters,
            {"name": "router", "typed_config": {"@type": EXTENSIONS + "filters.http.router.v3.Router"}},
        ],
    }
    configs = [
        {"name": f"l{i}", "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]}
        for i in range(listeners)
    ]
    config = {"static_resources": {"listeners": configs, "clusters": [{"name": "one"}, {"name": "two"}]}, **extra}
    path = folder / "envoy.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path


@pytest.fixture
def without_envoy(monkeypatch):
    """Files are read as on a machine without Envoy, which refuses some of them."""
    monkeypatch.setattr("wasmnb.envoy.config.import_config.config_problem", lambda _path: None)


def test_routes_and_clusters_are_those_of_the_file(tmp_path):
    routes = [
        {
            "match": {"prefix": "/b", "headers": [{"name": "x", "string_match": {"exact": "1"}}]},
            "route": {"cluster": "two"},
        },
        {"match": {"prefix": "/"}, "route": {"cluster": "one"}},
    ]
    path = write(tmp_path, [plugin()], routes)
    with Proxy.from_envoy(path, clusters={"two": Response(202)}, workers=1) as proxy:
        assert proxy.get("/b", {"x": "1"}).response.status == 202
        assert proxy.get("/b").response.status == 200
        assert proxy.left_out == []
        assert (proxy.plugins[0].name, proxy.plugins[0].root_id, proxy.plugins[0].vm_id) == ("p", "r", "v")


@pytest.mark.parametrize(
    ("configuration", "size"),
    [
        ({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "hello"}, 5),
        ({"@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "AAECAw=="}, 4),
        ({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1}}, 16),
    ],
)
def test_plugin_receives_the_configuration_as_envoy_encodes_it(tmp_path, configuration, size):
    with Proxy.from_envoy(write(tmp_path, [plugin(configuration)]), workers=1) as proxy:
        assert proxy.get("/").response.status == 200 + size


def test_struct_is_serialised_protobuf():
    pb = pytest.importorskip("google.protobuf.struct_pb2")
    value = {"a": 1, "b": [True, None, "x", {"c": -2.5}], "": "ü" * 100}
    message = pb.Struct()
    message.ParseFromString(protobuf.struct_message(value))
    expected = pb.Struct()
    expected.update(value)
    assert message == expected


def test_number_that_no_double_holds_is_infinite_in_a_struct():
    pb = pytest.importorskip("google.protobuf.struct_pb2")
    message = pb.Struct()
    message.ParseFromString(protobuf.struct_message({"a": 10**400, "b": -(10**400)}))
    assert dict(message) == {"a": float("inf"), "b": float("-inf")}


def test_ignored_parts_are_listed_with_their_lines(tmp_path):
    cors = {"name": "cors", "typed_config": {"@type": EXTENSIONS + "filters.http.cors.v3.Cors"}}
    path = write(tmp_path, [cors, plugin()], listeners=2, dynamic_resources={})
    with Proxy.from_envoy(path, workers=1) as proxy:
        said = "\n".join(proxy.left_out)
    assert "'cors'" in said and "listener 'l1'" in said
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"name": "cors"' in text)
    assert f"line {line - 1}: HTTP filter 'cors'" in said


@pytest.mark.parametrize("disabled_by_route", [False, True])
@pytest.mark.parametrize("level", ["configuration", "virtual host", "route", "weighted cluster"])
def test_disabled_filter_is_left_out_only_if_a_level_of_the_routes_enables_it(
    tmp_path, without_envoy, level, disabled_by_route
):
    cors = {"name": "cors", "disabled": True, "typed_config": {"@type": EXTENSIONS + "filters.http.cors.v3.Cors"}}
    # The name is also elsewhere in the routes, where it means nothing.
    route = {
        "name": "cors",
        "match": {"prefix": "/'cors'"},
        "route": {"weighted_clusters": {"clusters": [{"name": "one", "weight": 1}]}},
    }
    path = write(tmp_path, [cors, plugin()], [route])
    config = json.loads(path.read_text())
    routes = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"][
        "route_config"
    ]
    host = routes["virtual_hosts"][0]
    holder = {
        "configuration": routes, "virtual host": host, "route": host["routes"][0],
        "weighted cluster": host["routes"][0]["route"]["weighted_clusters"]["clusters"][0],
    }[level]  # fmt: skip
    filter_config = {
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "config": {},
        "disabled": disabled_by_route,
    }
    for with_config, left_out in ((False, False), (True, not disabled_by_route)):
        if with_config:
            holder["typed_per_filter_config"] = {"cors": filter_config}
        path.write_text(json.dumps(config))
        with Proxy.from_envoy(path, workers=1) as proxy:
            assert any("HTTP filter 'cors'" in line for line in proxy.left_out) is left_out


def test_routes_do_what_they_do_in_envoy(tmp_path):
    no_filter = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True, "config": {}}
    routes = [
        {"match": {"path": "/exact"}, "direct_response": {"status": 203, "body": {"inline_string": "hi"}}},
        {"match": {"prefix": "/off"}, "route": {"cluster": "one"}, "typed_per_filter_config": {"wasm": no_filter}},
        {"match": {"prefix": "/moved"}, "redirect": {"host_redirect": "a.test"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "one"}},
    ]
    text = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "x"}
    with Proxy.from_envoy(write(tmp_path, [plugin(text)], routes), workers=1) as proxy:
        assert [proxy.get(path).response.status for path in ("/exact", "/exact2", "/off")] == [201, 201, 200]
        assert proxy.get("/moved").response.status == 201  # the filter comes first
        assert proxy.left_out == []


def test_filters_of_envoy_run_together_with_a_plugin(tmp_path):
    append = {"append": {"header": {"key": "x-m", "value": "1"}}}
    mutation = {
        "name": "mutation",
        "typed_config": {
            "@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutation",
            "mutations": {"response_mutations": [append]},
        },
    }
    with Proxy.from_envoy(write(tmp_path, [mutation, plugin()]), workers=1) as proxy:
        assert proxy.get("/").response.headers["x-m"] == "1"
        assert proxy.left_out == []


def test_unknown_field_of_a_filter_of_envoy_is_listed_like_any_other(tmp_path, without_envoy):
    mutations = {"response_mutations": [{"remove": "x-m", "other": 1}]}
    typed = {"@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutation", "mutations": mutations}
    with Proxy.from_envoy(write(tmp_path, [{"name": "mutation", "typed_config": typed}, plugin()]), workers=1) as proxy:
        (sentence,) = proxy.left_out
    assert "response_mutations[0].other" in sentence


def test_fields_that_are_not_honoured_are_listed_with_their_paths(tmp_path):
    routes = [
        {
            "match": {"prefix": "/"},
            "route": {"cluster": "one", "priority": "HIGH", "retry_policy": {"retry_on": "5xx", "retry_priority": {}}},
            "decorator": {"operation": "x"},
        }
    ]
    path = write(tmp_path, [plugin()], routes, layered_runtime={})
    with Proxy.from_envoy(path, workers=1) as proxy:
        said = [text.partition(": ")[2] for text in proxy.left_out]
    route = "route_config.virtual_hosts[0].routes[0]"
    assert set(said) == {
        "layered_runtime isn't simulated",
        f"{route}.route.priority isn't simulated",
        f"{route}.route.retry_policy.retry_priority isn't simulated",
        f"{route}.decorator isn't simulated",
    }


_ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "one"}}
_CORS = {"@type": EXTENSIONS + "filters.http.cors.v3.CorsPolicy"}


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"match": {"prefix": "/", "headers": [{"name": "a", "string_match": {"custom": {}}}]}}, "match.headers[0].string_match.custom"),
        ({"request_headers_to_add": [{"header": {"key": "a", "value": "%UPSTREAM_HOST%"}}]}, "request_headers_to_add[0].header.value: %UPSTREAM_HOST%"),
        ({"request_headers_to_add": [{"header": {"key": "a", "raw_value": "YQ=="}}]}, "request_headers_to_add[0].header.raw_value"),
        ({"typed_per_filter_config": {"cors": _CORS}}, "typed_per_filter_config.cors"),
        ({"route": {"cluster": "one", "retry_policy": {"retry_back_off": {"other": "1s"}}}}, "route.retry_policy.retry_back_off.other"),
    ],
)  # fmt: skip
def test_fields_inside_of_messages_that_are_not_honoured_are_listed(tmp_path, without_envoy, field, path):
    with Proxy.from_envoy(write(tmp_path, [plugin()], [{**_ROUTE, **field}]), workers=1) as proxy:
        said = [re.sub(r"^line \d+: ", "", text) for text in proxy.left_out]
    assert said == [f"route_config.virtual_hosts[0].routes[0].{path} isn't simulated"]


def test_body_that_is_not_base64_raises_usage_error():
    direct = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_bytes": "YQ"}}}
    with pytest.raises(UsageError, match="inline_bytes isn.t valid base64"):
        Proxy([], routes=[direct])


def test_tls_is_required_of_external_requests_only(tmp_path):
    path = write(tmp_path, [plugin()])
    config = json.loads(path.read_text())
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["route_config"]["virtual_hosts"][0]["require_tls"] = "EXTERNAL_ONLY"
    manager["internal_address_config"] = {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}
    path.write_text(json.dumps(config, indent=1))
    with Proxy.from_envoy(path, workers=1) as proxy:
        assert proxy.left_out == []
        assert proxy.get("/").response.status == 301
        assert proxy.get("/", {"x-forwarded-for": "10.0.0.1"}).response.status == 200


def test_capability_restriction_of_the_vm_is_imported(tmp_path):
    item = plugin()
    restriction = {"allowed_capabilities": {"proxy_log": {}}}
    item["typed_config"]["config"]["vm_config"]["capability_restriction_config"] = restriction
    with Proxy.from_envoy(write(tmp_path, [item]), workers=1) as proxy:
        assert proxy.plugins[0].allowed_capabilities == ("proxy_log",)


def test_failure_policy_and_restrictions_are_imported(tmp_path):
    path = write(
        tmp_path,
        [plugin(failure_policy="FAIL_OPEN", capability_restriction_config={"allowed_capabilities": {"proxy_log": {}}})],
    )
    with Proxy.from_envoy(path, workers=1) as proxy:
        assert proxy.plugins[0].policy == "FAIL_OPEN"
        assert proxy.plugins[0].allowed_capabilities == ("proxy_log",)


@pytest.mark.envoy
def test_envoys_objections_are_reported_with_the_line(tmp_path):
    path = write(tmp_path, [plugin()])
    path.write_text(path.read_text().replace('"http_filters"', '"http_filterz"'))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "http_filterz" in text)
    with pytest.raises(UsageError, match=rf"line {line}: Envoy refuses the file: .*no such field: 'http_filterz'"):
        Proxy.from_envoy(path)
    path = write(tmp_path, [plugin()])
    path.write_text(path.read_text().replace('"name": "two"', '"name": ""'))
    with pytest.raises(
        UsageError, match="Envoy refuses the file: Proto constraint validation failed .*length must be at least 1"
    ):
        Proxy.from_envoy(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1"),
        ("- 1", "doesn't contain a mapping"),
        ("static_resources: {}", "no listener with a Wasm filter"),
    ],
)
def test_file_that_is_not_a_configuration_raises_usage_error(tmp_path, text, words):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        Proxy.from_envoy(path)


PROTOCOLS = EXTENSIONS.replace("envoy.extensions.", "") + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@pytest.mark.parametrize(
    ("fields", "http2"),
    [
        ({}, False),
        ({"metadata": {"filter_metadata": {"owner": {"note": "needs http2_protocol_options"}}}}, False),
        ({"metadata": {"filter_metadata": {"http2_protocol_options": {"a": 1}}}}, False),
        ({"http2_protocol_options": {}}, True),
        ({"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": PROTOCOLS, "explicit_http_config": {"http2_protocol_options": {}}}}}, True),
        ({"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": PROTOCOLS, "explicit_http_config": {"http_protocol_options": {}}}}}, False),
    ],
)  # fmt: skip
def test_cluster_speaks_http2_only_if_the_field_is_set(tmp_path, without_envoy, fields, http2):
    path = write(tmp_path, [plugin()])
    config = json.loads(path.read_text())
    config["static_resources"]["clusters"][0].update(fields)
    path.write_text(json.dumps(config))
    assert read_envoy(path).clusters["one"].http2 is http2


def test_listener_with_the_name_of_the_message_in_its_text_has_no_plugin(tmp_path, without_envoy):
    path = write(tmp_path, [plugin()])
    config = json.loads(path.read_text())
    other = {"name": "before wasm.v3.Wasm", "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {"@type": EXTENSIONS + "filters.network.tcp_proxy.v3.TcpProxy", "cluster": "one"}}]}]}
    config["static_resources"]["listeners"].insert(0, other)
    path.write_text(json.dumps(config))
    assert read_envoy(path).listener == "l0"


def test_error_names_the_missing_file_listener_cluster_or_module(tmp_path):
    path = write(tmp_path, [plugin()])
    with pytest.raises(UsageError, match="no listener 'x'. Listeners in the file: 'l0'"):
        Proxy.from_envoy(path, listener="x")
    with pytest.raises(UsageError, match="no cluster 'x'. Clusters in the file: one, two"):
        Proxy.from_envoy(path, clusters={"x": None})
    (tmp_path / "f.wasm").unlink()
    with pytest.raises(UsageError, match=r"line \d+: The module f.wasm doesn't exist"):
        Proxy.from_envoy(path)
    with pytest.raises(UsageError, match="No such file"):
        Proxy.from_envoy(tmp_path / "nowhere.yaml")


ONE = {"cluster": "one"}


@pytest.mark.parametrize(("route", "message"), [
    ({"match": {"prefix": "/"}, "route": {"cluster": "three"}}, "Envoy refuses the route, because its cluster 'three' is unknown. Clusters in the file: one, two."),
    ({"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": "no", "weight": 1}]}}}, "because its cluster 'no' is unknown"),
    ({"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": [{"name": "one", "weight": 0}]}}}, "Envoy refuses weighted_clusters whose weights are all 0"),
    ({"match": {"headers": [{"name": "x", "present_match": True}]}, "route": ONE}, "Envoy refuses the route, because its match has no condition. Add one of prefix"),
    ({"match": {"prefix": "/"}}, "Envoy refuses the route, because it has no action"),
    ({"match": {"prefix": "/"}, "direct_response": {"status": 1000}}, "The status of a direct response must be between 200 and 599, not 1000."),
])  # fmt: skip
def test_routes_that_envoy_refuses_are_refused_with_their_line(tmp_path, route, message):
    with pytest.raises(UsageError, match=r"envoy\.yaml, line \d+: .*") as error:
        Proxy.from_envoy(write(tmp_path, [plugin()], [route]))
    assert message in str(error.value)


def camel_case(value):
    """A message as `istioctl` writes it. Names of filters in `typed_per_filter_config`, and the author's data, aren't fields."""
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    data = ("configuration", "filter_metadata", "key_values", "allowed_capabilities")
    result = {}
    for key, inner in value.items():
        if key == "typed_per_filter_config":
            inner = {name: camel_case(message) for name, message in inner.items()}
        elif key not in data:
            inner = camel_case(inner)
        result[re.sub("_([a-z0-9])", lambda m: m[1].upper(), key)] = inner
    return result


def test_names_of_fields_may_be_in_camel_case(tmp_path):
    struct = {
        "@type": "type.googleapis.com/google.protobuf.Struct",
        "value": {"maxTries": 3, "an_apiKey": {"fooBar": [{"x_y": 1}]}},
    }
    environment = {"key_values": {"fooBar": "1", "BAR_foo": "2"}}
    filter_ = plugin(struct, allow_on_headers_stop_iteration=True)
    filter_["typed_config"]["config"]["vm_config"]["environment_variables"] = environment
    mutation = {"mutations": {"response_mutations": [{"append": {"header": {"key": "x-a", "value": "1"}}}]}}
    per_route = {"@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutationPerRoute", **mutation}
    mutate = {
        "name": "the_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
            "type_url": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutation",
            "value": mutation,
        },
    }
    route = {
        "match": {"prefix": "/", "headers": [{"name": "x", "string_match": {"exact": "1", "ignore_case": True}}]},
        "route": {"cluster": "one", "prefix_rewrite": "/z", "max_stream_duration": {"grpc_timeout_header_max": "1s"}},
        "metadata": {"filter_metadata": {"a.bC": {"snake_case": 1, "camelCase": 2}}},
        "typed_per_filter_config": {"the_mutation": per_route},
    }
    node = {"id": "n", "metadata": {"camelCase": {"snake_case": 1}, "filter_metadata": 2}}
    path = write(tmp_path, [filter_, mutate], [route], stats_flush_interval="3s")
    config = json.loads(path.read_text())
    proxies = []
    for name, form in ("snake.json", config), ("camel.json", camel_case(config)):
        (tmp_path / name).write_text(json.dumps({**form, "node": node}, indent=1))
        proxies.append(Proxy.from_envoy(tmp_path / name, workers=1))
    snake, camel = proxies
    assert snake.left_out == camel.left_out == []
    assert snake.settings.routes == camel.settings.routes
    for proxy in proxies:
        with proxy:
            settings = proxy.plugins[0]
            assert settings.allow_on_headers_stop_iteration and settings.environment == environment["key_values"]
            assert proxy.settings.node == {"id": "n", "metadata": node["metadata"]}
            exchange = proxy.get("/", {"x": "1"})
            assert exchange.response.headers["x-a"] == "1"


@pytest.mark.envoy
def test_envoys_objection_to_a_field_in_camel_case_has_its_line(tmp_path):
    path = write(tmp_path, [plugin(failure_policyz="FAIL_OPEN")])
    path.write_text(json.dumps(camel_case(json.loads(path.read_text())), indent=1))
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "failurePolicyz" in text)
    with pytest.raises(UsageError, match=f"line {line}: Envoy refuses the file: .*no such field: 'failurePolicyz'"):
        Proxy.from_envoy(path)
