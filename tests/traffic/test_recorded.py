"""Recordings: every format, masking of secrets, and files that are cut short or odd."""

import base64
import json

import pytest
from envoy.data.tap.v3 import wrapper_pb2
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmnb import Request, Response, read_traffic, write_traffic
from wasmnb.errors import UsageError
from wasmnb.traffic.recorded import RecordedExchange
from wasmnb.traffic.recorded.exchange import Unreadable
from wasmnb.traffic.recorded.readers.own_format import decode_line, encode_line


def entry(path="/a", **changes):
    request = {"method": "GET", "url": f"https://a.test{path}", "httpVersion": "h2", "headers": [{"name": "X-A", "value": "1"}]}
    response = {"status": 200, "headers": [{"name": "X-B", "value": "2"}], "content": {"size": 2, "text": "ok"}}
    return {
        "startedDateTime": "2026-01-01T00:00:00.5Z",
        "time": 20,
        "request": {**request, **changes.pop("request", {})},
        "response": {**response, **changes.pop("response", {})},
        **changes,
    }


@pytest.fixture
def read(tmp_path):
    """Write a file and return its traffic, read once, and the exchanges."""

    def reader(content, name="x.har", **options):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else None
        path.write_bytes(json.dumps(content).encode() if data is None else data)
        traffic = read_traffic(path, **options)
        return traffic, list(traffic)

    return reader


def har(*entries):
    return {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": list(entries)}}


def test_har_entry_becomes_request_response_and_times(read):
    traffic, (exchange,) = read(har(entry("/a?b=1#frag", connection="7")))
    assert (exchange.request.method, exchange.request.path, exchange.request.authority, exchange.request.scheme) == ("GET", "/a?b=1", "a.test", "https")
    assert exchange.request.headers.raw == [(b"x-a", b"1")]
    assert (exchange.response.status, exchange.response.headers.raw, exchange.response.body) == (200, [(b"x-b", b"2")], b"ok")
    assert (exchange.started, exchange.duration, exchange.connection, exchange.http2) == (1767225600.5, 0.02, "7", True)
    assert (traffic.messages, traffic.format) == ([], "har")


@pytest.mark.parametrize(
    "headers", [{"X-A": "1"}, {"x-a": ["1"]}, [["X-A", "1"]], [{"name": "x-a", "value": "1", "comment": "c"}]]
)
def test_har_headers_are_pairs_or_objects(read, headers):
    _, (exchange,) = read(har(entry(request={"headers": headers})))
    assert exchange.request.headers.raw == [(b"x-a", b"1")]


def test_har_base64_body_is_bytes_and_its_encoding_header_is_dropped(read):
    content = {"size": 3, "text": base64.b64encode(b"\0\xff\1").decode(), "encoding": "base64"}
    headers = [{"name": "Content-Encoding", "value": "gzip"}, {"name": "X-B", "value": "2"}]
    _, (exchange,) = read(har(entry(response={"content": content, "headers": headers})))
    assert (exchange.response.body, exchange.response.headers.raw) == (b"\0\xff\1", [(b"x-b", b"2")])


def test_har_form_parameters_become_the_body(read):
    data = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a", "value": "1 2"}]}
    _, (exchange,) = read(har(entry(request={"method": "POST", "postData": data})))
    assert exchange.request.body == b"a=1+2"


def test_har_without_bodies_marks_them_as_truncated(read):
    _, (exchange,) = read(har(entry(request={"bodySize": 5}, response={"content": {"size": 100}})))
    assert (exchange.truncated, exchange.request.body, exchange.response.body) == (("request", "response"), b"", b"")


def test_har_blocked_request_has_no_response(read):
    _, (exchange,) = read(har(entry(response={"status": 0})))
    assert exchange.response is None


def test_har_pseudo_headers_are_not_headers(read):
    _, (exchange,) = read(har(entry(request={"headers": [{"name": ":authority", "value": "b.test"}, {"name": "X", "value": "1"}]})))
    assert (exchange.request.authority, exchange.request.headers.raw) == ("b.test", [(b"x", b"1")])


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        ({}, "has no request"),
        ("text", "has no request"),
        (entry(request={"url": ""}), "has no URL"),
        (entry(request={"url": "ftp://a/b"}), "must be http or https, not 'ftp'"),
        (entry(request={"method": ""}), "has no method"),
        (entry(request={"method": "GET /"}), "'GET /' is not a valid HTTP method"),
    ],
)
def test_invalid_har_entry_is_omitted_with_one_message(read, odd, sentence):
    traffic, exchanges = read(har(entry("/1"), odd, odd, entry("/2")))
    assert [exchange.request.path for exchange in exchanges] == ["/1", "/2"]
    (message,) = traffic.messages
    assert "x.har, entry 2: " in message
    assert sentence in message
    assert "1 more like this" in message
    assert traffic.unreadable == 2


def test_truncated_har_returns_complete_entries_and_the_position(read):
    data = json.dumps(har(*(entry(f"/{n}") for n in range(5)))).encode()
    cut = data[: data.index(b"/4") + 1]
    traffic, exchanges = read(cut)
    assert [exchange.request.path for exchange in exchanges] == ["/0", "/1", "/2", "/3"]
    (message,) = traffic.messages
    assert f"entry 5, byte {len(cut):,}: The file ends inside this entry" in message


def test_invalid_json_returns_the_entries_before_it(read):
    data = json.dumps(har(*(entry(f"/{n}") for n in range(3)))).encode().replace(b'"/2', b"}}/2").replace(b"a.test/2", b"a\"}]]/2")
    traffic, exchanges = read(data)
    assert [exchange.request.path for exchange in exchanges] == ["/0", "/1"]
    assert "entry 3" in traffic.messages[0]


def test_bytes_that_are_not_utf8_are_replaced_and_counted(read):
    data = json.dumps(har(entry("/1"), entry("/2"))).encode().replace(b'"ok"', b'"o\xff"', 1)
    traffic, exchanges = read(data)
    assert [exchange.response.body for exchange in exchanges] == ["o\ufffd".encode(), b"ok"]
    assert "1 characters that aren't UTF-8" in traffic.messages[0]


def test_byte_order_mark_is_skipped(read):
    traffic, exchanges = read(b"\xef\xbb\xbf" + json.dumps(har(entry())).encode())
    assert (len(exchanges), traffic.messages) == (1, [])


@pytest.mark.parametrize("name", ["x.har", "x.jsonl", "x.pb", "x.http", "x.curl", "x.log"])
def test_empty_file_returns_no_exchanges_and_a_message(read, name):
    traffic, exchanges = read(b"", name)
    assert (exchanges, traffic.messages) == ([], [f"{name}, byte 0: The file is empty."])


def test_large_body_is_read_whole(read):
    body = "x" * (20 << 20)
    _, (exchange,) = read(har(entry(response={"content": {"size": len(body), "text": body}})))
    assert len(exchange.response.body) == len(body)


def test_header_names_with_markup_stay_as_they_are(read):
    traffic, (exchange,) = read(har(entry(request={"headers": [{"name": "<b>X</b>", "value": "<i>"}]})))
    assert exchange.request.headers.raw == [(b"<b>x</b>", b"<i>")]


# -- Envoy ---------------------------------------------------------------------------------------------------------


def buffered(path="/a", *, truncated=False):
    wrapper = wrapper_pb2.TraceWrapper()
    trace = wrapper.http_buffered_trace
    for key, value in [(":method", "POST"), (":path", path), (":authority", "a.test"), (":scheme", "http"), ("x-a", "1")]:
        trace.request.headers.add(key=key, value=value)
    trace.request.body.as_bytes = b"\0body"
    trace.request.body.truncated = truncated
    trace.request.headers_received_time.FromJsonString("2026-01-01T00:00:00Z")
    trace.request.trailers.add(key="x-t", value="t")
    trace.response.headers.add(key=":status", value="201")
    trace.response.headers.add(key="x-b", raw_value=b"\xff")
    trace.response.body.as_string = "done"
    trace.response.headers_received_time.FromJsonString("2026-01-01T00:00:00.250Z")
    trace.downstream_connection.remote_address.socket_address.address = "10.0.0.1"
    trace.downstream_connection.remote_address.socket_address.port_value = 4000
    return wrapper


def segments(trace_id, path, *, chunks=(b"ab", b"cd")):
    parts = []

    def segment():
        parts.append(wrapper_pb2.TraceWrapper())
        parts[-1].http_streamed_trace_segment.trace_id = trace_id
        return parts[-1].http_streamed_trace_segment

    for key, value in [(":method", "GET"), (":path", path)]:
        head = parts[-1].http_streamed_trace_segment if parts else segment()
        head.request_headers.headers.add(key=key, value=value)
    for chunk in chunks:
        segment().request_body_chunk.as_bytes = chunk
    segment().response_headers.headers.add(key=":status", value="204")
    return parts


def delimited(*messages):
    out = b""
    for message in messages:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        length = len(data)
        while length > 127:
            out += bytes([length & 127 | 128])
            length >>= 7
        out += bytes([length]) + data
    return out


def as_json(*messages, **options):
    return "\n".join(json_format.MessageToJson(m, **options) for m in messages)


def check_buffered(exchange):
    assert (exchange.request.method, exchange.request.path, exchange.request.authority) == ("POST", "/a", "a.test")
    assert (exchange.request.headers.raw, exchange.request.body, exchange.request.trailers.raw) == ([(b"x-a", b"1")], b"\0body", [(b"x-t", b"t")])
    assert (exchange.response.status, exchange.response.body, exchange.response.headers.raw) == (201, b"done", [(b"x-b", b"\xff")])
    assert (exchange.started, exchange.duration, exchange.connection) == (1767225600.0, 0.25, "10.0.0.1:4000")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (buffered().SerializeToString(), "x.pb"),
        (delimited(buffered()), "x.pb_length_delimited"),
        (delimited(buffered()), "x.bin"),
        (as_json(buffered(), preserving_proto_field_name=True), "x.json"),
        (as_json(buffered()), "x.json"),
    ],
    ids=["protobuf", "delimited", "delimited without suffix", "json", "json in camel case"],
)
def test_buffered_tap_is_read_in_every_form(read, content, name):
    traffic, (exchange,) = read(content, name)
    check_buffered(exchange)
    assert traffic.messages == []


def test_truncated_tap_body_is_marked(read):
    _, (exchange,) = read(buffered(truncated=True).SerializeToString(), "x.pb")
    assert exchange.truncated == ("request",)


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_streamed_tap_segments_of_two_traces_are_put_together(read, form):
    first, second = segments(1, "/1"), segments(2, "/2", chunks=(b"x",))
    mixed = [first[0], second[0], *first[1:], *second[1:]]
    content, name = (delimited(*mixed), "x.pb_length_delimited") if form == "protobuf" else (as_json(*mixed), "x.json")
    _, (a, b) = read(content, name)
    assert [(exchange.request.path, exchange.request.body, exchange.response.status) for exchange in (a, b)] == [("/1", b"abcd", 204), ("/2", b"x", 204)]


def test_unknown_protobuf_fields_are_ignored(read):
    data = buffered().SerializeToString()
    _, (exchange,) = read(delimited(data + b"\xf8\x01\x05" + b"\xfa\x01\x02hi"), "x.pb_length_delimited")
    check_buffered(exchange)


def test_truncated_protobuf_returns_complete_traces(read):
    data = delimited(buffered(), buffered())
    traffic, exchanges = read(data[:-5], "x.pb_length_delimited")
    assert len(exchanges) == 1
    assert f"trace 2, byte {len(data) // 2:,}" in traffic.messages[0]


def test_folder_of_tap_files_is_one_recording(tmp_path):
    for number in range(3):
        (tmp_path / f"trace_{number}.pb").write_bytes(buffered(f"/{number}").SerializeToString())
    assert [exchange.request.path for exchange in read_traffic(tmp_path)] == ["/0", "/1", "/2"]


def test_socket_trace_is_left_out_with_a_message(read):
    wrapper = wrapper_pb2.TraceWrapper()
    wrapper.socket_buffered_trace.trace_id = 1
    traffic, exchanges = read(as_json(wrapper, buffered()), "x.json")
    assert len(exchanges) == 1
    assert "trace is of a socket" in traffic.messages[0]


def test_access_log_is_read_with_its_common_keys(read):
    line = {
        "method": "GET", "path": "/a?b=1", "authority": "a.test", "response_code": 404, "duration": 12, "user_agent": "curl",
        "start_time": "2026-01-01T00:00:00.000Z", "protocol": "HTTP/2", "referer": None, "request_id": "-",
    }  # fmt: skip
    traffic, (exchange,) = read(json.dumps(line) + "\n", "x.log")
    assert (exchange.request.path, exchange.request.headers.raw, exchange.response.status) == ("/a?b=1", [(b"user-agent", b"curl")], 404)
    assert (exchange.started, exchange.duration, exchange.http2, traffic.format) == (1767225600.0, 0.012, True, "access_log")


def test_access_log_with_other_keys_needs_a_map(read):
    line = json.dumps({"verb": "GET", "p": "/a", "who": "ann"}) + "\n"
    traffic, exchanges = read(line, "x.log")
    assert exchanges == []
    assert "pass that key in fields=" in traffic.messages[0]
    _, (exchange,) = read(line, "x.log", fields={"method": "verb", "path": "p", "header:x-user": "who"})
    assert exchange.request.headers.raw == [(b"x-user", b"ann")]


def test_access_log_map_with_an_unknown_part_is_refused(read):
    with pytest.raises(UsageError, match="The part 'colour' in fields= is unknown"):
        read('{"method": "GET"}\n', "x.log", fields={"colour": "c"})


# -- curl and raw HTTP ---------------------------------------------------------------------------------------------


def test_curl_commands_are_requests(read):
    text = "curl 'https://a.test/x' -H 'x-a: 1' \\\n  --data-raw $'caf\\u00e9\\n' ;\ncurl -X PUT http://b.test/y -d 'two\nlines' -o out\n"
    traffic, (a, b) = read(text, "x.sh")
    assert (a.request.method, a.request.path, a.request.body) == ("POST", "/x", "café\n".encode())
    assert (b.request.method, b.request.authority, b.request.body) == ("PUT", "b.test", b"two\nlines")
    assert traffic.messages == []


@pytest.mark.parametrize("data", ["-d @/etc/passwd", "--data-binary @x", "-F a=@x", "-F a=<x", "--data-urlencode @x", "--data-urlencode n@x", "--json @x"])
def test_curl_command_that_reads_a_file_is_left_out(read, data):
    traffic, exchanges = read(f"curl http://a.test/1\ncurl {data} http://a.test/2\n", "x.sh")
    assert [exchange.request.path for exchange in exchanges] == ["/1"]
    assert "line 2: The command was skipped, because it reads a file" in traffic.messages[0]


def test_unknown_curl_flag_and_open_quotes_are_messages(read):
    traffic, exchanges = read("curl http://a.test/1\ncurl --foo http://a.test/2\ncurl 'http://a.test/3\n", "x.sh")
    assert len(exchanges) == 1
    assert ["line 2" in traffic.messages[0], "line 3" in traffic.messages[1]] == [True, True]


def test_raw_http_messages_follow_each_other(read):
    raw = (
        b"POST /a HTTP/1.1\r\nHost: a.test\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nx-t: 1\r\n\r\n"
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokGET /b HTTP/1.1\r\nhost: b.test\r\n\r\n"
    )
    traffic, (a, b) = read(raw, "x.http")
    assert (a.request.body, a.request.trailers.raw, a.response.body) == (b"abc", [(b"x-t", b"1")], b"ok")
    assert (b.request.path, b.request.authority, b.response) == ("/b", "b.test", None)
    assert traffic.messages == []


def test_raw_http_with_line_feeds_and_separators_is_read(read):
    _, (a, b) = read("### one\nGET http://a.test/1 HTTP/1.1\nx: 1\n\n### two\nPOST /2 HTTP/1.1\nhost: b\n\nbody\n", "x.http")
    assert (a.request.authority, a.request.path, b.request.body) == ("a.test", "/1", b"body")


def test_raw_http_body_that_is_cut_short_is_marked(read):
    _, (exchange,) = read("POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\nabc", "x.http")
    assert (exchange.request.body, exchange.truncated) == (b"abc", ("request",))


# -- own format, writers, masking ----------------------------------------------------------------------------------

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1).map(str.encode)
VALUES = st.binary(max_size=20)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
BODIES = st.binary(max_size=50)
REQUESTS = st.builds(Request, st.sampled_from(["GET", "POST"]), st.text(min_size=1).map("/{}".format), HEADERS, BODIES, HEADERS)
RESPONSES = st.builds(Response, st.integers(100, 599), HEADERS, BODIES, HEADERS)
EXCHANGES = st.builds(
    RecordedExchange, REQUESTS, st.none() | RESPONSES, st.none() | st.floats(0, 2e9), st.none() | st.floats(0, 100),
    st.text(max_size=5), st.booleans(), st.sampled_from([(), ("request",)]),
)  # fmt: skip


@given(EXCHANGES)
def test_own_format_returns_the_same_exchange(recorded):
    line = encode_line(recorded)
    assert (line.count(b"\n"), decode_line(line)) == (1, recorded)


@given(EXCHANGES, st.data())
@settings(max_examples=min(50, settings.default.max_examples))
def test_cut_line_of_own_format_is_unreadable(recorded, data):
    line = encode_line(recorded)[:-1]
    with pytest.raises(Unreadable):
        decode_line(line[: data.draw(st.integers(0, len(line) - 1))])


@pytest.mark.parametrize("suffix", [".jsonl", ".har"])
def test_written_recording_is_read_back(tmp_path, suffix):
    recorded = [
        RecordedExchange(
            Request("POST", f"/{n}", {"x-a": "1"}, b"\xff" if n else b"text", authority="a.test"),
            Response(200, {"x-b": "2"}, b"\0\x80"),
            1767225600.0 + n,
            0.5,
            "c1",
        )
        for n in range(3)
    ]
    path = tmp_path / f"x{suffix}"
    assert write_traffic(recorded, path) == 3
    back = list(read_traffic(path))
    assert [(exchange.request.path, exchange.request.headers, exchange.response, exchange.started, exchange.duration, exchange.connection) for exchange in back] == [
        (exchange.request.path, exchange.request.headers, exchange.response, exchange.started, exchange.duration, exchange.connection) for exchange in recorded
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".har"])
def test_file_that_another_writer_replaces_meanwhile_is_complete(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"

    def requests():
        yield Request("GET", "/1")
        assert write_traffic([Request("GET", "/other")], path) == 1
        yield Request("GET", "/2")

    assert write_traffic(requests(), path) == 2
    assert [each.request.path for each in read_traffic(path)] == ["/1", "/2"]
    assert list(tmp_path.iterdir()) == [path]


def test_other_suffix_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(UsageError, match=r"\.jsonl or \.har"):
        write_traffic([], tmp_path / "x.csv")
    assert list(tmp_path.iterdir()) == []


def test_broken_line_is_left_out_with_its_number(read):
    good = encode_line(RecordedExchange(Request()))
    traffic, exchanges = read(good + b"{broken\n" + b'{"request": {}}\n' + good + good[:20], "x.jsonl")
    assert len(exchanges) == 2
    assert [m.split(":")[0] for m in traffic.messages] == ["x.jsonl, line 2", "x.jsonl, line 3", "x.jsonl, line 5"]
    assert "ends inside this line" in traffic.messages[2]


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("authorization", f"Bearer {SECRET}", "Bearer ***"),
        ("proxy-authorization", SECRET, "***"),
        ("cookie", f"a={SECRET}; b={SECRET}", "a=***; b=***"),
        ("set-cookie", f"a={SECRET}; Path=/; Secure", "a=***; Path=/; Secure"),
        ("x-api-key", SECRET, "***"),
        ("referer", f"http://a/?x=1&access_token={SECRET}", "http://a/?x=1&access_token=***"),
    ],
)
def test_secret_header_is_masked_and_counted(read, name, value, masked):
    content = har(entry(request={"headers": [{"name": name, "value": value}]}))
    traffic, (exchange,) = read(content)
    assert exchange.request.headers[name] == masked
    assert sum(traffic.masked.values()) == 1
    _, (plain,) = read(content, mask=False)
    assert plain.request.headers[name] == value


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "apikey", "client_secret", "password", "X-Amz-Signature", "sig"])
def test_secret_in_a_query_is_masked(read, name):
    traffic, (exchange,) = read(har(entry(f"/a?x=1&{name}={SECRET}&y=2")))
    assert (exchange.request.path, dict(traffic.masked)) == (f"/a?x=1&{name}=***&y=2", {f"query {name.lower()}": 1})


def test_user_and_password_of_a_url_are_left_out(read):
    _, (exchange,) = read(har(entry(request={"url": f"https://ann:{SECRET}@a.test/x"})))
    assert SECRET not in repr(exchange.request)


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [(b"PK\x03\x04", "x.har", "Unpack it, or compress"), (b"a,b\n1,2\n", "x.csv", "format of"), (b"\x89PNG", "x.png", "format of")],
)
def test_file_of_another_kind_is_refused(read, content, name, sentence):
    with pytest.raises(UsageError, match=sentence):
        read(content, name)


def test_missing_file_and_unknown_format_are_refused(tmp_path):
    with pytest.raises(UsageError, match="can't be read"):
        read_traffic(tmp_path / "none.har")
    with pytest.raises(UsageError, match="format='pcap' is unknown"):
        read_traffic(tmp_path, format="pcap")


@given(st.binary(max_size=300), st.sampled_from(["x.har", "x.jsonl", "x.json", "x.pb", "x.sh", "x.http", "x.log"]))
@settings(max_examples=3 * settings.default.max_examples // 2)
def test_any_bytes_are_read_without_an_error(tmp_path_factory, data, name):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(data)
    try:
        traffic = read_traffic(path)
    except UsageError:
        return
    assert len(list(traffic)) == traffic.exchanges
