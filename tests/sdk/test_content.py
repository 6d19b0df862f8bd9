"""Content codings, and the splitters of lines, JSON lines, events and JSON-RPC messages."""

import gzip
import json
import zlib

import pytest

from wasmnb.sdk import ContentError, compress, decompress
from wasmnb.sdk.body_formats.coding import StreamDecoder
from wasmnb.sdk.body_formats.splitters import EventMessages, EventSplitter, JsonLineSplitter, LineSplitter, WholeMessages

DATA = b"some text, and some more text. " * 200
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(DATA) + RAW.flush()

ENCODED = [
    (gzip.compress(DATA, mtime=0), "gzip"),
    (gzip.compress(DATA, mtime=0), "X-GZIP"),
    (gzip.compress(DATA[:99], mtime=0) + gzip.compress(DATA[99:], mtime=0), "gzip"),
    (zlib.compress(DATA), "deflate"),
    (RAW_DEFLATE, "deflate"),
    (gzip.compress(zlib.compress(DATA), mtime=0), "deflate, gzip"),
    (DATA, "identity"),
    (DATA, None),
    (DATA, ""),
]


@pytest.mark.parametrize(("data", "encoding"), ENCODED)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_chunks_are_decoded_wherever_they_are_cut(data, encoding, size):
    decoder = StreamDecoder(encoding)
    assert b"".join(decoder.feed(data[i : i + size]) for i in range(0, len(data), size)) == DATA
    decoder.finish()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "deflate, gzip", "identity", "", None])
def test_encoded_content_is_decoded_again(encoding):
    assert decompress(compress(DATA, encoding), encoding) == DATA
    assert decompress(compress("ä", encoding), encoding) == "ä".encode()


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br"])
def test_error_about_an_unknown_coding_contains_a_remedy(encoding):
    name = encoding.split(", ")[-1]
    for action in (decompress, compress):
        with pytest.raises(ContentError, match=f"content-encoding {name} can't be decoded in a filter. Set accept-encoding"):
            action(b"abc", encoding)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"not gzip", "not valid gzip"),
        (gzip.compress(DATA, mtime=0)[:-9], "incomplete"),
        (gzip.compress(DATA, mtime=0) + b"more", "not valid gzip"),
        (gzip.compress(bytes(10_000_000), mtime=0), "larger than the limit"),
    ],
)
def test_broken_and_huge_bodies_are_refused(data, reason):
    with pytest.raises(ContentError, match=reason):
        decompress(data, "gzip", limit=1 << 20)


def split(splitter, data, size):
    items = [item for i in range(0, len(data), size) for item in splitter.feed(data[i : i + size])]
    return items + splitter.finish()


SIZES = pytest.mark.parametrize("size", [1, 2, 3, 1000])


@SIZES
def test_lines_end_with_lf_or_crlf_and_the_last_one_with_the_body(size):
    data = "eins\r\nzwei €\n\n drei \rvier\nlast".encode()
    assert split(LineSplitter(), data, size) == ["eins", "zwei €", "", " drei \rvier", "last"]
    assert split(LineSplitter(), b"one\n", size) == ["one"]
    assert split(LineSplitter(), b"", size) == []


@SIZES
def test_json_lines_are_values(size):
    assert split(JsonLineSplitter(), b'{"a": 1}\n\n[2]\r\n"\xe2\x82\xac"', size) == [{"a": 1}, [2], "€"]


@SIZES
def test_error_contains_the_number_of_the_line_that_is_not_json(size):
    with pytest.raises(ContentError, match="line 3 of the body is not JSON: Expecting"):
        split(JsonLineSplitter(), b"1\n\n{x}\n4\n", size)


# The examples of the specification, and its corner cases.
EVENTS = [
    ("data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
    (": comment\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n", [("message", "first", "1"), ("message", "second", ""), ("message", " third", "")]),
    ("data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
    ("data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
    ("event: add\r\ndata: ä€\r\n\r\n", [("add", "ä€", "")]),
    ("event: add\rdata: 1\r\rdata: 2\r\r", [("add", "1", ""), ("message", "2", "")]),
    ("\ufeffdata: bom\n\n", [("message", "bom", "")]),
    ("event: without data\n\n", []),
    ("id: a\0b\nid: 5\ndata: x\nretry: 7\nretry: soon\n\n", [("message", "x", "5")]),
    ("data: incomplete\n", []),
]  # fmt: skip


@SIZES
@pytest.mark.parametrize(("text", "expected"), EVENTS)
def test_events_are_those_of_the_specification(text, expected, size):
    assert [(e.event, e.data, e.id) for e in split(EventSplitter(), text.encode(), size)] == expected


def test_event_has_its_json_and_its_retry():
    (event,) = EventSplitter().feed(b'data: {"a": 1}\nretry: 10\n\n')
    assert event.json() == {"a": 1} and event.retry == 10
    (event,) = EventSplitter().feed(b"data: [DONE]\n\n")
    with pytest.raises(ContentError, match="the data of event 'message' is not JSON"):
        event.json()


@pytest.mark.parametrize(
    ("splitter", "data"),
    [
        (LineSplitter(100), b"x" * 101),
        (LineSplitter(100), b"x" * 60 + b"|" + b"y" * 60),
        (JsonLineSplitter(100), b"[" + b"1," * 100),
        (EventSplitter(100), b"data: " + b"x" * 101),
        (EventSplitter(100), b"data: xxxxxxxxxxxxxxxxxxxx\n" * 9),
        (WholeMessages(100), b"[" + b"1," * 100),
        (EventMessages(100), b"data: " + b"x" * 101),
    ],
)
@pytest.mark.parametrize("size", [1, 50, 1000])
def test_larger_items_than_the_limit_are_refused(splitter, data, size):
    with pytest.raises(ContentError, match="larger than the limit of 100 bytes: pass a larger limit="):
        split(splitter, data, size)


CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1}}}
READ = {"jsonrpc": "2.0", "id": "r", "method": "resources/read", "params": {"uri": "file:///x"}}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}
RESULT = {"jsonrpc": "2.0", "id": 1, "result": {"content": []}}
ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}


@SIZES
def test_json_rpc_messages_have_kind_tool_and_arguments(size):
    messages = split(WholeMessages(), json.dumps([CALL, READ, NOTE, RESULT, ERROR]).encode(), size)
    assert [m.kind for m in messages] == ["request", "request", "notification", "response", "error"]
    assert (messages[0].tool, messages[0].arguments, messages[1].resource) == ("add", {"a": 1}, "file:///x")
    assert messages[3].result == {"content": []} and messages[4].error["code"] == -32601
    assert messages[0].error_response(-32602, "no", 5) == {
        "jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no", "data": 5},
    }  # fmt: skip
    assert split(WholeMessages(), b" ", size) == []


@SIZES
def test_json_rpc_messages_arrive_in_events(size):
    data = "".join(f"event: message\ndata: {json.dumps(m)}\n\n: ping\n\n" for m in (NOTE, RESULT)).encode()
    assert [m.value for m in split(EventMessages(), data, size)] == [NOTE, RESULT]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "the batch is empty"),
        (1, "a message must be an object, not int"),
        ({"id": 1, "method": "x"}, '"jsonrpc" must be "2.0", not None'),
        ({**CALL, "method": 5}, '"method" must be a string'),
        ({**CALL, "params": "x"}, '"params" must be an object or an array'),
        ({**CALL, "id": True}, '"id" must be a string or a number'),
        ({"jsonrpc": "2.0", "id": 1}, "one of"),
        ({**RESULT, **ERROR}, "one of"),
    ],
)
def test_other_json_is_not_json_rpc(value, reason):
    with pytest.raises(ContentError, match="the body is not JSON-RPC: .*" + reason):
        split(WholeMessages(), json.dumps(value).encode(), 1000)
