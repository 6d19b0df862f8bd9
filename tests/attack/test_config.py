"""Damaged Envoy configurations: one sentence with file, line and field for any value at any position."""

import json
import random
import re

import pytest

from tests.attack.odd_config import ODD, damaged, places, write_whole
from wasmnb import Filter, Proxy
from wasmnb.engine import assemble
from wasmnb.envoy.config import import_config
from wasmnb.errors import UsageError, WasmnbError
from wasmnb.parsing.yaml_lines import read_yaml
from tests.host.test_from_envoy import MODULE


@pytest.fixture(autouse=True)
def unchecked(monkeypatch):
    """Leave the check to the import, as on a machine without Envoy."""
    monkeypatch.setattr(import_config, "config_problem", lambda _path: None)


def use(path):
    """Start a proxy with a configuration, send requests to its routes, and show its views."""
    with Proxy.from_envoy(path, workers=1) as proxy:
        for target in ("/?p=a", "/b", "/c", "/d", "/e/1", "/nothing"):
            proxy.get(target, [("x", "1"), ("y", "2"), ("q", "abc"), ("cookie", "c=a")])
        str(proxy.tree())
        assert all(isinstance(sentence, str) for sentence in proxy.left_out)


def attack(path, config, odd_of):
    """Damage every place with some values. Return the number of refusals, and the errors that are none of ours."""
    refused, faults = 0, []
    for place in places(config):
        for odd in odd_of(place) if place else ():
            path.write_text(json.dumps(damaged(config, place, odd), indent=1))
            text = ""
            try:
                use(path)
            except UsageError as error:
                refused += 1
                named = re.search(r", line [1-9]\d*: ", str(error)) or "has no" in str(error) or "hold a mapping" in str(error)
                text = "" if named and str(path) in str(error) else str(error)
            except WasmnbError as error:
                text = "" if "module" in str(error).lower() else str(error)  # of the file that the configuration refers to
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is the finding
                text = f"{type(error).__name__}: {error}"
            faults += [f"{place} = {str(odd)[:40]}: {text[:300]}"] if text else []
    return refused, faults


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_any_value_at_any_position_is_accepted_or_reported_with_its_line(tmp_path):
    path, rng = write_whole(tmp_path), random.Random(1)
    use(path)
    refused, faults = attack(path, json.loads(path.read_text()), lambda _place: [None, rng.choice(ODD)])
    assert faults == []
    assert refused > 250


@pytest.mark.slow
def test_damaged_export_is_accepted_or_named_with_its_line(tmp_path):
    filter = Filter.from_bytes(assemble(MODULE), "f")
    with Proxy(filter, workers=1, config="x") as proxy:
        proxy.export(tmp_path / "export")
    path = next((tmp_path / "export").rglob("envoy.yaml"))
    config = json.loads(json.dumps(read_yaml(path)))
    rng = random.Random(2)
    refused, faults = attack(path, config, lambda _place: [None, "x", rng.choice(ODD)])
    assert faults == []
    assert refused > 30


#: YAML that is valid, but huge when expanded, empty, or recursive.
TEXTS = {
    "aliases that multiply": "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40)),
    "a list in itself": "a: &a [*a]", "a mapping in itself": "a: &a {b: {c: *a}}", "merged with itself": "a: &a {<<: *a}",
    "a merge of a number": "a: {<<: 3}", "no date": "a: 2001-99-99", "a date as a key": "2001-99-99: 1", "no boolean": "a: !!bool x",
    "no number": "a: !!int ''", "no float": "a: !!float x", "no time": "a: !!timestamp x", "a huge number": "a: " + "9" * 5000,
    "a Python object": "a: !!python/object/apply:os.system [true]", "a list as a key": "? [a]\n: b", "deep": "a: " + "[" * 5000 + "]" * 5000,
    "two documents": "a: 1\n---\nb: 2", "an unknown alias": "a: *b", "text": "x", "null": "~", "a list": "[1]", "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name == "deep" else ()) for name in TEXTS])
def test_yaml_without_a_usable_value_is_refused(tmp_path, name):
    path = tmp_path / "envoy.yaml"
    path.write_text(TEXTS[name])
    with pytest.raises(UsageError) as caught:  # without a limit of aliases, some of these would not end at all
        Proxy.from_envoy(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(path))


def test_last_duplicate_key_wins_and_aliases_are_expanded(tmp_path):
    path = tmp_path / "envoy.yaml"
    path.write_text("a: 1\na: 2\nb: &b {c: 3}\nd: {<<: *b, e: *b}\n")
    assert read_yaml(path) == {"a": 2, "b": {"c": 3}, "d": {"c": 3, "e": {"c": 3}}}


@pytest.mark.parametrize(("text", "message"), [
    ('"max_headers_count": "x"', "max_headers_count must be a whole number, not 'x'"),
    ('"via": []', r"via must be text, not \[\]"),
    ('"merge_slashes": "yes"', "merge_slashes must be true or false, not 'yes'"),
    ('"per_try_timeout": "-1s"', "per_try_timeout must be a duration such as 1.5s, not '-1s'"),
    ('"op": "LIKE"', "op must be EQ or GE or LE or NE, not 'LIKE'"),
    ('"regex": "("', "regex isn't a valid regular expression"),
    ('"address_prefix": "x"', "address_prefix and prefix_len aren't a valid range of addresses"),
    ('"headers": [{}]', "headers must have the field name"),
    ('"retriable_status_codes": ["x"]', r"retriable_status_codes must be a list of whole numbers, not 'x'"),
])  # fmt: skip
def test_message_of_a_field_names_its_line(tmp_path, text, message):
    path = write_whole(tmp_path)
    name = text.partition(":")[0]
    lines, config = path.read_text().splitlines(), json.loads(path.read_text())
    place = next(place for place in places(config) if place and json.dumps(place[-1]) == name)
    path.write_text(json.dumps(damaged(config, place, json.loads(f"{{{text}}}")[place[-1]]), indent=1))
    line = next(i for i, content in enumerate(lines, 1) if content.strip().startswith(name))
    with pytest.raises(UsageError, match=message) as caught:
        Proxy.from_envoy(path)
    reported = int(re.search(r", line (\d+): ", str(caught.value))[1])
    assert line <= reported <= line + 1


def test_nulls_and_quoted_numbers_are_read_as_in_envoy(tmp_path):
    path = write_whole(tmp_path)
    config = json.loads(path.read_text())
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager |= {"server_name": None, "via": None, "max_request_headers_kb": "61", "route_config": {**manager["route_config"], "name": None}}
    path.write_text(json.dumps(config))
    with Proxy.from_envoy(path, workers=1) as proxy:
        assert (proxy.settings.connection_manager.max_request_headers_kb, proxy.settings.connection_manager.server_name) == (61, "envoy")
        assert not [sentence for sentence in proxy.left_out if "via" in sentence]
