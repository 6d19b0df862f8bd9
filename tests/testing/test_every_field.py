"""Files with every field of both formats and a filter that meets them; the same files with one malformed field each."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from wasmnb.testing import FixtureError, run_declarative
from wasmnb.testing.declarative_tests import suite as schema
from wasmnb.testing.declarative_tests.fastedge import Fixture

SUITES = Path(__file__).parent / "suites"


@pytest.fixture
def folder(tmp_path):
    """Writable copy of the files."""
    return shutil.copytree(SUITES, tmp_path / "suites")


@pytest.mark.parametrize("name", ["every_field.textpb", "every_field.yaml", "every_field.test.json"])
def test_files_with_every_field_pass(name):
    result = run_declarative(SUITES / name)
    assert result.passed, str(result)


def test_yaml_suite_passes_as_json(folder):
    import yaml

    suite = yaml.safe_load((folder / "every_field.yaml").read_text())
    (folder / "every_field.json").write_text(json.dumps(suite, indent=2))
    result = run_declarative(folder / "every_field.json")
    assert result.passed, str(result)
    assert len(result.cases) == 4


def messages():
    return [v for v in vars(schema).values() if dataclasses.is_dataclass(v)]


@pytest.mark.parametrize("name", ["every_field.textpb", "every_field.yaml"])
def test_files_have_every_field_of_the_format(name):
    text = (SUITES / "every_field.textpb").read_text() if name.endswith("textpb") else (SUITES / name).read_text()
    known = {f.name for message in messages() for f in dataclasses.fields(message) if "kind" in f.metadata}
    older = {"runtime", "min_log_level"} if name.endswith("textpb") else {"env", "log_level"}
    present = set(re.findall(r"\b(\w+)\s*[:{\[]", text))
    assert known - older <= present


def test_fixture_has_every_field_of_its_format():
    fixture = json.loads((SUITES / "every_field.test.json").read_text())
    known = {f.metadata.get("json") or f.name for f in dataclasses.fields(Fixture) if "kind" in f.metadata}
    assert known | {"request", "response", "properties"} == set(fixture)


def test_fixture_sets_request_properties_and_environment():
    (case,) = run_declarative(SUITES / "every_field.test.json").cases
    sent, received = case.exchange.upstream_request, case.exchange.response
    assert (sent.method, sent.path, sent.authority, sent.body) == (
        "POST",
        "/cart/list.json?a=1",
        "shop.example.com",
        b"two",
    )
    assert {n: sent.headers.get(n) for n in ("x-origin", "x-greeting", "x-secret")} == {
        "x-origin": "shop.example.com", "x-greeting": "hej", "x-secret": None,
    }  # fmt: skip
    assert (received.status, received.body, received.headers.get_all("set-cookie")) == (200, b"WELCOME", ["a=1", "b=2"])


#: Text of the file, its replacement, and the field in the error.
MISTAKES = [
    ("log_level: DEBUG", "log_level: LOUD", "env.log_level"),
    ("time_secs: 1234567", "time_secs: -1", "env.time_secs"),
    ('log_path: "/dev/stdout"', "log_path: 7", "env.log_path"),
    ("num_additional_streams: 2", 'num_additional_streams: "2"', "env.num_additional_streams"),
    ("benchmark: true", 'benchmark: "yes"', "test.benchmark"),
    ("num_chunks: 3", "num_chunks: 0", "test.num_chunks"),
    ("chunk_size: 4", "chunk_size: 4.5", "test.chunk_size"),
    ("chunk_size: 4", "chunk_size: 4 num_chunks: 1", "test.num_chunks"),
    ('name: "headers"', 'name: "headers" name: "again"', "test.name"),
    (
        'header { key: ":path" value: "/" }',
        'header { kee: ":path" value: "/" }',
        "test.request_headers.input.header.kee",
    ),
    ("invert: true }\n      headers {", "invert: 3 }\n      headers {", "test.request_headers.result.headers.invert"),
    ('exact: "started with hello"', 'exact: "a" regex: "b"', "test.plugin_init.log.regex"),
    ("http_status: 403", "http_status: many", "test.request_headers.result.immediate.http_status"),
    ("properties { path:", "properties { paht:", "test.properties.paht"),
    ("request_body { input", "request_body { inputs", "test.request_body.inputs"),
    ("stream_destroy {", "stream_destroyed {", "test.stream_destroyed"),
]


@pytest.mark.parametrize(("good", "bad", "field"), MISTAKES, ids=[bad[:30] for _, bad, _ in MISTAKES])
def test_malformed_field_raises_with_file_and_line(folder, good, bad, field):
    file = folder / "every_field.textpb"
    text = file.read_text()
    assert good in text
    file.write_text(text.replace(good, bad, 1))
    line = text[: text.index(good)].count("\n") + 1
    with pytest.raises(FixtureError) as caught:
        run_declarative(file)
    assert str(caught.value).startswith(f"{file}:{line}, field {field}: ")


FIXTURE_MISTAKES = [
    ('"method": "POST"', '"method": 3', "request.method"),
    ('"url": "https://shop.example.com/cart/list.json?a=1"', '"url": "/cart"', "request.url"),
    ('"x-who": "ann"', '"x-who": 4', "request.headers.x-who"),
    ('"body": "two"', '"bodi": "two"', "request.bodi"),
    ('"enabled": true', '"enabled": "perhaps"', "dotenv.enabled"),
    ('"httpPort": 8100', '"httpPort": "a"', "httpPort"),
    ('"description": "every field"', '"descripion": "every field"', "descripion"),
]


@pytest.mark.parametrize(("good", "bad", "field"), FIXTURE_MISTAKES, ids=[bad for _, bad, _ in FIXTURE_MISTAKES])
def test_malformed_field_of_a_fixture_raises_with_file_and_line(folder, good, bad, field):
    file = folder / "every_field.test.json"
    text = file.read_text()
    assert good in text
    file.write_text(text.replace(good, bad, 1))
    line = text[: text.index(good)].count("\n") + 1
    with pytest.raises(FixtureError) as caught:
        run_declarative(file)
    assert str(caught.value).startswith(f"{file}:{line}, field {field}: ")


def test_malformed_file_of_a_folder_does_not_stop_the_others(folder):
    (folder / "a_test.textpb").write_text("test { nam: 'x' }")
    (folder / "every_field_tests.yaml").write_text((folder / "every_field.yaml").read_text())
    result = run_declarative(folder)
    assert [(c.file, c.name, c.passed) for c in result.cases][0] == ("a_test.textpb", "a_test.textpb", False)
    assert sum(c.passed for c in result.cases) == 5
    assert "a_test.textpb:\nFAIL a_test.textpb\n" in str(result)
    assert "field test.nam: Case has no field 'nam'; did you mean 'name'?" in str(result)
