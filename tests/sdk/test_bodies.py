import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.errors import BadArgument


def exchange(code, chunks=(b'{"a": 1}',)):
    body = "\n".join("        " + line for line in code.splitlines())
    source = f"class F(HttpContext):\n    def on_http_request_body(self, size, end):\n        if end: return\n{body}"
    proxy = FakeProxy(source)
    return proxy, proxy.exchange("POST", chunks=chunks)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("self.request_body = 'new'", b"new"),
        ("self.request_body.set(b'')", b""),
        ("self.request_body.clear()", b""),
        ("self.request_body.append('>')", b"abcd>"),
        ("self.request_body.prepend('<')", b"<abcd"),
        ("self.request_body.replace_start(2, '-')", b"-cd"),
        ("self.request_body = self.request_body.get(1, 2)", b"bc"),
        ("self.request_body = self.request_body.text * 2", b"abcdabcd"),
        ("self.request_body = len(self.request_body)", b"4"),
        ("assert self.request_body and bytes(self.request_body) == b'abcd'", b"abcd"),
        ("self.request_body.set_json({'k': [1, 'é']})", '{"k":[1,"é"]}'.encode()),
    ],
)
def test_body_can_be_read_and_changed(code, expected):
    assert exchange(code, [b"abcd"])[1].upstream[1] == expected


def test_json_and_set_json_convert_the_body():
    assert exchange("self.request_body.set_json(self.request_body.json()['a'] + 1)")[1].upstream[1] == b"2"


def test_uncaught_json_error_ends_only_its_stream():
    proxy, result = exchange("self.request_body.json()", [b"nope"])
    assert result.status == 503 and "line 1 column 1" in proxy.logs[-1][1]
    assert proxy.exchange("POST", chunks=[b"{}"]).upstream[1] == b"{}"


def test_setting_a_body_is_one_hostcall():
    proxy, _ = exchange("self.request_body = 'x'")
    assert [h[0] for h in proxy.hostcalls if "buffer" in h[0]] == ["set_buffer_bytes"]


def test_body_outside_its_callback_is_empty_and_cannot_be_written():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        assert not self.request_body
        self.request_body = "x"
"""
    with pytest.raises(BadArgument, match="The request body can be written in on_http_request_body"):
        FakeProxy(source).exchange()


def test_repr_does_not_read_the_body():
    proxy, _ = exchange("log_info(repr(self.request_body))")
    assert proxy.logs[0][1] == "<http_request_body>"
