"""Matchers: what they accept, and what their failures say."""

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
    """The message of a check that has to fail."""
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
def test_headers_that_are_as_expected(expected):
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
def test_headers_that_are_not(expected, message):
    text = fails(assert_headers, MESSAGE, expected)
    assert text.startswith("headers of the response: ")
    assert message in text
    assert "> x-user: ann" in text or "x-user" not in expected


def test_a_response_is_checked_in_one_call():
    x = exchange(request("/pay"), response(201, json={"a": 1}))
    assert_response(x, 201, headers={"content-type": ANY}, body=json_of({"a": 1}))
    assert_response(x, range(200, 300).__contains__)
    assert "GET /pay got status 201, expected 200" in fails(assert_response, x, 200)
    assert "isn't JSON for {'a': 2}" in fails(assert_response, x, body=json_of({"a": 2}))
    assert '{"a":1}' in fails(assert_response, x, 200)


def test_a_body_that_differs_is_shown_as_a_diff():
    x = exchange(request("/"), response(200, "one\ntwo\nthree"))
    text = fails(assert_response, x, body="one\n2\nthree")
    assert "differs from character 4 on" in text
    assert "-2" in text
    assert "+two" in text


def test_no_answer_is_explained():
    x = exchange(request("/"), None, state="paused")
    x.paused = "request held by auth"
    text = fails(assert_response, x, 200)
    assert "GET / got no response: it is still paused (request held by auth)" in text
    assert "nothing was logged" in text


def test_what_the_upstream_saw():
    x = exchange(request("/a"), response(200), upstream_request=request("/b", headers={"x": "1"}, body="q"))
    assert_request(x, method="POST", path="/b", headers={"x": "1"}, body="q")
    assert "got the path '/b', expected '/a'" in fails(assert_request, x, path="/a")
    assert "headers of the request to the upstream of GET /a: x is '1'" in fails(
        assert_request, x, headers={"x": "2"}
    )
    assert "was forwarded to the upstream, expected no request there" in fails(assert_not_forwarded, x)
    stopped = exchange(request("/a"), response(403))
    assert_not_forwarded(stopped)
    assert "wasn't forwarded to the upstream: it got status 403 before" in fails(assert_request, stopped)


def lines(*pairs):
    return [SimpleNamespace(level=LogLevel[level], text=text) for level, text in pairs]


LOG = lines(("INFO", "hello ann"), ("WARN", "careful"), ("INFO", "hello bob"))


def test_log_lines_are_found_by_part_or_pattern():
    assert_log(LOG, "hello", times=2)
    assert_log(LOG, re.compile("hello b.b"))
    assert_log(LOG, matching("^care"), level="warn")
    assert_no_log(LOG, "goodbye")
    assert_no_log(LOG, level=LogLevel.ERROR)


def test_a_log_that_is_not_as_expected_is_shown():
    text = fails(assert_log, LOG, "careful", level="error")
    assert "log: 'careful' at level error expected at least once, found never (but at level warn)" in text
    assert "warn     careful" in text
    assert "expected once, found 2 times" in fails(assert_log, LOG, "hello", times=1)
    assert "expected no lines from level warn on, found 1" in fails(assert_no_log, LOG, level="warn")
    assert "nothing was logged" in fails(assert_log, [], "x")


def test_metrics_are_compared_by_name():
    proxy = SimpleNamespace(metrics={"hits": 3, "sizes": [1, 2]})
    assert_metric(proxy, "hits", 3)
    assert_metric(proxy, "sizes", [1, 2])
    assert_metric(proxy, "hits", lambda value: value > 2)
    assert "metric 'hits' is 3, expected 4" in fails(assert_metric, proxy, "hits", 4)
    assert "did you mean 'hits'?" in fails(assert_metric, proxy, "hit", 3)
    assert "choose from none" in fails(assert_metric, SimpleNamespace(metrics={}), "hit", 3)


def test_a_failure_says_which_exchange_it_is_about(make_proxy):
    proxy = make_proxy("class Plain(HttpContext):\n    pass\n")
    proxy.get("/")
    second = proxy.get("/b")
    with pytest.raises(AssertionError, match=r"^exchange 2 \(GET /b\) got status 200, expected 404"):
        assert_response(second, 404)
    with pytest.raises(AssertionError, match=r"^log of exchange 2 \(GET /b\): 'x' expected at least once, found never"):
        assert_log(second, "x")


def test_bodies_that_are_no_text_are_shown_as_bytes_around_the_first_that_differs():
    x = exchange(received=response(200, b"\x00" * 100 + b"\x1b[31m" + b"\x00" * 100))
    said = fails(assert_response, x, body=b"\x00" * 205)
    assert "differs from byte 100 on" in said
    assert "\x00" not in said
    assert "\x1b" not in said
    assert r"\x00\x1b[31m\x00" in said
    assert "(205 bytes)" in said
    assert r"b'\x00\x00" in fails(assert_response, x, body=json_of([]))


def test_a_long_body_is_cut_and_ends_of_lines_that_differ_are_seen():
    x = exchange(received=response(200, "a" * 1000))
    said = fails(assert_response, x, body="b" * 1000)
    assert len(said) < 700
    assert "(1,001 characters)" in said
    x = exchange(received=response(200, "a\r\nb"))
    assert r"+'a\r\n'" in fails(assert_response, x, body="a\nb")
    x = exchange(received=response(200, "\n".join("abcdefghijklmnopqrstuvwxyz")))
    assert "more lines" in fails(assert_response, x, body="\n".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def test_what_is_no_exchange_is_refused_with_what_it_is():
    for check in (assert_response, assert_request, assert_not_forwarded):
        with pytest.raises(TypeError, match="Expected an exchange.*not Response. For a single message, use assert_headers"):
            check(response(200))
    with pytest.raises(TypeError, match="not SimpleNamespace"):
        assert_response(SimpleNamespace(), 200)


def test_headers_alone_may_be_a_dict_or_pairs():
    assert_headers({"A": "1"}, {"a": "1"})
    assert "a is '1', expected '2'" in fails(assert_headers, [("a", "1")], {"a": "2"})


def test_a_status_given_as_text_is_seen_to_be_one():
    assert "got status 200, expected '200'" in fails(assert_response, exchange(received=response(200)), "200")


def test_a_log_level_that_does_not_exist_is_named():
    for check in (assert_log, assert_no_log):
        with pytest.raises(UsageError, match="Unknown log level 'warning': did you mean 'warn'"):
            check([], "x", level="warning")


def test_what_a_filter_logged_cannot_write_to_the_terminal():
    lines = [SimpleNamespace(level=LogLevel.INFO, text="a\x00\x1b[31m\nb")]
    said = fails(assert_log, lines, "x")
    assert "\x1b" not in said and "\x00" not in said
    assert r"a\x00\x1b[31m" in said
