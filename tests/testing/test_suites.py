"""Reading of Google Service Extensions' suites: text format and YAML are equivalent, and mistakes raise with their place."""

import pytest

from wasmnb.testing import FixtureError
from wasmnb.testing.declarative_tests.suite import read_suite


@pytest.fixture
def suite(tmp_path):
    """Function that reads a suite from text."""

    def make(text, name="tests.textpb"):
        file = tmp_path / name
        file.write_text(text)
        return read_suite(file)

    return make


FLAT = """
env { log_level: DEBUG time_secs: 5 }
test {
  name: "both"
  num_chunks: 2
  request_headers {
    input { header { key: ":path" value: "/" } header { key: "a" value: "1" } }
    result { has_header { key: "b" value: "2" } no_header { key: "c" } headers { regex: "d:.*" invert: true } }
  }
  request_body { input { content: "body" } result { body { exact: "x" } immediate { http_status: 403 details: "" } } }
}
"""

YAML = """
env: {log_level: DEBUG, time_secs: 5}
test:
- name: both
  num_chunks: 2
  request_headers:
    input:
      header: [{key: ':path', value: /}, {key: a, value: 1}]
    result:
      has_header: [{key: b, value: '2'}]
      no_header: [{key: c}]
      headers: [{regex: 'd:.*', invert: 'true'}]
  request_body:
  - input: {content: body}
    result:
      body: [{exact: x}]
      immediate: {http_status: '403', details: ''}
"""

NESTED = """
test {
  request_headers {
    result {
      headers { has_header { key: "b" value: "2" } headers_serialized { exact: "b: 2" } }
      immediate { http_status: 500 body { exact: "x" } headers { no_header { key: "c" } } has_header { key: "d" value: "" } }
    }
  }
}
"""


def without_places(value):
    if hasattr(value, "__dataclass_fields__"):
        return {n: without_places(getattr(value, n)) for n in value.__dataclass_fields__ if n != "place"}
    return [without_places(v) for v in value] if isinstance(value, list) else value


def test_yaml_equals_the_text_format(suite):
    assert without_places(suite(YAML, "tests.yaml")) == without_places(suite(FLAT))


def test_json_suite_is_read(suite):
    text = '{"test": [{"name": "\\ud83d\\ude00",\t"numChunks": 3}]}'
    assert [(c.name, c.num_chunks) for c in suite(text, "tests.json").test] == [("😀", 3)]


def test_nested_expectations_are_joined(suite):
    expected = suite(NESTED).test[0].request_headers.result
    assert [h.key for h in expected.all_has_header()] == ["b", "d"]
    assert [h.key for h in expected.all_no_header()] == ["c"]
    assert [m.exact for m in expected.all_lines()] == [b"b: 2"]
    assert [m.exact for m in expected.all_body()] == [b"x"]


def test_runtime_replaces_env(suite):
    assert suite("runtime { min_log_level: WARN config_path: 'c' }").environment.level == 3


def test_log_level_defaults_to_info(suite):
    assert suite("").environment.level == 2


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('test {\n name: "x"\n nam: "y" }', "tests.textpb:3, field test", "no field 'nam'; did you mean 'name'?"),
        ("tests {}", "tests.textpb:1", "did you mean 'test'?"),
        ('test { name: "x"\n name: "y" }', "tests.textpb:2, field test.name", "may occur only once. Remove it here or on line 1"),
        ("test { num_chunks: 1\n chunk_size: 2 }", "tests.textpb:2, field test.chunk_size", "excludes 'num_chunks'"),
        ("test { num_chunks: 0 }", "tests.textpb:1, field test.num_chunks", "at least 1"),
        (
            "test { num_chunks: 2 request_body {}\n request_body {} }",
            "tests.textpb:2, field test.request_body",
            "only one body",
        ),
        ("test { name: 3 }", "tests.textpb:1, field test.name", "text in quotes"),
        ("test { name: {} }", "tests.textpb:1, field test.name", "not a message"),
        ("test: 1", "tests.textpb:1, field test", "this must be a message with fields"),
        ('test { benchmark: "yes" }', "tests.textpb:1, field test.benchmark", "true or false"),
        ('test { name: "\\xff" }', "tests.textpb:1, field test.name", "UTF-8"),
        ("env { log_level: LOUD }", "tests.textpb:1, field env.log_level", "Use one of UNDEFINED, TRACE"),
        ("env { time_secs: -1 }", "tests.textpb:1, field env.time_secs", "out of the range of uint64"),
        ("env { time_secs: 1.5 }", "tests.textpb:1, field env.time_secs", "a whole number"),
        ("env {} runtime {}", "tests.textpb:1, field runtime", "excludes 'env'"),
    ],
)
def test_mistake_raises_with_file_line_and_field(suite, text, place, message):
    with pytest.raises(FixtureError) as caught:
        suite(text)
    assert place in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("test:\n- nme: x", 2, "did you mean 'name'"),
        ("test:\n  name: x", 1, "its value must be a list"),
        ("test: [\n", 2, "not valid YAML"),
        ("- test", 1, "a suite must be a message"),
        ("test:\n- name: [a]", 2, "not a list"),
        ("test:\n- {? [a] : b}", 2, "the name of a field"),
        ("a: &a [x]\ntest: *b", 2, "not valid YAML"),
    ],
)
def test_mistake_in_yaml_raises_with_its_line(suite, text, line, message):
    with pytest.raises(FixtureError, match=message) as caught:
        suite(text, "tests.yaml")
    assert caught.value.place.line == line


@pytest.mark.parametrize(("levels", "message"), [pytest.param(5, "more than 200,000 nodes", marks=pytest.mark.slow), (8, "more than 2,000,000 values")])
def test_yaml_cannot_create_objects_or_expand_exponentially(suite, levels, message):
    with pytest.raises(FixtureError):
        suite("test: !!python/object/apply:os.system ['true']", "tests.yaml")
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{n}: &{n} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n" for p, n in zip("abcdefgh"[:levels], "bcdefghi")
    )
    with pytest.raises(FixtureError, match=message):
        suite(bomb, "tests.yaml")
