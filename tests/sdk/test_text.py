"""Text and JSON of chunks: no byte changes that the filter does not change."""

import gzip
import json
import zlib

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.sdk.errors import ContentError

UPPER = """
class F(HttpContext):
    def on_http_{side}_body(self, size, end):
        self.{side}.body = self.{side}.body.text.upper()
"""

READ = """
class F(HttpContext):
    def on_http_{side}_body(self, size, end):
        log_info("%s", ascii(self.{side}_body.text))
"""

PAUSE = """
class F(HttpContext):
    def on_http_{side}_body(self, size, end):
        self.{side}_body = self.{side}_body.text.lower()
        return None if end else Action.PAUSE
"""

TEXT = "größe: 10 €, 日本語, 😀 ok"


def cut(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def send(source, side, chunks, **message):
    proxy = FakeProxy(source.format(side=side))
    if side == "request":
        return proxy, proxy.exchange("POST", chunks=chunks, **message).upstream[1]
    return proxy, proxy.exchange(response=(200, {}, chunks)).body


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
@pytest.mark.parametrize("side", ["request", "response"])
def test_characters_that_are_cut_by_chunks_are_changed_like_others(side, size):
    _, body = send(UPPER, side, cut(TEXT.encode(), size))
    assert body.decode() == TEXT.upper()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_text_that_is_only_read_is_complete_and_leaves_the_body_unchanged(size):
    proxy, body = send(READ, "response", cut(TEXT.encode(), size))
    assert body == TEXT.encode()
    assert "".join(eval(line) for _, line in proxy.logs) == TEXT


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_cut_character_stays_in_place_in_a_body_that_is_held(size):
    _, body = send(PAUSE, "response", cut(TEXT.upper().encode(), size))
    assert body.decode() == TEXT.upper().lower()


def test_body_that_is_written_in_some_chunks_only_keeps_all_bytes():
    source = """
class F(HttpContext):
    count = 0
    def on_http_response_body(self, size, end):
        self.count += 1
        text = self.response_body.text
        if self.count % 2:
            self.response_body = text
"""
    _, body = send(source, "response", cut(TEXT.encode(), 2))
    assert body == TEXT.encode()


@pytest.mark.parametrize("data", ["größe".encode("latin-1"), b"abc \xe2\x82", b"\xff\xfe text", "жук".encode("koi8-r")])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_other_character_sets_are_written_back_as_the_same_bytes(data, size):
    same = "class F(HttpContext):\n    def on_http_{side}_body(self, s, e):\n        self.{side}_body = self.{side}_body.text"
    assert send(same, "request", cut(data, size))[1] == data


COMPRESSED = [
    (gzip.compress(TEXT.encode() * 9, mtime=0), "content-encoding gzip"),
    (zlib.compress(TEXT.encode() * 9), "content-encoding deflate"),
    (b"\x28\xb5\x2f\xfd\x04\x58\x99\xff", "content-encoding zstd"),
    (bytes.fromhex("1b1f00f88da0f1e4dd03e61a02"), "binary or compressed"),
    (b"\x89PNG\r\n\x1a\n\0\0\xff", "binary or compressed"),
]


@pytest.mark.parametrize(("data", "reason"), COMPRESSED)
def test_text_of_a_compressed_body_ends_that_stream_with_the_reason(data, reason):
    proxy = FakeProxy(UPPER.format(side="request"))
    result = proxy.exchange("POST", chunks=[data])
    assert result.status == 503 and result.upstream is None
    assert reason in proxy.logs[-1][1] and "await self.request.content()" in proxy.logs[-1][1]
    assert proxy.exchange("POST", chunks=[b"abc"]).upstream[1] == b"ABC"


def test_body_that_ends_inside_a_character_before_trailers_is_an_error():
    proxy = FakeProxy(UPPER.format(side="request") + "    def on_http_request_trailers(self, n): pass")
    assert proxy.exchange("POST", chunks=[b"ab\xe2\x82"], trailers={"t": "1"}).status == 503
    assert "ends inside a character" in proxy.logs[-1][1]


JSON = """
class F(HttpContext):
    def on_http_request_body(self, size, end):
        try:
            log_info("%s", self.request_body.json())
        except ValueError as error:
            log_info("%s", error)
"""


@pytest.mark.parametrize("chunks", [[b'{"a": ', b"1}"], [b"12", b"34"], ['"ä'.encode()[:-1], b'\xa4"']])
def test_json_of_a_chunk_reports_the_chunk(chunks):
    proxy = FakeProxy(JSON)
    proxy.exchange("POST", chunks=chunks)
    assert "on_http_request_body can read only a chunk here, not the whole body" in proxy.logs[0][1]
    assert "await self.request_body()" in proxy.logs[0][1]


@pytest.mark.parametrize("chunks", [[b'{"a": 1}'], [json.dumps(TEXT).encode()]])
def test_json_of_a_whole_body_is_its_value(chunks):
    proxy = FakeProxy(JSON)
    proxy.exchange("POST", chunks=chunks)
    assert proxy.logs[0][1] == str(json.loads(chunks[0]))


def test_json_error_of_a_compressed_body_names_the_encoding():
    proxy = FakeProxy(JSON)
    proxy.exchange("POST", chunks=[gzip.compress(b"{}")])
    assert "it is compressed (content-encoding gzip)" in proxy.logs[0][1]


def test_content_error_is_a_value_error():
    assert issubclass(ContentError, ValueError)
