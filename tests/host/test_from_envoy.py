"""Import of a user's envoy.yaml: plugins, routes and clusters, and a list of the ignored parts."""

import json

import pytest

from wasmnb import Proxy, Response, UsageError
from wasmnb.engine import assemble
from wasmnb.formats import protobuf

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


def plugin(configuration=None, **more):
    vm = {"vm_id": "v", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": "f.wasm"}}}
    config = {"name": "p", "root_id": "r", "vm_config": vm, **more}
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
    made = [
        {"name": f"l{i}", "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]}
        for i in range(listeners)
    ]
    config = {"static_resources": {"listeners": made, "clusters": [{"name": "one"}, {"name": "two"}]}, **extra}
    path = folder / "envoy.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path


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
def test_configuration_has_envoys_encoding(tmp_path, configuration, size):
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


def test_ignored_parts_are_listed_with_their_lines(tmp_path):
    cors = {"name": "cors", "typed_config": {"@type": EXTENSIONS + "filters.http.cors.v3.Cors"}}
    path = write(tmp_path, [cors, plugin()], listeners=2, dynamic_resources={})
    with Proxy.from_envoy(path, workers=1) as proxy:
        said = "\n".join(proxy.left_out)
    assert "'cors'" in said and "listener 'l1'" in said
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"name": "cors"' in text)
    assert f"line {line - 1}: HTTP filter 'cors'" in said


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


def test_filters_of_envoy_beside_a_plugin_run(tmp_path):
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
        "layered_runtime is not simulated",
        f"{route}.route.priority is not simulated",
        f"{route}.route.retry_policy.retry_priority is not simulated",
        f"{route}.decorator is not simulated",
    }


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
    with pytest.raises(UsageError, match=rf"line {line}: Envoy's error: .*no such field: 'http_filterz'"):
        Proxy.from_envoy(path)
    path = write(tmp_path, [plugin()])
    path.write_text(path.read_text().replace('"name": "two"', '"name": ""'))
    with pytest.raises(
        UsageError, match="Envoy's error: Proto constraint validation failed .*length must be at least 1"
    ):
        Proxy.from_envoy(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1"),
        ("- 1", "does not hold a mapping"),
        ("static_resources: {}", "no listener with a Wasm filter"),
    ],
)
def test_file_that_is_not_a_configuration_raises_usage_error(tmp_path, text, words):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        Proxy.from_envoy(path)


def test_missing_file_listener_cluster_or_module_is_named(tmp_path):
    path = write(tmp_path, [plugin()])
    with pytest.raises(UsageError, match="no listener 'x'; it has 'l0'"):
        Proxy.from_envoy(path, listener="x")
    with pytest.raises(UsageError, match="no cluster 'x'; it has one, two"):
        Proxy.from_envoy(path, clusters={"x": None})
    (tmp_path / "f.wasm").unlink()
    with pytest.raises(UsageError, match=r"line \d+: no such module: f.wasm"):
        Proxy.from_envoy(path)
    with pytest.raises(UsageError, match="No such file"):
        Proxy.from_envoy(tmp_path / "nowhere.yaml")
