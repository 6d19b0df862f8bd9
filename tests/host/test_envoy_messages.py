"""Messages of Envoy that are arguments of a proxy: their fields and types are checked at every depth."""

import pytest

from wasmnb import Proxy
from wasmnb.envoy import Envoy
from wasmnb.errors import UsageError
from wasmnb.host.envoy_messages.schema import ENUMERATIONS, FIELDS, REQUIRED
from wasmnb.host.plugins.envoy_filter_config import BuiltIn

ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}


def with_action(**fields):
    return {"route": {"cluster": "upstream", **fields}}


@pytest.mark.parametrize(("fields", "place", "name", "meant"), [
    (with_action(timeot="1s"), "route", "timeot", "timeout"),
    (with_action(prefixRewrite="/"), "route", "prefixRewrite", "prefix_rewrite"),
    (with_action(weighted_clusters={"clusters": [{"nam": "x"}]}), r"route.weighted_clusters.clusters\[0\]", "nam", "name"),
    (with_action(retry_policy={"retry_back_off": {"base": "1s"}}), "route.retry_policy.retry_back_off", "base", "base_interval"),
    (with_action(retry_policy={"retryon": "5xx"}), "route.retry_policy", "retryon", "retry_on"),
    ({"match": {"prefx": "/"}}, "match", "prefx", "prefix"),
    ({"match": {"prefix": "/", "headers": [{"name": "a"}, {"name": "b", "string_match": {"exakt": "c"}}]}},
     r"match.headers\[1\].string_match", "exakt", "exact"),
    ({"prefix": "/"}, "", "prefix", "match.prefix"),
    ({"timeout": "1s"}, "", "timeout", "route.timeout"),
    ({"request_headers_to_add": [{"header": {"key": "a", "valeu": "b"}}]}, r"request_headers_to_add\[0\].header", "valeu", "value"),
    ({"typed_per_filter_config": {"f": {"disabld": True}}}, "typed_per_filter_config.f", "disabld", "disabled"),
])  # fmt: skip
def test_error_about_a_misspelt_field_has_its_path_and_a_suggestion(fields, place, name, meant):
    with pytest.raises(
        UsageError, match=rf"^routes\[1\]{'.' if place else ''}{place}: .* no field '{name}'. Did you mean '{meant}'\?"
    ):
        Proxy(routes=[ROUTE, {**ROUTE, **fields}])


def test_error_about_a_misspelt_field_of_a_route_configuration_has_its_path():
    config = {"virtual_hosts": [{"name": "a", "domain": ["*"], "routes": [ROUTE]}]}
    with pytest.raises(
        UsageError,
        match=r"routes.virtual_hosts\[0\]: Envoy's VirtualHost has no field 'domain'. Did you mean 'domains'",
    ):
        Proxy(routes=config)


def test_field_without_a_similar_name_gets_no_suggestion():
    with pytest.raises(UsageError, match=r"no field 'zzzzzz'\.$"):
        Proxy(routes=[{**ROUTE, "zzzzzz": 1}])


@pytest.mark.parametrize("fields", [
    {"match": {"prefix": b"/"}}, {"match": {"path": b"/"}}, {"match": {"safe_regex": {"regex": b"/"}}}, {"name": b"n"},
    {"match": {"prefix": "/", "headers": [{"name": b"a"}]}}, {"request_headers_to_remove": [b"a"]},
    {"request_headers_to_add": [{"header": {"key": b"a", "value": "b"}}]}, with_action(cluster=b"up"), with_action(timeout=b"1s"),
    with_action(prefix_rewrite=b"/"), with_action(host_rewrite_literal=b"h"), {"direct_response": {"status": b"200"}},
    {"direct_response": {"status": 200, "body": {"inline_string": b"x"}}}, {"redirect": {"response_code": b"FOUND"}},
])  # fmt: skip
def test_bytes_instead_of_text_are_refused(fields):
    with pytest.raises(UsageError, match=r"^routes\[0\].* must be (text|a list of strings), not b'"):
        Proxy(routes=[{**ROUTE, **fields}])


@pytest.mark.parametrize(("fields", "problem"), [
    ({"match": "/"}, "match must be a mapping, not '/'"),
    ({"match": {"prefix": "/", "headers": {}}}, "headers must be a list, not a mapping"),
    ({"match": {"prefix": "/", "case_sensitive": "no"}}, "case_sensitive must be true or false, not 'no'"),
    ({"match": {"safe_regex": {"regex": "("}}}, "regex isn't a valid regular expression"),
    ({"match": {"safe_regex": {}}}, "safe_regex must have the field regex"),
    (with_action(timeout="soon"), "timeout must be a duration such as 1.5s, not 'soon'"),
    ({"direct_response": {"status": "ok"}}, "status must be a whole number, not 'ok'"),
    ({"redirect": {"response_code": "GONE"}}, "response_code must be FOUND or .* not 'GONE'"),
    ({"request_headers_to_add": [{"header": {"key": "a"}, "append_action": "REPLACE"}]}, "append_action must be ADD_IF_ABSENT or"),
])  # fmt: skip
def test_field_of_another_type_is_refused(fields, problem):
    with pytest.raises(UsageError, match=rf"^routes\[0\].*: {problem}"):
        Proxy(routes=[{**ROUTE, **fields}])


def test_values_that_json_allows_are_accepted():
    route = {
        "match": {"prefix": "/", "headers": None},
        "redirect": {"response_code": 1, "port_redirect": "81"},
        "name": None,
    }
    with Proxy(routes=(route,), workers=1) as proxy:
        response = proxy.get("/a", authority="h").response
    assert (response.status, response.headers["location"]) == (302, "http://h:81/a")


@pytest.mark.parametrize(("value", "problem"), [
    ({"server_nam": "x"}, "connection_manager: .* no field 'server_nam'. Did you mean 'server_name'"),
    ({"max_headers_count": 3}, "no field 'max_headers_count'. Did you mean 'common_http_protocol_options.max_headers_count'"),
    ({"http_protocol_options": {"accept_http10": True}}, "http_protocol_options: .* 'accept_http10'. Did you mean 'accept_http_10'"),
    ({"server_name": b"x"}, "server_name must be text"),
    ("x", "must be an HttpConnectionManager or a mapping"),
])  # fmt: skip
def test_connection_manager_with_an_invalid_field_is_refused(value, problem):
    with pytest.raises(UsageError, match=problem):
        Proxy(connection_manager=value)


@pytest.mark.parametrize(
    "switch", [{"server_name": b"x"}, {"merge_slashes": "yes"}, {"xff_num_trusted_hops": 1.5}, {"via": None}]
)
def test_switch_of_another_type_is_refused(switch):
    with pytest.raises(UsageError, match=f"{next(iter(switch))}= of the connection manager must be"):
        Proxy(**switch)


def test_connection_manager_accepts_switches_in_the_form_of_parameters():
    value = {
        "upgrade_configs": ["websocket"],
        "internal_address_config": ["10.0.0.0/8"],
        "scheme_to_overwrite": "https",
    }
    manager = Proxy(connection_manager=value).settings.manager
    assert (manager.upgrade_configs, manager.internal_address_config) == ({"websocket": True}, ("10.0.0.0/8",))


def test_local_reply_config_with_a_misspelt_field_is_refused():
    with pytest.raises(
        UsageError, match=r"local_reply_config.mappers\[0\]: .* no field 'filters'. Did you mean 'filter'"
    ):
        Proxy(local_reply_config={"mappers": [{"filters": {}}]})


@pytest.mark.parametrize(("kind", "config", "problem"), [
    ("header_mutations", {}, "set_metadata or header_mutation, not 'header_mutations'"),
    ("header_mutation", {"mutations": {"request_mutation": []}}, "config.mutations: .* Did you mean 'request_mutations'"),
    ("set_metadata", {"metadata": [{"namespace": "a"}]}, r"config.metadata\[0\]: .* Did you mean 'metadata_namespace'"),
])  # fmt: skip
def test_built_in_filter_with_an_invalid_configuration_is_refused(kind, config, problem):
    with pytest.raises(UsageError, match=problem):
        BuiltIn(kind, config)


def test_real_envoy_refuses_the_same_routes_before_it_starts():
    with pytest.raises(UsageError, match=r"routes\[0\].route: .* Did you mean 'timeout'"):
        Envoy([], routes=[{**ROUTE, **with_action(timeot="1s")}])


# -- the tables against the protocol buffers

#: Messages with another name in the table, because two of Envoy's have the same.
RENAMED = {
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation": "HeaderMutationFilter",
    "envoy.extensions.filters.http.set_metadata.v3.Config": "SetMetadataFilter",
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig": "ManagerUpgradeConfig",
}
ROOTS = {
    "envoy.config.route.v3.route_pb2": ["RouteConfiguration"],
    "envoy.config.route.v3.route_components_pb2": ["FilterConfig"],
    "envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2": [
        "HttpConnectionManager"
    ],
    "envoy.extensions.filters.http.header_mutation.v3.header_mutation_pb2": [
        "HeaderMutation",
        "HeaderMutationPerRoute",
    ],
    "envoy.extensions.filters.http.set_metadata.v3.set_metadata_pb2": ["Config"],
}
#: Fields that Envoy 1.40 has and the package of its protocol buffers doesn't have yet.
NEWER = {"RouteMatch": {"cookies"}}
PLAIN = {
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.UInt32Value": "uint",
    "google.protobuf.Duration": "duration",
    "google.protobuf.Value": "any",
}
SCALARS = {9: "text", 12: "text", 8: "bool", 13: "uint", 3: "int", 5: "int"}
MEANINGS = {"regex": "text", "address": "text", "per filter": "mapping"}


def described_messages():
    """Return the descriptors of the table's messages by their names in it."""
    result, stack = {}, [(d, RENAMED.get(d.full_name, d.name)) for d in roots()]
    while stack:
        descriptor, name = stack.pop()
        if name in result:
            continue
        result[name] = descriptor
        for field in descriptor.fields:
            kind = FIELDS[name].get(field.name, "").strip("[]")
            if kind in FIELDS:
                stack.append((field.message_type, kind))
    return result


def roots():
    for module, names in ROOTS.items():
        descriptors = pytest.importorskip(module)
        yield from (getattr(descriptors, name).DESCRIPTOR for name in names)


def type_in_table(field):
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return "mapping"
    kind = PLAIN.get(field.message_type.full_name) if field.message_type is not None else SCALARS.get(field.type)
    kind = kind or (
        field.enum_type.name
        if field.enum_type is not None
        else RENAMED.get(field.message_type.full_name, field.message_type.name)
    )
    return f"[{kind}]" if field.is_repeated else kind


def test_table_has_the_fields_and_types_of_the_protocol_buffers():
    messages = described_messages()
    assert set(FIELDS) == set(messages) | {"CookieMatcher"}
    for name, descriptor in messages.items():
        own = {n: k for n, k in FIELDS[name].items() if n not in NEWER.get(name, ())}
        assert set(own) == {field.name for field in descriptor.fields}, name
        for field in descriptor.fields:
            expected, kind = type_in_table(field), own[field.name]
            opaque = (
                kind.strip("[]") == "mapping"
                and field.message_type is not None
                and field.is_repeated == kind.startswith("[")
            )
            assert opaque or MEANINGS.get(kind, kind) == expected, (name, field.name, kind, expected)


def test_table_has_the_values_of_the_enumerations():
    enumerations = {
        f.enum_type.name: f.enum_type
        for d in described_messages().values()
        for f in d.fields
        if f.enum_type is not None
    }
    assert ENUMERATIONS == {name: [v.name for v in enum.values] for name, enum in enumerations.items()}
    assert all([v.number for v in enum.values] == list(range(len(enum.values))) for enum in enumerations.values())


def test_required_fields_are_in_the_table():
    assert all(field in FIELDS[message] for message, field in REQUIRED.items())


def test_built_in_filter_takes_numbers_of_enumerations_and_nulls_as_envoy_does():
    append = {"header": {"key": "x-a", "value": "new"}, "append_action": 2, "keep_empty_value": None}
    mutations = {"request_mutations": [{"append": append}], "response_mutations": None}
    with Proxy(built_in=[BuiltIn("header_mutation", {"mutations": mutations})], workers=1) as proxy:
        exchange = proxy.get("/", {"x-a": "old"})
    assert exchange.upstream_request.headers.get_all("x-a") == ["new"]
