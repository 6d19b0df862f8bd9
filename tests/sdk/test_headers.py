import pytest
from tests.sdk.fake_proxy import FakeProxy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wasmnb.messages import Headers
from wasmnb.sdk.errors import BadArgument
from wasmnb.sdk.messages.encoding import decode, encode

NOTHING = "class F(HttpContext):\n    def on_http_request_headers(self, n, e): pass"

names = st.sampled_from(["x-a", "X-A", "x-b", "cookie", ":path", ""])
values = st.one_of(st.text(), st.binary().map(decode), st.integers())
encodable = values.filter(lambda v: not isinstance(v, str) or (_encodes(v) and not _breaks(v)))


def _encodes(value):
    try:
        encode(value)
    except UnicodeEncodeError:
        return False
    return True


def _breaks(text):
    return "\n" in text or "\r" in text


def headers_of(initial=()):
    proxy = FakeProxy(NOTHING)
    i = proxy.create()
    proxy.streams[i].maps[0] = [(encode(n).lower(), encode(v)) for n, v in initial]
    proxy.call("on_request_headers", i, 0, 1)
    proxy.current = i
    return proxy.dispatcher.vm.messages.request_headers


class AgainstTheModel(RuleBasedStateMachine):
    """The SDK's map on a proxy behaves as `messages.Headers` does on a list."""

    def __init__(self):
        super().__init__()
        self.real, self.model = headers_of(), Headers()

    @rule(name=names, value=encodable)
    def replace(self, name, value):
        self.real[name] = value
        self.model[name] = value

    @rule(name=names, value=encodable)
    def add(self, name, value):
        self.real.add(name, value)
        self.model.add(name, value)

    @rule(name=names)
    def delete(self, name):
        outcomes = []
        for headers in (self.real, self.model):
            try:
                del headers[name]
                outcomes.append(True)
            except KeyError:
                outcomes.append(False)
        assert outcomes[0] == outcomes[1]

    @rule(name=names)
    def look_up(self, name):
        assert self.real.get(name) == self.model.get(name)
        assert self.real.get_all(name) == self.model.get_all(name)
        assert (name in self.real) == (name in self.model)

    @rule(pairs=st.lists(st.tuples(names, encodable), max_size=4))
    def replace_all(self, pairs):
        self.real.replace(pairs)
        self.model = Headers([(n, v if isinstance(v, str) else str(v)) for n, v in pairs])

    @invariant()
    def same_entries(self):
        assert self.real.raw == self.model.raw
        assert self.real.items() == self.model.items()


AgainstTheModel.TestCase.settings = settings(max_examples=min(60, settings.default.max_examples), stateful_step_count=20, deadline=None)
test_header_map_behaves_as_the_model = AgainstTheModel.TestCase


@given(st.binary().map(lambda data: data.translate(None, b"\r\n")))
def test_bytes_that_are_not_utf8_stay_unchanged(data):
    headers = headers_of([("x-raw", data)])
    headers["x-copy"] = headers["x-raw"]
    assert headers.raw == [(b"x-raw", data), (b"x-copy", data)]


@pytest.mark.parametrize("value", ["1\r\nx-admin: yes", "a\n", b"b\rc"])
def test_line_break_in_a_value_raises_value_error(value):
    headers = headers_of([("a", "1")])
    writes = (
        lambda: headers.__setitem__("a", value), lambda: headers.add("a", value), lambda: headers.set_all("b", [value]),
        lambda: headers.replace({"a": value}),
    )  # fmt: skip
    for write in writes:
        with pytest.raises(ValueError, match="a line break would end it"):
            write()
    assert headers.raw == [(b"a", b"1")]


def test_names_ignore_case_and_can_repeat():
    headers = headers_of([("X-Tag", "1"), ("b", "2"), ("x-tag", "3")])
    assert headers["x-TAG"] == "1" and headers.get_all("X-TAG") == ["1", "3"]
    assert list(headers) == ["x-tag", "b"] and len(headers) == 2
    assert list(headers.keys()) == ["x-tag", "b"] and headers.values() == ["1", "2", "3"]
    headers.set_all("x-tag", ["7", "8"])
    assert headers.items() == [("b", "2"), ("x-tag", "7"), ("x-tag", "8")]


def test_header_map_is_a_mutable_mapping():
    headers = headers_of([("a", "1")])
    assert headers.setdefault("a", "9") == "1" and headers.setdefault("b", "2") == "2"
    assert headers.pop("a") == "1" and headers.pop("a", None) is None
    headers.update({"c": "3"}, d="4")
    assert headers == {"b": "2", "c": "3", "d": "4"} and headers != {"b": "2"}
    headers.remove("nothing")
    headers.clear()
    assert headers.items() == []
    with pytest.raises(KeyError, match="zz"):
        headers["zz"]
    with pytest.raises(KeyError):
        del headers["zz"]


def test_value_must_be_text_bytes_or_a_number():
    headers = headers_of()
    headers["a"], headers["b"], headers["c"] = 5, b"\xff", memoryview(b"m")
    assert headers.raw == [(b"a", b"5"), (b"b", b"\xff"), (b"c", b"m")]
    for nonsense in (None, True, 1.5, ["x"], object()):
        with pytest.raises(TypeError, match="expected str, bytes or int"):
            headers["d"] = nonsense


def test_each_access_is_one_hostcall():
    proxy = FakeProxy("""
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        h = self.request_headers
        h.get("a"); h["b"] = "c"; h.add("d", "e"); h.remove("f"); "g" in h; h.items(); h.get_all("i")
""")
    proxy.hostcalls.clear()
    proxy.exchange()
    assert [h[0] for h in proxy.hostcalls] == [
        "get_header_map_value", "replace_header_map_value", "add_header_map_value", "remove_header_map_value",
        "get_header_map_value", "get_header_map_pairs", "get_header_map_pairs",
    ]


@pytest.mark.parametrize("code", ["h['x']", "h.get('x')", "'x' in h", "h.items()", "len(h)", "h['x'] = 'y'", "h.add('x', 'y')",
                                  "h.remove('x')", "h.replace({})", "h.clear()"])
def test_unavailable_headers_name_the_callbacks_where_they_are_available(code):
    proxy = FakeProxy(f"class F(HttpContext):\n    def on_http_response_headers(self, n, e):\n        h = self.request_headers\n        {code}")
    with pytest.raises(BadArgument, match="in on_http_response_headers.*Request headers can be .* in on_http_request_headers.*self"):
        proxy.exchange()


def test_repr_shows_entries_or_unavailability():
    proxy = FakeProxy("""
class F(HttpContext):
    def on_http_request_headers(self, n, e): log_info(self.request_headers)
    def on_http_response_headers(self, n, e): log_info(self.request_headers)
""")
    proxy.exchange()
    assert proxy.logs[0][1].startswith("<request_headers [(':authority', 'example.com'), ")
    assert proxy.logs[1][1] == "<request_headers: not available in this callback>"
