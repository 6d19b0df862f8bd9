"""Matchers: accepted values and messages of failures."""

import re
from types import SimpleNamespace

import pytest

from wasmnb.abi import LogLevel
from wasmnb.errors import UsageError
from wasmnb.testing import (
    ABSENT,
    ANY,
    assert_headers,
    assert_log,
    assert_metric,
    assert_no_log,
    assert_not_forwarded,
    assert_request,
    assert_response,
    containing,
    exchange,
    json_of,
    matching,
    request,
    response,
)


def fails(check, *args, **kwargs):
    """Return the message of a check that must fail."""
    with pytest.raises(AssertionError) as caught:
        check(*args, **kwargs)
    return str(caught.value)


MESSAGE = response(200, headers=[("a", "1"), ("a", "2"), ("x-user", "ann")])


@pytest.mark.parametrize(
    "expected",
    [
        {"a": "1"}, {"A": b"1"}, {"a": 1}, {"a": ["1", "2"]}, {"b": ABSENT}, {"b": None}, {"a": ANY}, {":status": "200"},
        {"x-user": re.compile("a.+")}, {"x-user": matching("n$")}, {"x-user": containing("a", "nn")}, {"x-user": str.isalpha},
        {"a": [ANY, "2"]}, {"b": []},
    ],
)  # fmt: skip
def test_matching_headers_pass(expected):
    assert_headers(MESSAGE, expected)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"a": "2"}, "a is '1', expected '2'"),
        ({"a": ["1"]}, "a is ['1', '2'], expected ['1']"),
        ({"x-usr": "ann"}, "x-usr is absent, expected 'ann' (there is x-user)"),
        ({"x-user": ABSENT}, "x-user is 'ann', expected ABSENT"),
        ({"x-user": matching("^n")}, "expected text matching '^n'"),
        ({"x-user": re.compile("a")}, "expected text matching 'a' as a whole"),
        ({"x-user": str.isupper}, "expected a value that isupper accepts"),
        ({"a": "3", "b": ANY}, "a is '1', expected '3'; b is absent, expected ANY"),
    ],
)
def test_different_headers_fail(expected, message):
    text = fails(assert_headers, MESSAGE, expected)
    assert text.startswith("headers of the response: ")
    assert message in text
    assert "> x-user: ann" in text or "x-user" not in expected


def test_assert_response_checks_all_parts():
    sample = exchange(request("/pay"), response(201, json={"a": 1}))
    assert_response(sample, 201, headers={"content-type": ANY}, body=json_of({"a": 1}))
    assert_response(sample, range(200, 300).__contains__)
    assert "GET /pay got status 201, expected 200" in fails(assert_response, sample, 200)
    assert "isn't JSON for {'a': 2}" in fails(assert_response, sample, body=json_of({"a": 2}))
    assert '{"a":1}' in fails(assert_response, sample, 200)


def test_different_body_fails_with_a_diff():
    sample = exchange(request("/"), response(200, "one\ntwo\nthree"))
    text = fails(assert_response, sample, body="one\n2\nthree")
    assert "differs from character 4 on" in text
    assert "-2" in text
    assert "+two" in text


def test_missing_response_fails_with_the_reason():
    sample = exchange(request("/"), None, state="paused")
    sample.paused = "request paused by auth"
    text = fails(assert_response, sample, 200)
    assert "GET / got no response: it is still paused (request paused by auth)" in text
    assert "nothing was logged" in text


def test_assert_request_checks_the_upstream_request():
    sample = exchange(request("/a"), response(200), upstream_request=request("/b", headers={"x": "1"}, body="q"))
    assert_request(sample, method="POST", path="/b", headers={"x": "1"}, body="q")
    assert "got the path '/b', expected '/a'" in fails(assert_request, sample, path="/a")
    assert "headers of the request to the upstream of GET /a: x is '1'" in fails(
        assert_request, sample, headers={"x": "2"}
    )
    assert "was forwarded to the upstream, expected no request there" in fails(assert_not_forwarded, sample)
    stopped = exchange(request("/a"), response(403))
    assert_not_forwarded(stopped)
    assert "wasn't forwarded to the upstream: it got status 403 before" in fails(assert_request, stopped)


def lines(*pairs):
    return [SimpleNamespace(level=LogLevel[level], text=text) for level, text in pairs]


LOG = lines(("INFO", "hello ann"), ("WARN", "careful"), ("INFO", "hello bob"))


def test_assert_log_matches_text_or_pattern():
    assert_log(LOG, "hello", times=2)
    assert_log(LOG, re.compile("hello b.b"))
    assert_log(LOG, matching("^care"), level="warn")
    assert_no_log(LOG, "goodbye")
    assert_no_log(LOG, level=LogLevel.ERROR)


def test_assert_log_fails_with_the_log():
    text = fails(assert_log, LOG, "careful", level="error")
    assert "log: 'careful' at level error expected at least once, found never (but at level warn)" in text
    assert "warn     careful" in text
    assert "expected once, found 2 times" in fails(assert_log, LOG, "hello", times=1)
    assert "expected no lines from level warn on, found 1" in fails(assert_no_log, LOG, level="warn")
    assert "nothing was logged" in fails(assert_log, [], "x")


def test_assert_metric_compares_by_name():
    proxy = SimpleNamespace(metrics={"hits": 3, "sizes": [1, 2]})
    assert_metric(proxy, "hits", 3)
    assert_metric(proxy, "sizes", [1, 2])
    assert_metric(proxy, "hits", lambda value: value > 2)
    assert "metric 'hits' is 3, expected 4" in fails(assert_metric, proxy, "hits", 4)
    assert "did you mean 'hits'?" in fails(assert_metric, proxy, "hit", 3)
    assert "choose from none" in fails(assert_metric, SimpleNamespace(metrics={}), "hit", 3)


def test_failure_names_the_exchange(make_proxy):
    proxy = make_proxy("class Plain(HttpContext):\n    pass\n")
    proxy.get("/")
    second = proxy.get("/b")
    with pytest.raises(AssertionError, match=r"^exchange 2 \(GET /b\) got status 200, expected 404"):
        assert_response(second, 404)
    with pytest.raises(AssertionError, match=r"^log of exchange 2 \(GET /b\): 'x' expected at least once, found never"):
        assert_log(second, "x")


def test_binary_body_fails_with_bytes_around_the_difference():
    sample = exchange(received=response(200, b"\x00" * 100 + b"\x1b[31m" + b"\x00" * 100))
    said = fails(assert_response, sample, body=b"\x00" * 205)
    assert "differs from byte 100 on" in said
    assert "\x00" not in said
    assert "\x1b" not in said
    assert r"\x00\x1b[31m\x00" in said
    assert "(205 bytes)" in said
    assert r"b'\x00\x00" in fails(assert_response, sample, body=json_of([]))


def test_long_body_is_cut_and_line_ends_are_visible():
    sample = exchange(received=response(200, "a" * 1000))
    said = fails(assert_response, sample, body="b" * 1000)
    assert len(said) < 700
    assert "(1,001 characters)" in said
    sample = exchange(received=response(200, "a\r\nb"))
    assert r"+'a\r\n'" in fails(assert_response, sample, body="a\nb")
    sample = exchange(received=response(200, "\n".join("abcdefghijklmnopqrstuvwxyz")))
    assert "more lines" in fails(assert_response, sample, body="\n".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def test_wrong_type_raises_with_its_name():
    for check in (assert_response, assert_request, assert_not_forwarded):
        with pytest.raises(TypeError, match="Expected an exchange.*not Response. For a single message, use assert_headers"):
            check(response(200))
    with pytest.raises(TypeError, match="not SimpleNamespace"):
        assert_response(SimpleNamespace(), 200)


def test_assert_headers_takes_dict_or_pairs():
    assert_headers({"A": "1"}, {"a": "1"})
    assert "a is '1', expected '2'" in fails(assert_headers, [("a", "1")], {"a": "2"})


def test_status_as_text_fails_with_its_type():
    assert "got status 200, expected '200'" in fails(assert_response, exchange(received=response(200)), "200")


def test_unknown_log_level_raises():
    for check in (assert_log, assert_no_log):
        with pytest.raises(UsageError, match="Unknown log level 'warning': did you mean 'warn'"):
            check([], "x", level="warning")


def test_failure_escapes_control_characters():
    lines = [SimpleNamespace(level=LogLevel.INFO, text="a\x00\x1b[31m\nb")]
    said = fails(assert_log, lines, "x")
    assert "\x1b" not in said and "\x00" not in said
    assert r"a\x00\x1b[31m" in said
