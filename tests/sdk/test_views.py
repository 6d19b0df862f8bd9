"""`self.request`, `self.response`, the query and the cookies."""

from urllib.parse import parse_qsl, quote

import pytest
from tests.sdk.fake_proxy import FakeProxy
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmnb.sdk.messages.cookies import cookie_header


def run(code, path="/p?a=1&b=%20x&a=2&flag", side="request", **options):
    body = "\n".join("        " + line for line in code.strip().splitlines())
    source = f"class F(HttpContext):\n    def on_http_{side}_headers(self, n, e):\n{body}"
    return FakeProxy(source).exchange(path=path, **options)


def test_request_has_its_parts():
    result = run("""
r = self.request
assert (r.method, r.path, r.target, r.authority) == ("GET", "/p", "/p?a=1&b=%20x&a=2&flag", "example.com")
r.path = "/q"
r.method = "POST"
r.authority = "other"
r.headers["x"] = "y"
""")
    assert result.upstream_header(b":path") == b"/q?a=1&b=%20x&a=2&flag"
    assert result.upstream_header(b":method") == b"POST" and result.upstream_header(b":authority") == b"other"
    assert run("self.request.target = '/z'").upstream_header(b":path") == b"/z"


def test_query_is_a_mapping():
    run("""
q = self.request.query
assert q["a"] == "1" and q.get_all("a") == ["1", "2"] and q["b"] == " x" and q["flag"] == "" and q.get("c") is None
assert list(q) == ["a", "b", "flag"] and len(q) == 3 and "a" in q and str(q) == "a=1&b=%20x&a=2&flag"
assert q.items() == [("a", "1"), ("b", " x"), ("a", "2"), ("flag", "")]
""")


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("q['a'] = 'ü/&'", "/p?a=%C3%BC%2F%26&b=%20x&flag"),
        ("q['new'] = 5", "/p?a=1&b=%20x&a=2&flag&new=5"),
        ("q.add('a', 3)", "/p?a=1&b=%20x&a=2&flag&a=3"),
        ("del q['a']", "/p?b=%20x&flag"),
        ("assert q.pop('b') == ' x'", "/p?a=1&a=2&flag"),
        ("q.clear()", "/p"),
        ("q.update(b='y')", "/p?a=1&b=y&a=2&flag"),
    ],
)
def test_query_write_keeps_the_other_parameters_unchanged(code, path):
    assert run(f"q = self.request.query\n{code}").upstream_header(b":path") == path.encode()


@settings(max_examples=min(50, settings.default.max_examples), deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))))
def test_query_reads_as_urllib_does(pairs):
    text = "&".join(f"{quote(n)}={quote(v)}" for n, v in pairs)
    proxy = FakeProxy("class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.plugin.seen = self.request.query.items()")
    proxy.exchange(path="/?" + text)
    assert proxy.plugin.seen == parse_qsl(text, keep_blank_values=True)


def test_cookies_are_read_and_written():
    result = run("""
c = self.request.cookies
assert dict(c) == {"a": "1", "b": "x=y", "c": "q"} and len(c) == 3 and c.get("zz") is None
c["b"] = "new"
c["d"] = "4"
del c["a"]
""", headers=[("cookie", 'a=1; b=x=y; junk'), ("cookie", 'c="q";')])
    assert [v for n, v in result.upstream[0] if n == b"cookie"] == [b'junk; c="q"; b=new; d=4']
    assert run("self.request.cookies.clear()", headers={"cookie": "a=1"}).upstream_header(b"cookie") is None
    with pytest.raises(KeyError):
        run("del self.request.cookies['a']")


@pytest.mark.parametrize(("name", "value"), [("a;b", "c"), ("", "c"), ("a", "b\r\nset-cookie: x"), ("a=b", "c"), ("a", "b c"), ("a", "b;c")])
def test_cookie_with_a_separator_raises_value_error(name, value):
    with pytest.raises(ValueError, match="invalid cookie"):
        cookie_header(name, value)
    with pytest.raises(ValueError, match="invalid cookie"):
        run(f"self.request.cookies[{name!r}] = {value!r}")


def test_response_sets_cookies_and_status():
    result = run("""
r = self.response
assert r.status == 200
r.status = 404
r.set_cookie("a", "1", max_age=60, secure=True)
r.set_cookie("b", "2", path=None, same_site=None, http_only=False, domain="x.y")
""", side="response")
    assert result.status == 404
    assert [v for n, v in result.headers if n == b"set-cookie"] == [
        b"a=1; Max-Age=60; Path=/; SameSite=Lax; Secure; HttpOnly", b"b=2; Domain=x.y",
    ]
    with pytest.raises(ValueError, match="between 200 and 599"):
        run("self.response.status = 99", side="response")
    with pytest.raises(ValueError, match="Either would end the attribute"):
        cookie_header("a", "b", path="/; Domain=evil")


def test_request_and_response_have_bodies():
    source = """
class F(HttpContext):
    def on_http_request_body(self, size, end):
        if end:
            return
        self.request.body = self.request.body.json()["a"]
    def on_http_response_body(self, size, end):
        if not end:
            self.response.body = self.response.body.text.upper()
        elif end:
            self.response.trailers["x"] = "y"
"""
    result = FakeProxy(source).exchange("POST", chunks=[b'{"a": "b"}'])
    assert result.upstream[1] == b"b" and result.body == b"OK" and result.trailers == [(b"x", b"y")]


def test_cookies_drop_quotes_and_accept_numbers():
    result = run("""
c = self.request.cookies
assert c.items() == [("a", ""), ("b", '"x'), ("c", 'y z'), ("d", '"')] and c.values() == ["", '"x', "y z", '"']
c["n"] = 5
""", headers=[("cookie", 'a=""; b="x; c="y z"; d="')])
    assert result.upstream_header(b"cookie") == b'a=""; b="x; c="y z"; d="; n=5'
    with pytest.raises(TypeError, match="invalid cookie 'a'=None"):
        run("self.request.cookies['a'] = None")


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [({"max_age": "60"}, "max_age of cookie 'a' must be a whole number"), ({"same_site": "lax"}, "must be 'Strict', 'Lax', 'None' or None, not 'lax'")],
)
def test_cookie_attributes_are_checked(attributes, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        cookie_header("a", "b", **attributes)


def test_every_value_of_a_repeated_parameter_is_listed():
    result = run("self.request_headers['x-all'] = ','.join(self.request.query.values())", path="/?a=1&b=&a=2")
    assert result.upstream_header(b"x-all") == b"1,,2"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("self.request.path = '/a?b=c'", "request.path can't be set to '/a.b=c', because it contains a query. Set"),
        ("self.send_local_response(200, headers={'x': 'a\\r\\nb: c'})", "header 'x' can't be set to .* a line break would end it"),
        ("self.send_local_response(200, headers={'x': None})", "'x': expected str, bytes or int, got None"),
        ("self.send_local_response(200, headers='x')", r"expected headers as a mapping or as \(name, value\) pairs, got 'x'"),
        ("self.send_local_response(200, {'a': 1})", r"got {'a': 1}. To send JSON, use json="),
    ],
)
def test_wrong_use_of_a_view_is_explained(line, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        run(line)


@pytest.mark.parametrize("status", ["404", 204.0, None])
def test_status_must_be_a_number(status):
    with pytest.raises(ValueError, match="between 200 and 599"):
        run(f"self.response.status = {status!r}", side="response")


def test_json_keeps_bytes_that_are_not_utf8():
    result = run("return self.send_local_response(400, json={'sent': self.request_headers['x']})", headers={"x": b"a\xff"})
    assert result.body == b'{"sent":"a\\udcff"}'


def test_half_a_surrogate_pair_is_written_as_the_replacement_character():
    result = run("self.request_headers.add('x', __import__('json').loads(r'\"\\ud800\\ud83d\\ude00\"'))")
    assert result.upstream_header(b"x") == "\ufffd\U0001f600".encode()


def test_deeply_nested_json_raises_value_error():
    source = """
class F(HttpContext):
    def on_http_request_body(self, size, end):
        try:
            self.request.body.json()
        except ValueError as error:
            return self.send_local_response(400, str(error))
"""
    assert FakeProxy(source).exchange("POST", chunks=[b"[" * 100_000]).body == b"the JSON is nested too deeply"
