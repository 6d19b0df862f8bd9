"""Declarative tests of a filter: suites run phase by phase, as in Google's framework, and fixtures through the whole proxy."""

import json

import pytest

from wasmnb import UsageError
from wasmnb.testing import FixtureError, run_declarative
from wasmnb.testing.__main__ import main

FILTER = """
import time


class Plugin(PluginContext):
    def on_plugin_start(self, size):
        text = self.configuration.decode() if hasattr(self, "configuration") else ""
        log_info("plugin started")
        return True


class Demo(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        headers = self.request_headers
        log_info(f"request headers at {time.time_ns()}")
        headers.add("message", "hello")
        headers["welcome"] = "warm"
        if headers.get("user-token") == "bad":
            return self.send_local_response(403, "no\\n", [("x-why", "token")])
        if headers.get("user-token") == "wait":
            return Action.PAUSE
        if headers.get("user-token") == "boom":
            raise ValueError("a broken token")
        if headers.get("x-region"):
            headers["x-region"] = self.properties.raw("source.client_region").decode()

    def on_http_request_body(self, size, end_of_stream):
        log_info(f"{size} bytes")
        self.request_body = bytes(self.request_body) + b"foo"

    def on_http_response_headers(self, num_headers, end_of_stream):
        if self.response_headers.get("reply-with-error"):
            self.send_local_response(500, "fake error", [("error", "goaway")])

    def on_http_response_body(self, size, end_of_stream):
        if bytes(self.response_body) == b"bad":
            self.send_local_response(502, "bad body")

    def on_http_stream_done(self):
        log_info("stream done")
"""


@pytest.fixture
def run(make_filter, tmp_path):
    """Function that runs a suite on the filter and returns the reasons by test name."""

    def run_text(text, name="tests.textpb", **options):
        file = tmp_path / name
        file.write_text(text)
        result = run_declarative(file, make_filter(FILTER), **options)
        return {case.name: case.reasons for case in result.cases}

    return run_text


def headers(phase_input="", result=""):
    return f'test {{ name: "t" request_headers {{ input {{ {phase_input} }} result {{ {result} }} }} }}'


def test_added_header_is_joined_to_the_existing_value(run):
    phase_input = 'header { key: "Message" value: "hey" } header { key: "Welcome" value: "cold" }'
    expected = 'has_header { key: "message" value: "hey, hello" } has_header { key: "WELCOME" value: "warm" }'
    assert run(headers(phase_input, expected)) == {"t": []}


def test_proxy_adds_no_headers_to_the_input(run):
    expected = 'no_header { key: ":scheme" } no_header { key: "x-request-id" } headers { regex: ":.*" invert: true }'
    assert run(headers("", expected)) == {"t": []}


def test_immediate_response_is_the_result_of_the_phase(run):
    expected = """immediate { http_status: 403 details: "" } body { exact: "no\\n" } has_header { key: "X-Why" value: "token" }
                  no_header { key: "user-token" }"""
    assert run(headers('header { key: "user-token" value: "bad" }', expected)) == {"t": []}


def test_each_failed_expectation_is_a_reason_with_its_line(run):
    expected = """has_header { key: "nope" value: "1" }
    has_header { key: "welcome" value: "cold" }
    no_header { key: "message" }
    body { exact: "x" }
    immediate { http_status: 500 }
    log { regex: "never" }
    log { regex: "request.*" invert: true }
    log { regex: "[a" }
    headers { }"""
    reasons = run(headers("", expected))["t"]
    differences = [
        "line 1: header nope is missing, expected '1'", "line 2: header welcome is 'warm', expected 'cold'",
        "line 3: header message is 'hello', expected none", "expected a header that is", "line 4: expected a body that is 'x'",
        "line 5: no immediate response was sent", "line 6: expected a log line that is /never/",
        "line 7: expected no log line that is /request.*/", "line 8: the matcher can't be used: unterminated",
    ]  # fmt: skip
    differences[3] = "line 9: the matcher can't be used: set `exact`"
    assert len(reasons) == len(differences)
    assert all(any(w in r for r in reasons) for w in differences), reasons


def test_unexpected_immediate_response_fails(run):
    (reason,) = run(headers('header { key: "user-token" value: "bad" }', ""))["t"]
    assert "an immediate response (HTTP 403) was sent, expected none" in reason


def test_paused_stream_fails(run):
    (reason,) = run(headers('header { key: "user-token" value: "wait" }', ""))["t"]
    assert "paused the stream" in reason


def test_trap_fails_with_the_traceback(run):
    (reason,) = run(headers('header { key: "user-token" value: "boom" }', ""))["t"]
    assert "request_headers: the VM failed" in reason
    assert "ValueError: a broken token" in reason


def test_logs_belong_to_their_phase(run):
    text = """test { name: "t"
      plugin_init { log { exact: "plugin started" } log { regex: ".*stream.*" invert: true } }
      request_headers { result { log { regex: "request headers.*" } log { exact: "plugin started" invert: true } } }
      request_body { input { content: "abc" } result { log { exact: "3 bytes" } log { regex: "request.*" invert: true } } }
      stream_destroy { log { exact: "stream done" } } }"""
    assert run(text) == {"t": []}


def test_time_secs_sets_the_clock(run):
    text = "env { time_secs: 123456789 } " + headers("", 'log { exact: "request headers at 123456789000000000" }')
    assert run(text) == {"t": []}


def test_log_level_hides_lower_lines(run):
    text = "env { log_level: ERROR } " + headers("", 'log { regex: ".*" invert: true }')
    assert run(text) == {"t": []}


@pytest.mark.parametrize(
    ("plan", "body", "expected"),
    [
        ("", "1234567890", "1234567890foo"),
        ("num_chunks: 5", "1234567890", "12foo34foo56foo78foo90foo"),
        ("num_chunks: 3", "12345678", "12foo34foo5678foo"),
        ("num_chunks: 9", "12", "1foo2foo"),
        ("chunk_size: 4", "1234567890", "1234foo5678foo90foo"),
        ("chunk_size: 5", "1234567890", "12345foo67890foo"),
        ("chunk_size: 5", "", "foo"),
    ],
)
def test_chunking_plan_splits_the_body(run, plan, body, expected):
    text = f'test {{ name: "t" {plan} request_body {{ input {{ content: "{body}" }} result {{ body {{ exact: "{expected}" }} }} }} }}'
    assert run(text) == {"t": []}


def test_each_body_has_its_own_result(run):
    text = 'test { name: "t" request_body { input { content: "1" } result { body { exact: "1foo" } } } request_body { input { content: "2" } result { body { exact: "2foo" } } } }'
    assert run(text) == {"t": []}


def test_body_callback_can_send_an_immediate_response(run):
    text = 'test { name: "t" response_body { input { content: "bad" } result { immediate { http_status: 502 } body { exact: "bad body" } } } }'
    assert run(text) == {"t": []}


def test_immediate_response_skips_later_phases(run):
    text = """test { name: "t"
      request_headers { input { header { key: "user-token" value: "bad" } } result { immediate {} } }
      response_headers { input { header { key: "x" value: "1" } } result { has_header { key: "x" value: "1" } } } }"""
    (reason,) = run(text)["t"]
    assert "response_headers: line 3: header x is missing" in reason


def test_serialised_headers_become_pseudo_headers(run):
    text = """test { name: "origin form"
      request_headers { input { content: "GET /a?b=c HTTP/1.1\\r\\nHost: h.com\\r\\nMy: 1\\r\\nMY: 2\\r\\n\\r\\n" }
        result { has_header { key: ":path" value: "/a?b=c" } has_header { key: ":authority" value: "h.com" }
                 has_header { key: "my" value: "1, 2" } no_header { key: "host" } no_header { key: ":scheme" } } }
      response_headers { input { content: "HTTP/1.1 403 Forbidden\\nA: b\\n" } result { has_header { key: ":status" value: "403" } } } }
    test { name: "absolute form"
      request_headers { input { content: "GET https://e.com:8080/p HTTP/1.1\\nHost: h.com\\n" }
        result { has_header { key: ":scheme" value: "https" } has_header { key: ":authority" value: "e.com:8080" } } } }
    test { name: "bad" request_headers { input { content: "nonsense" } } }"""
    reasons = run(text)
    assert (reasons["origin form"], reasons["absolute form"]) == ([], [])
    assert "line 1 is not a request line such as 'GET / HTTP/1.1': 'nonsense'" in reasons["bad"][0]


def test_files_are_read_from_the_folder_of_the_suite(run, tmp_path):
    (tmp_path / "in.data").write_text("12")
    (tmp_path / "out.data").write_text("12foo")
    body = 'request_body { input { file: "in.data" } result { body { file: "out.data" } } }'
    assert run(f'test {{ name: "t" {body} }}') == {"t": []}
    (reason,) = run('test { name: "t" request_body { input { file: "gone" } } }')["t"]
    assert "tests.textpb:1, field test.request_body.input.file: file gone can't be read" in reason
    (reason,) = run('test { name: "t" request_body { result { body { file: "gone" } } } }')["t"]
    assert "field test.request_body.result.body.file: file gone can't" in reason
    with pytest.raises(FixtureError, match="field env.config_path: file gone can't be read"):
        run('env { config_path: "gone" }')


def test_properties_come_from_the_test(run):
    phase_input = 'input { header { key: "x-region" value: "?" } } result { has_header { key: "x-region" value: "DE" } }'
    text = (
        f'test {{ name: "t" properties {{ path: "source.client_region" value: "DE" }} request_headers {{ {phase_input} }} }}'
    )
    assert run(text) == {"t": []}


def test_each_test_has_its_own_stream_and_vm(make_filter, tmp_path):
    counting = """
seen = []


class Count(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        seen.append(1)
        self.request_headers["x-count"] = str(len(seen))
"""
    one = 'request_headers { result { has_header { key: "x-count" value: "1" } } }'
    file = tmp_path / "t.textpb"
    file.write_text(f'test {{ name: "a" {one} }} test {{ name: "b" {one} }}')
    result = run_declarative(file, make_filter(counting, "counting"))
    assert result.passed, str(result)


def test_re2_syntax_is_translated(run):
    expected = 'log { regex: "request [[:alpha:]]+ at \\\\d+\\\\z" }'
    assert run(headers("", expected)) == {"t": []}


# -- results, folders and the command line ------------------------------------------------------------------------------


def test_result_prints_every_case_and_a_summary(make_filter, tmp_path):
    file = tmp_path / "tests.textpb"
    file.write_text('test { name: "good" } test { request_headers { result { has_header { key: "a" value: "b" } } } }')
    result = run_declarative(file, make_filter(FILTER))
    assert str(result).splitlines()[0] == "ok   good"
    assert "FAIL test 2\n     request_headers: line 1: header a is missing" in str(result)
    assert str(result).endswith("1 of 2 passed")
    assert json.loads(json.dumps(result.as_dict()))["cases"][1]["passed"] is False
    assert (result.passed, [c.name for c in result.failed]) == (False, ["test 2"])


@pytest.mark.parametrize(("text", "only"), [("", None), ('test { name: "a" }', "b")])
def test_result_without_cases_has_not_passed(make_filter, tmp_path, text, only):
    file = tmp_path / "tests.textpb"
    file.write_text(text)
    result = run_declarative(file, make_filter(FILTER), only=only)
    assert not result.passed
    assert str(result) == f"{file}: no test was run"


def test_folder_runs_all_its_test_files(make_filter, tmp_path):
    (tmp_path / "tests.textpb").write_text('test { name: "a" }')
    (tmp_path / "tests.yaml").write_text("test: [{name: b}]")
    result = run_declarative(tmp_path, make_filter(FILTER))
    assert [c.name for c in result.cases] == ["a", "b"]
    with pytest.raises(UsageError, match="no test file"):
        (tmp_path / "empty").mkdir()
        run_declarative(tmp_path / "empty")


def test_missing_module_raises_usage_error(tmp_path):
    file = tmp_path / "tests.textpb"
    file.write_text("test {}")
    with pytest.raises(UsageError, match="doesn't specify a module"):
        run_declarative(file)
    with pytest.raises(UsageError, match="can't be read"):
        run_declarative(tmp_path / "gone.textpb")


def test_module_is_read_from_the_folder_of_the_suite(tmp_path):
    (tmp_path / "filter.py").write_text(FILTER)
    (tmp_path / "tests.textpb").write_text('env { wasm_path: "filter.py" } test { name: "t" }')
    assert run_declarative(tmp_path / "tests.textpb").passed


def test_command_line_returns_the_result_as_exit_code(tmp_path, capsys):
    (tmp_path / "filter.py").write_text(FILTER)
    good, bad, broken = (tmp_path / f"{n}.textpb" for n in ("good", "bad", "broken"))
    good.write_text('test { name: "t" }')
    bad.write_text('test { name: "t" request_headers { result { has_header { key: "a" value: "" } } } }')
    broken.write_text("test {")
    module = str(tmp_path / "filter.py")
    assert [main([str(f), module]) for f in (good, bad, broken)] == [0, 1, 2]
    assert "never closed" in capsys.readouterr().err
    assert main([str(good), module, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


# -- fastedge-test's fixtures -------------------------------------------------------------------------------------------


@pytest.fixture
def fixture(make_filter, tmp_path):
    """Function that runs a fixture and returns its only case."""

    def run_content(content, name="fastedge-config.test.json", source=FILTER):
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return run_declarative(file, make_filter(source)).cases[0]

    return run_content


def test_fixture_sends_its_request_through_the_whole_proxy(fixture):
    case = fixture(
        {
            "$schema": "./schemas/fastedge-config.test.schema.json",
            "description": "a fixture",
            "appType": "proxy-wasm",
            "request": {"method": "POST", "url": "https://e.com/a/b.png?x=1", "headers": {"x-a": "1"}, "body": "hi"},
            "response": {"headers": {"content-type": "text/html"}, "body": "<p>"},
            "properties": {"request.country": "LU", "n": 3},
            "dotenv": {"enabled": False},
            "logLevel": 0,
        }
    )
    assert (case.name, case.reasons) == ("a fixture", [])
    sent = case.exchange.upstream_request
    assert (sent.method, sent.path, sent.authority, sent.headers["x-a"]) == ("POST", "/a/b.png?x=1", "e.com", "1")
    assert case.exchange.response.body == b"<p>"
    assert "request headers at" in case.log[0]


def test_built_in_responder_echoes_the_request(fixture):
    case = fixture({"request": {"url": "built-in", "headers": {"x-debugger-status": "418"}}})
    assert case.exchange.response.status == 418
    echo = json.loads(case.exchange.response.text)
    assert (echo["method"], echo["reqHeaders"]["welcome"], echo["requestUrl"]) == ("GET", "warm", "built-in")


def test_properties_of_the_fixture_override_those_of_the_url(fixture):
    source = """
class Show(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        for name in ("request.path", "request.query", "request.extension", "request.host", "request.country", "request.n"):
            log_info(f"{name}={self.properties.raw(name).decode()}")
"""
    case = fixture(
        {
            "request": {"url": "https://e.com:81/a/b.png?x=1"},
            "properties": {"request.country": "LU", "request.n": 3, "request.host": "h"},
        },
        source=source,
    )
    assert case.log == [
        "request.path=/a/b.png", "request.query=x=1", "request.extension=png", "request.host=h", "request.country=LU", "request.n=3",
    ]  # fmt: skip


def test_dotenv_files_become_the_environment_of_the_module(fixture, tmp_path):
    (tmp_path / ".env").write_text("# c\nFASTEDGE_VAR_ENV_REALM='demo'\nOTHER=1\n")
    (tmp_path / ".env.secrets").write_text("KEY=s3cret\n")
    source = """
import os


class Show(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        log_info(f"{os.environ.get('REALM')} {os.environ.get('KEY')} {os.environ.get('OTHER')}")
"""
    assert fixture({"request": {"url": "http://e.com"}}, source=source).log == ["demo s3cret None"]


def test_fixture_fails_when_the_filter_traps(fixture):
    case = fixture({"request": {"url": "http://e.com", "headers": {"user-token": "boom"}}})
    assert "ValueError: a broken token" in case.reasons[0]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ('{"request": {\n "url": 3}}', 2, "this field must be a string"),
        ('{"request": {}}', 1, "`url` is missing"),
        ('{"request": {"url": "no url"}}', 1, "not a full URL"),
        ('{"request": {"url": "http://a",\n "hedders": {}}}', 2, "unknown field 'hedders'"),
        ('{"request": {"url": "http://a", "headers": {"a": 1}}}', 1, "a header's value must be a string"),
        ('{"request": [],\n "x": 1}', 2, "no field 'x'"),
        ('{"request": []}', 1, "must be an object"),
        ('{"request": {"url": "http://a"}, "response": {"status": 7}}', 1, "from 100 to 599"),
        ('{"request": {"url": "http://a"}, "appType": "http-wasm"}', 1, "Only appType 'proxy-wasm' is supported"),
        ('{"request": {"url": "http://a"}, "properties": []}', 1, "must be an object"),
        ('{"request":\n,}', 2, "not valid JSON"),
    ],
)
def test_malformed_fixture_raises_with_file_and_line(fixture, content, line, message):
    with pytest.raises(FixtureError, match=message) as caught:
        fixture(content)
    assert caught.value.place.line == line
    assert caught.value.place.file.endswith("fastedge-config.test.json")


def test_unknown_field_lists_the_json_names(tmp_path):
    file = tmp_path / "a.test.json"
    file.write_text('{"request": {"url": "http://a/"}, "expects": {}}')
    with pytest.raises(
        FixtureError, match="field expects: Fixture has no field 'expects'; .*appType.*dotenvPath.*request"
    ):
        run_declarative(file)


CLOCKS = """
import time


class Clocks(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["X-Wall"] = str(time.time_ns())
        self.request_headers["X-Monotonic"] = f"{time.monotonic_ns()} {time.monotonic_ns()}"

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers.add("Set-Cookie", "a=1")
"""

CLOCK_SUITE = """
env { time_secs: 1700000000 }
test {
  name: "both clocks are frozen, and names keep their case"
  request_headers {
    input { header { key: "X-First" value: "1" } }
    result {
      has_header { key: "x-wall" value: "1700000000000000000" }
      has_header { key: "x-monotonic" value: "1700000000000000000 1700000000000000000" }
      headers { regex: "X-Wall: .*" }
      headers { exact: "X-First: 1" }
    }
  }
  response_headers { result { headers { exact: "Set-Cookie: a=1" } } }
}
"""


def test_clocks_are_frozen_and_names_keep_their_case(make_filter, tmp_path):
    (tmp_path / "tests.textpb").write_text(CLOCK_SUITE)
    result = run_declarative(tmp_path / "tests.textpb", make_filter(CLOCKS))
    assert result.passed, str(result)
