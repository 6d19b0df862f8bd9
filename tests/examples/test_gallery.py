"""The gallery's filters in both proxies: the expected outcomes, and no difference between the proxies."""

import ast
import json
import time
from dataclasses import replace

import pytest

from tests.envoy.test_examples_everywhere import run
from tests.example_cases import CASES, EXAMPLES
from tests.gallery_cases import CONNECTIONS, GALLERY, tcp_echo
from tests.gallery_costs import COSTS
from wasmnb import Envoy, Filter, FilterTrap, Proxy

pytestmark = pytest.mark.slow

#: Responses with random ids, or with the time until the next full hour.
UNEQUAL = {"trace_context", "sse_tokens"}


def simulated(name, case, **options):
    return Proxy(case.plugins(name), workers=1, upstream=case.upstream, clusters=case.clusters, start_time=time.time(), **options)


@pytest.mark.parametrize("name", GALLERY)
def test_filter_has_the_expected_outcomes(name):
    case = GALLERY[name]
    with simulated(name, case) as proxy:
        proxy.advance(case.wait)
        run(proxy, case.requests)
        assert proxy.state == "running"


@pytest.mark.envoy
@pytest.mark.parametrize("name", GALLERY)
def test_filter_behaves_the_same_in_envoy(name):
    case = GALLERY[name]
    with simulated(name, case) as proxy:
        proxy.advance(case.wait)
        expected = run(proxy, case.requests)
    with Envoy(case.plugins(name), workers=1, upstream=case.upstream, clusters=case.clusters) as envoy:
        time.sleep(case.wait)
        outcome = run(envoy, case.requests)
    assert name in UNEQUAL or outcome == expected


@pytest.mark.parametrize("kind", [Proxy, pytest.param(Envoy, marks=pytest.mark.envoy)])
@pytest.mark.parametrize("name", CONNECTIONS)
def test_network_filter_passes_allowed_connections_only(name, kind):
    config, connections = CONNECTIONS[name]
    with kind(Filter.from_file(EXAMPLES / f"{name}.py"), workers=1, config=config, upstream=tcp_echo) as proxy:
        for chunks, passes in connections:
            connection = proxy.connect()
            for chunk in chunks:
                connection.send(chunk)
                if kind is Envoy:
                    time.sleep(0.05)
            received = connection.read(1) or b""
            connection.close()
            assert received.startswith(b"seen ") == passes, chunks


def test_access_log_has_one_object_for_each_request():
    case = GALLERY["json_access_log"]
    with simulated("json_access_log", case) as proxy:
        run(proxy, case.requests)
        assert [json.loads(line.text) for line in proxy.log] == [
            {"path": "/a?b", "status": 200, "user": "ann"},
            {"path": "/b", "status": 200},
        ]
    slow = replace(case, config={"slow": 5})
    with simulated("json_access_log", slow) as proxy:
        run(proxy, case.requests)
        assert not list(proxy.log)


def test_normalised_paths_keep_the_query():
    with simulated("normalise_headers", GALLERY["normalise_headers"]) as proxy:
        paths = {"/a//b/../c/?q=//": "/a/c/?q=//", "//": "/", "/a/./b": "/a/b", "/../x": "/x", "/same?a=..": "/same?a=.."}
        assert {sent: proxy.get(sent).upstream_request.path for sent in paths} == paths


def test_signed_request_passes_the_check():
    signing = replace(GALLERY["hmac_signature"], config={"keys": {"a": "k"}, "mode": "sign", "key": "a"})
    checking = replace(GALLERY["hmac_signature"], config={"keys": {"a": "k"}})
    with simulated("hmac_signature", signing) as signer, simulated("hmac_signature", checking) as checker:
        sent = signer.post("/x?y=1", body=b"body").upstream_request
        assert checker.post("/x?y=1", {"x-signature": sent.headers["x-signature"]}, b"body").response.status == 200
        checker.advance(400)
        assert checker.post("/x?y=1", {"x-signature": sent.headers["x-signature"]}, b"body").response.status == 401


def test_experiment_divides_users_by_weight():
    case = replace(GALLERY["ab_test"], config={"experiment": "x", "variants": {"a": 1, "b": 3}})
    with simulated("ab_test", case) as proxy:
        variants = [proxy.get("/", {"x-user": str(n)}).response.headers["x-variant"] for n in range(400)]
    assert 60 < variants.count("a") < 140


def test_traces_are_continued_and_begun():
    with simulated("trace_context", replace(GALLERY["trace_context"], config={"sampled": 1})) as proxy:
        parent = f"00-{'a' * 32}-{'b' * 16}-01"
        continued = proxy.get("/", {"traceparent": parent}).upstream_request.headers["traceparent"]
        assert continued.startswith(f"00-{'a' * 32}-") and "b" * 16 not in continued
        begun = [proxy.get("/", {"traceparent": bad}).upstream_request.headers["traceparent"] for bad in ("x", f"00-{'0' * 32}-{'b' * 16}-01")]
        assert all(len(value) == 55 and value.endswith("-01") for value in begun)
        assert len({*begun, continued}) == 3


def test_deny_list_keeps_the_last_good_list():
    case = GALLERY["deny_list"]
    with simulated("deny_list", case) as proxy:
        proxy.advance(case.wait)
        proxy.clusters["denied"].alive = False
        proxy.advance(60)
        assert proxy.get("/", {"x-user": "bob"}).response.status == 403


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("cors", {"origins": ["*"], "credentials": True}, "credentials need a list"),
        ("hmac_signature", {"keys": {}, "mode": "sign"}, "is not one of keys"),
        ("rate_limit_local", {"rate": 0}, "rate must be above 0"),
        ("ab_test", {"experiment": "x", "variants": {"a": 0}}, "weights"),
        ("geo", {"networks": {"10.0.0.0/99": "DE"}}, "10.0.0.0/99"),
        ("policy", {"rules": [{"effect": "maybe"}]}, "effect"),
        ("bots", {"rules": [{"action": "refuse", "agent": "("}]}, "agent"),
        ("sniff_protocol", {"allow": ["gopher"]}, "gopher"),
    ],
)
def test_invalid_configuration_is_refused_with_a_reason(name, config, message):
    with pytest.raises(FilterTrap) as refused:
        Proxy(Filter.from_file(EXAMPLES / f"{name}.py"), workers=1, config=config)
    assert message in str(refused.value)


def test_every_example_has_cases_costs_and_a_dataclass_for_its_configuration():
    assert {*CASES, *GALLERY, *CONNECTIONS} == {path.stem for path in EXAMPLES.glob("*.py")} == set(json.loads(COSTS.read_text()))
    for path in EXAMPLES.glob("*.py"):
        tree = ast.parse(path.read_text())
        assert any(isinstance(node, ast.ClassDef) and node.name == "Settings" and node.decorator_list for node in tree.body), path.stem
