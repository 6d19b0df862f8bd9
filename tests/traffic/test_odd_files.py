"""Unusual and damaged recordings: shells, compression, encodings, numbers, exporters. The readable part is kept, and a message describes the rest."""

import bz2
import gzip
import json
import lzma
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmnb import Filter, UsageError, read_traffic, replay
from wasmnb.traffic.recorded.readers.shells import bash_words, cmd_words, powershell_words, unquoted


def entry(path="/", **changes):
    record = {
        "startedDateTime": "2026-01-02T03:04:05.000Z", "time": 12.5,
        "request": {"method": "GET", "url": f"http://a.test{path}", "headers": [{"name": "x", "value": "1"}]},
        "response": {"status": 200, "headers": [], "content": {"size": 2, "text": "ok"}},
    }  # fmt: skip
    return record | changes


def har(*entries):
    return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})


def read(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    traffic = read_traffic(path, mask=False)
    return list(traffic), traffic


# -- copied commands -------------------------------------------------------------------------------------------------

CMD = (
    'curl ^"https://example.com/a?b=1^&c=^%^41^" ^\r\n  -H ^"accept: */*^" ^\r\n'
    '  -H ^"sec-ch-ua: ^\\^"Chromium^\\^";v=^\\^"1^\\^"^" ^\r\n'
    '  --data-raw ^"^{^\\^"a^\\^":^\\^"x^\\^\\ny^\\^",^\r\n\r\n^\\^"b^\\^":1^}^" ^&\r\n'
    'curl "https://example.com/old" -H "accept: */*" --data-binary "{\\"a\\":1}" --compressed\r\n'
)

POWERSHELL = """\
$session = New-Object Microsoft.PowerShell.Commands.WebRequestSession
$session.UserAgent = "Mozilla/5.0 (X11)"
$session.Cookies.Add((New-Object System.Net.Cookie("a", "1", "/", "example.com")))
$session.Cookies.Add((New-Object System.Net.Cookie("b", "2", "/", "example.com")))
Invoke-WebRequest -UseBasicParsing -Uri "https://example.com/api?x=`$1" `
-Method "POST" `
-WebSession $session `
-Headers @{
"authority"="example.com"
  "method"="POST"
  "path"="/api"
  "scheme"="https"
  "accept"="*/*"
  "sec-ch-ua"="`"Chromium`";v=`"1`""
} `
-ContentType "application/json" `
-Body ([System.Text.Encoding]::UTF8.GetBytes("{`"a`":`"b$([char]10)`"}"))
curl.exe 'https://example.com/it''s' `
  -H 'accept: x'
Invoke-RestMethod https://example.com/plain
Get-ChildItem
"""

BASH = r"""
# a comment
$ curl 'https://example.com/' -H $'x: it\'s \u0041' --data-raw $'a=\x41\n' --compressed --insecure -f -sS -XPUT
curl https://example.com/b -d 'a
b' && curl -L https://example.com/c;
/usr/bin/curl "https://example.com/d?\$x" \
  -H "a: \"b\"" -H 'empty;' -o out --max-time 5 --http2
curl https://example.com/e -d @secret.txt
wget https://example.com/
"""


def test_commands_copied_for_cmd_are_read(tmp_path):
    (new, old), traffic = read(tmp_path, "x.cmd", CMD)
    assert traffic.format == "curl" and traffic.messages == []
    assert (new.request.method, new.request.path, new.request.scheme) == ("POST", "/a?b=1&c=%41", "https")
    assert new.request.headers["sec-ch-ua"] == '"Chromium";v="1"'
    assert new.request.body == b'{"a":"x\\ny",\n"b":1}' and json.loads(new.request.body.replace(b"\n", b""))
    assert (old.request.path, old.request.body) == ("/old", b'{"a":1}')


def test_commands_copied_for_powershell_are_read_with_their_session(tmp_path):
    (api, curl, plain), traffic = read(tmp_path, "x.txt", POWERSHELL)
    assert traffic.format == "curl"
    assert (api.request.method, api.request.authority, api.request.path) == ("POST", "example.com", "/api?x=$1")
    headers = dict(api.request.headers.items())
    assert headers == {
        "accept": "*/*", "sec-ch-ua": '"Chromium";v="1"', "user-agent": "Mozilla/5.0 (X11)", "content-type": "application/json",
        "cookie": "a=1; b=2",
    }  # fmt: skip
    assert api.request.body.startswith(b'{"a":"b') and curl.request.path == "/it's"
    assert (plain.request.method, plain.request.path) == ("GET", "/plain")
    assert traffic.unreadable == 1 and "line 21" in traffic.messages[0]


def test_commands_of_bash_are_read_with_every_quote(tmp_path):
    exchanges, traffic = read(tmp_path, "x.sh", BASH)
    requests = [exchange.request for exchange in exchanges]
    assert [(r.method, r.path) for r in requests] == [("PUT", "/"), ("POST", "/b"), ("GET", "/c"), ("GET", "/d?$x")]
    assert requests[0].headers["x"] == "it's A" and requests[0].body == b"a=A\n" and requests[1].body == b"a\nb"
    assert requests[3].headers["a"] == '"b"' and requests[3].headers["empty"] == ""
    assert traffic.unreadable == 2 and any("reads a file" in text for text in traffic.messages)


@pytest.mark.parametrize("text", ["'", '^"', '"`', "a\\", "a^", "a`", "$'\\", "@{ '", "\x00", "curl ^", "\\\\\\"])
def test_incomplete_words_never_raise(text):
    for words in (bash_words, cmd_words, powershell_words):
        result = words(text)
        assert result is None or all(isinstance(unquoted(word), str) for word in result)


PARTS = (
    "a", " ", "\t", "'b c'", r'"d \" \\ \n \$x"', "\\ ", r"$'\x41\n\''", r"$'\101'", "\\\n", "'x\ny'", '"p\nq"', '"r\\\ns"', "''", '""', r"\'", "$.",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=12))
@settings(max_examples=min(40, settings.default.max_examples), deadline=None)
def test_words_are_those_of_bash(parts):
    text = "w" + "".join(parts) + "w"
    shell = subprocess.run(["bash", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True)
    assert bash_words(text) == shell.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize(("name", "command"), [
    ("x.sh", "curl http://a.test/ -d '{}'\n"), pytest.param("x.sh", 'curl http://a.test/ -d "{}"\n', marks=pytest.mark.slow),
    pytest.param("x.sh", "curl http://a.test/ -d $'{}'\n", marks=pytest.mark.slow),
    ("x.cmd", 'curl ^"http://a.test/^" -d ^"{}^"\n'), ("x.txt", 'Invoke-WebRequest -Uri "http://a.test/" -Method POST -Body "{}"\n'),
])  # fmt: skip
@pytest.mark.parametrize("line", [
    pytest.param("x" * 2_000_000, id="one line", marks=pytest.mark.slow),
    pytest.param("it is\n" * 200_000, id="many lines", marks=pytest.mark.slow),
    pytest.param("{q} \n" * 100_000, id="many quotes"),  # the slowest of the three
])  # fmt: skip
def test_large_bodies_of_commands_cost_linear_time(tmp_path, name, command, line):
    """A scan that begins again at each line or copies the text at each character takes minutes for these."""
    newline, quote = {"x.sh": ("\n", "\\'" if "$'" in command else "'\\''" if "-d '" in command else '\\"'), "x.cmd": ("^\n\n", '\\^"'), "x.txt": ("`n", '`"')}[name]
    body = line.replace("\n", newline).replace("{q}", quote)
    exchanges, traffic = read(tmp_path, name, command.format(body) + "curl http://a.test/2\n")
    assert traffic.messages == [] and [exchange.request.path for exchange in exchanges] == ["/", "/2"]
    sent = exchanges[0].request.body.decode()
    assert sent == line.replace("{q}", '"' if name != "x.sh" or '-d "' in command else "'")


@pytest.mark.parametrize("opening", [
    "curl 'http://a.test/1", 'curl "http://a.test/1',
    *(pytest.param(opening, marks=pytest.mark.slow) for opening in ('curl.exe "http://a.test/1 `\n', 'curl ^"http://a.test/1')),
])  # fmt: skip
def test_open_quote_is_found_in_linear_time(tmp_path, opening):
    _, traffic = read(tmp_path, "x.sh", f"{opening}\n" + "some text\n" * 100_000)
    assert "line 1: The command is incomplete: one of its quotes isn't closed" in traffic.messages[0]


@pytest.mark.parametrize("kind", ["har", "jsonl", pytest.param("http", marks=pytest.mark.slow), pytest.param("curl", marks=pytest.mark.slow)])
def test_body_of_megabytes_costs_linear_time(tmp_path, kind):
    """The JSON parser begins a string again at each chunk; a body of 30 MB in chunks of one size would take a minute."""
    body = "x" * 30_000_000
    texts = {
        "har": lambda: har(entry(response={"status": 200, "headers": [], "content": {"text": body}})), "jsonl": lambda: json.dumps({"request": {"method": "POST", "path": "/", "body": body}}) + "\n",
        "http": lambda: f"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n{body}", "curl": lambda: f"curl http://a.test/ -d '{body}'",
    }  # fmt: skip
    (exchange,), traffic = read(tmp_path, f"x.{kind}", texts[kind]())
    assert traffic.messages == []
    assert max(len(exchange.request.body), len(exchange.response.body) if exchange.response else 0) == len(body)


@pytest.mark.parametrize(("value", "truncated"), [("hello", ()), ("", ()), (None, ("request",))])
def test_form_with_files_that_is_recorded_as_fields_is_a_multipart_body(tmp_path, value, truncated):
    fields = [{"name": "a", "value": "b"}, {"name": "f", "fileName": "x.txt", "contentType": "text/plain", "value": value}]
    posted = {"mimeType": 'multipart/form-data; charset=utf-8; boundary="xx"', "params": fields}
    (exchange,), _ = read(tmp_path, "x.har", har(entry(request={"method": "POST", "url": "http://a.test/", "headers": [], "postData": posted})))
    assert exchange.request.body.decode() == (
        '--xx\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n'
        '--xx\r\ncontent-disposition: form-data; name="f"; filename="x.txt"\r\ncontent-type: text/plain\r\n\r\n'
        f"{value or ''}\r\n--xx--\r\n"
    )
    assert exchange.truncated == truncated


# -- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("name", ["x.har", "x.jsonl", "x.http", "x.curl"])
def test_compressed_files_are_read_as_they_are(tmp_path, pack, name):
    texts = {
        "x.har": har(entry()), "x.jsonl": '{"request": {"method": "GET", "path": "/"}}\n', "x.http": "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "x.curl": "curl http://a.test/",
    }  # fmt: skip
    exchanges, traffic = read(tmp_path, name + ".gz", pack(texts[name].encode()))
    assert [exchange.request.path for exchange in exchanges] == ["/"] and traffic.messages == []


def test_truncated_compressed_file_returns_its_beginning(tmp_path):
    lines = "".join(f'{{"request": {{"method": "GET", "path": "/{n * 7919 % 100003}"}}}}\n' for n in range(5000))
    packed = gzip.compress(lines.encode())
    exchanges, traffic = read(tmp_path, "x.jsonl.gz", packed[: len(packed) // 2])
    assert 1000 < len(exchanges) < 4000
    assert any("incomplete or damaged" in text for text in traffic.messages)
    (tmp_path / "y.zip").write_bytes(b"PK\x03\x04rest")
    with pytest.raises(UsageError, match="is an archive, which can't be read. Unpack it"):
        read_traffic(tmp_path / "y.zip")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_encodings_with_a_mark_are_converted(tmp_path, encoding):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    exchanges, _ = read(tmp_path, "x.har", (mark + har(entry("/\u00fc")).replace(",", ",\r\n")).encode(encoding))
    assert [exchange.request.path for exchange in exchanges] == ["/\u00fc"]


def test_har_entries_are_read_from_a_list_an_object_or_lines(tmp_path):
    for name, text in (
        ("a.json", json.dumps([entry("/1"), entry("/2")])),
        ("b.json", json.dumps({"entries": [entry("/1"), entry("/2")]})),
        ("c.jsonl", f"{json.dumps(entry('/1'))}\n{json.dumps(entry('/2'))}\n"),
    ):
        exchanges, traffic = read(tmp_path, name, text)
        assert ([exchange.request.path for exchange in exchanges], traffic.messages) == (["/1", "/2"], []), name
        assert exchanges[0].response.body == b"ok"


# -- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("started", "seconds"),
    [
        ("2026-01-02T03:04:05", 1767323045.0), ("2026-01-02T03:04:05.1234567Z", 1767323045.123456), ("2026-01-02T05:04:05+02:00", 1767323045.0),
        (" 2026-01-02T03:04:05Z ", 1767323045.0), ("yesterday", None), (None, None), (True, None), ([], None), (10**400, None),
    ],
)  # fmt: skip
def test_all_timestamp_formats_are_read(tmp_path, started, seconds):
    line = json.dumps(entry(startedDateTime=started))
    (exchange,), _ = read(tmp_path, "x.jsonl", line + "\n")
    assert exchange.started == seconds or (seconds is not None and exchange.started == pytest.approx(seconds))


def test_invalid_numbers_are_omitted_and_their_exchanges_are_kept(tmp_path):
    request = '{"method": "GET", "path": "/"}'
    text = "\n".join(
        [
            f'{{"request": {request}, "started": NaN, "duration": 1e999}}', f'{{"request": {request}, "response": {{"status": 1e999}}}}',
            f'{{"request": {request}, "duration": -5}}', f'{{"request": {request}, "started": {"9" * 400}}}', '{"request": 7}', "[]", "null", "",
            f'{{"request": {request}, "request": {{"method": "PUT", "path": "/last"}}}}',
        ]
    )  # fmt: skip
    exchanges, traffic = read(tmp_path, "x.jsonl", text + "\n")
    assert [exchange.request.path for exchange in exchanges] == ["/", "/", "/", "/last"] and traffic.unreadable == 4
    assert [exchange.started for exchange in exchanges] == [None] * 4
    report = replay(None, tmp_path / "x.jsonl", speed=1, workers=1)
    assert (report.read, report.replayed, report.unreadable) == (4, 4, 4)


def test_negative_duration_and_pseudo_headers_of_a_har_are_omitted(tmp_path):
    request = {
        "method": "GET", "url": "https://a.test/x", "httpVersion": "h2",
        "headers": [{"name": ":authority", "value": "b.test"}, {"name": ":path", "value": "/x"}, {"name": "<img src=x>", "value": "</script>"}],
    }  # fmt: skip
    (exchange,), _ = read(tmp_path, "x.har", har(entry(time=-1, request=request)))
    assert exchange.duration is None and exchange.http2 and exchange.request.authority == "b.test"
    assert [name for name, _ in exchange.request.headers.items()] == ["<img src=x>"]
    report = replay(None, [exchange], workers=1)
    assert report.read == report.replayed + report.skipped + report.failed == 1
    assert "<img src=x>" not in report._repr_mimebundle_()["text/html"]




def test_pauses_of_years_are_shortened(tmp_path):
    moments = [0, 1.5, 1767225600, 1767225601, 1767225600.5]
    lines = [json.dumps({"request": {"method": "GET", "path": f"/{n}"}, "started": s}) for n, s in enumerate(moments)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    gate = Filter.native("from wasmnb.sdk import HttpContext\nclass Gate(HttpContext):\n    pass\n", "gate")
    report = replay(gate, tmp_path / "x.jsonl", speed=1.0, workers=1)
    assert (report.read, report.replayed) == (5, 5)
    assert any("The pause was shortened" in text for text in report.messages)
    assert any("earlier than that of the previous request" in text for text in report.messages)


def test_large_bodies_pass(tmp_path):
    body = "x" * 20_000_000
    (tmp_path / "x.jsonl").write_text(json.dumps({"request": {"method": "POST", "path": "/", "body": body}, "response": {"status": 200, "body": body}}) + "\n")
    report = replay(None, tmp_path / "x.jsonl", workers=1)
    assert (report.read, report.replayed, report.rows.as_lists()["response_bytes"]) == (1, 1, [len(body)])


# -- damaged entries don't affect their neighbours ---------------------------------------------------------------------


def between(tmp_path, odd, **request):
    """Read a HAR file with a damaged entry between two good ones. Return the exchanges of the damaged entry, and the messages."""
    middle = odd if not request else entry("/odd")
    if request:
        middle["request"] = {**middle["request"], **request}
    exchanges, traffic = read(tmp_path, "x.har", har(entry("/before"), middle, entry("/after")))
    assert [exchange.request.path for exchange in (exchanges[0], exchanges[-1])] == ["/before", "/after"]
    return exchanges[1:-1], traffic.messages


GOOD = {"name": "x", "value": "1"}
NO_NAME, NO_PAIR = "A header without a name was omitted.", "A part of the headers is not a name with a value and was omitted."


@pytest.mark.parametrize(("headers", "message"), [
    ([{"value": "v"}, GOOD], NO_NAME), ([{"name": None, "value": "v"}, GOOD], NO_NAME), ([{"name": "", "value": "v"}, GOOD], NO_NAME),
    ([{"name": ["a"], "value": "v"}, GOOD], NO_NAME), ([None, GOOD], NO_PAIR), (["a: b", GOOD], NO_PAIR), ([["a", "b", "c"], GOOD], NO_PAIR),
    ([{"name": "a\rb", "value": "v"}, GOOD], "A header with a line break in its name was omitted."), ([{"name": " ", "value": "v"}, GOOD], NO_NAME),
    ([{"name": "a\r\nb", "value": "v"}, GOOD], "A header with a line break in its name was omitted."), ("x: 1\r\nno colon\r\n", NO_PAIR),
])  # fmt: skip
def test_invalid_header_is_omitted_from_its_entry(tmp_path, headers, message):
    (odd,), messages = between(tmp_path, None, headers=headers)
    assert list(odd.request.headers.items()) == [("x", "1")] and odd.response.body == b"ok"
    assert messages == [f"x.har, entry 2: {message}"]


def test_pseudo_headers_in_lines_of_text_are_parts_of_the_request(tmp_path):
    (odd,), messages = between(tmp_path, None, headers=":authority: pseudo.test\nx: a:b\n")
    assert (odd.request.authority, odd.request.headers.items(), messages) == ("pseudo.test", [("x", "a:b")], [])


@pytest.mark.parametrize(("value", "text"), [(None, ""), (5, "5"), (True, "true"), ({"a": 1}, '{"a":1}')])
def test_values_of_headers_that_are_not_text_are_written_as_json(tmp_path, value, text):
    (odd,), messages = between(tmp_path, None, headers=[{"name": "a", "value": value}])
    assert odd.request.headers["a"] == text and messages == []


@pytest.mark.parametrize(("data", "body", "message"), [
    ({"text": "a", "encoding": "base64"}, b"", "The body of the request is not valid base64 and was omitted."),
    ({"text": "aGk=", "encoding": "Base64"}, b"hi", ""), ("hello", b"hello", ""), ({"text": {"a": 1}}, b'{"a":1}', ""),
    ({"params": [{"name": "a", "value": "1"}, None, {"value": "2"}]}, b"a=1", "A form field without a name was omitted."),
    ([{"name": "a", "value": "b"}], b"a=b", ""), ({"params": 5}, b"", ""), ({"params": {"a": "1"}}, b"a=1", ""), (5, b"", ""),
])  # fmt: skip
def test_entry_with_an_invalid_body_is_kept(tmp_path, data, body, message):
    (odd,), messages = between(tmp_path, None, postData=data)
    assert odd.request.body == body and odd.truncated == (("request",) if "base64" in message else ())
    assert messages == ([f"x.har, entry 2: {message}"] if message else [])


@pytest.mark.parametrize(("request_part", "message"), [
    ({"method": "GET /"}, "'GET /' is not a valid HTTP method."), ({"url": "m/x"}, "The URL has no scheme."),
    ({"url": "blob:http://a.test/1"}, "The scheme of the URL must be http or https, not 'blob'."), ({"method": None}, "The request has no method."),
])  # fmt: skip
def test_entry_that_is_not_a_request_is_reported(tmp_path, request_part, message):
    assert between(tmp_path, None, **request_part) == ([], [f"x.har, entry 2: {message}"])


@pytest.mark.parametrize(("old", "new", "paths"), [
    ("12.5", "NaN", ["/0", "/1", "/2"]), ('"ok"', '"o\tk\n"', ["/0", "/1", "/2"]), ("12.5", "undefined", ["/1", "/2"]),
    ('"ok"', '"o"k"', ["/1", "/2"]), ('"ok"}}', '"ok"}', ["/1", "/2"]), ("12.5", "12.5, // slow\n", ["/1", "/2"]),
    ('"entries": [', '"entries": [null, 5, ,', ["/0", "/1", "/2"]), ("]}}", "],}}", ["/0", "/1", "/2"]), ('{"log"', 'var har = {"log"', ["/0", "/1", "/2"]),
])  # fmt: skip
def test_entry_that_is_not_json_is_omitted(tmp_path, old, new, paths):
    exchanges, traffic = read(tmp_path, "x.har", har(entry("/0"), entry("/1"), entry("/2")).replace(old, new, 1))
    assert [exchange.request.path for exchange in exchanges] == paths
    assert any("not valid JSON" in text or "has no request" in text for text in traffic.messages)
    assert (traffic.unreadable >= 1) == (len(paths) < 3 or "null" in new)


def test_entries_after_a_damaged_one_keep_their_numbers(tmp_path):
    text = har(entry("/0"), entry("/1"), entry("/2"), entry("/3")).replace('"ok"', '"o"k"', 2).replace('"o"k"', '"ok"', 1)
    exchanges, traffic = read(tmp_path, "x.har", text)
    assert [(exchange.request.path, exchange.position) for exchange in exchanges] == [("/0", "entry 1"), ("/2", "entry 3"), ("/3", "entry 4")]
    assert any("entry 2" in message for message in traffic.messages)


@pytest.mark.parametrize("text", ["f() { [ ", "} ] } ", "a \\\\\" { "])
def test_brackets_in_a_long_body_are_text(tmp_path, text):
    long = entry("/long", response={"status": 200, "headers": [], "content": {"text": text * 200_000}})
    exchanges, _ = read(tmp_path, "x.har", har(entry("/0"), long, entry("/2")).replace("12.5", "NaN", 1))
    assert [exchange.request.path for exchange in exchanges] == ["/0", "/long", "/2"]
    assert exchanges[1].response.body == (text * 200_000).encode()


TRACE = {"http_buffered_trace": {
    "request": {"headers": [{"key": ":method", "value": "GET"}, {"key": ":path", "value": "/odd"}, {"key": "x", "value": "1"}]},
    "response": {"headers": [{"key": ":status", "value": "200"}], "body": {"as_string": "ok"}},
}}  # fmt: skip


@pytest.mark.parametrize(("side", "part", "message"), [
    ("request", {"headers": [*TRACE["http_buffered_trace"]["request"]["headers"], {"value": "v"}]}, "A header without a name or with an invalid value was omitted."),
    ("request", {"headers": [*TRACE["http_buffered_trace"]["request"]["headers"], None, {"key": "r", "raw_value": 5}]}, "A header without a name"),
    ("response", {"headers": [{"key": ":status", "value": "200"}], "body": {"as_bytes": "a"}}, "The body of the response is not valid base64"),
    ("response", {"headers": [{"key": ":status", "value": "?"}]}, "The response has no status and was omitted."),
])  # fmt: skip
def test_invalid_part_of_a_trace_is_omitted(tmp_path, side, part, message):
    trace = json.loads(json.dumps(TRACE))
    trace["http_buffered_trace"][side].update(part)
    exchanges, traffic = read(tmp_path, "x.tap", json.dumps(trace) + "\n" + json.dumps(TRACE))
    assert [exchange.request.path for exchange in exchanges] == ["/odd", "/odd"] and exchanges[0].request.headers["x"] == "1"
    assert message in traffic.messages[0] and len(traffic.messages) == 1 and traffic.unreadable == 0


@pytest.mark.parametrize("odd", [
    '{"http_buffered_trace": oops}', '{"http_buffered_trace": {"request": "}}', '{"http_buffered_trace": {"downstream_connection": "x"}}', "null", "7",
    '{"http_streamed_trace_segment": {"trace_id": [1]}}', '{"http_buffered_trace": ' + "[" * 2000 + "]" * 2000 + "}",
])  # fmt: skip
def test_line_that_is_not_a_trace_is_omitted(tmp_path, odd):
    exchanges, traffic = read(tmp_path, "x.tap", "\n".join((json.dumps(TRACE), odd, json.dumps(TRACE))))
    assert len(exchanges) == 2 and traffic.unreadable == 1


@pytest.mark.parametrize(("line", "message"), [
    ('{"method": "GET", "path": ["/m"]}', "The path is not text or contains a line break."), ('{"method": {"a": 1}, "path": "/m"}', "The method is not text"),
    ('{"method": "GET", "path": "/m\\n"}', "The path is not text"), ('{"method": "G T", "path": "/m"}', "'G T' is not a valid HTTP method."),
    ('{"method": "GET", "path": "http://[::1/m"}', "The URL can't be read"), ("[1]", "not a JSON object"), ("GET /m", "The line is not JSON."),
])  # fmt: skip
def test_log_line_that_is_not_an_exchange_is_reported(tmp_path, line, message):
    good = '{"method": "GET", "path": "/good", "response_code": 200}'
    exchanges, traffic = read(tmp_path, "x.log", "\n".join((good, line, good, "")))
    assert len(exchanges) == 2 and message in traffic.messages[0] and traffic.unreadable == 1


@pytest.mark.parametrize("line", [
    '2026-01-02T03:04:05.0Z stdout F {"method": "GET", "path": "/m"}', '{"log": "{\\"method\\": \\"GET\\", \\"path\\": \\"/m\\"}\\n", "stream": "stdout"}',
    '\ufeff{"method": "GET", "path": "/m"}', '{"method": " GET ", "path": "/m", "user_agent": "a\\r\\nb"}',
])  # fmt: skip
def test_lines_of_log_collectors_are_read(tmp_path, line):
    good = '{"method": "GET", "path": "/good", "response_code": 200}'
    exchanges, _ = read(tmp_path, "x.log", "\n".join((good, line, '{"method": "GET", "path": "/a"}{"method": "GET", "path": "/b"}')))
    assert [(exchange.request.method, exchange.request.path) for exchange in exchanges] == [("GET", "/good"), ("GET", "/m"), ("GET", "/a"), ("GET", "/b")]
    assert "user-agent" not in exchanges[1].request.headers


@pytest.mark.parametrize(("command", "paths", "message"), [
    ("curl http://a.test/m -H nocolon -H 'x: 1'", ["/m"], "The header 'nocolon' is not of the form NAME: VALUE and was omitted."),
    ("curl http://a.test/m http://a.test/n", ["/m", "/n"], ""), ("curl http://a.test/m --next http://a.test/n", ["/m", "/n"], ""),
    ("curl http://a.test/m ftp://a.test/n http://a.test/o", ["/m", "/o"], "The scheme of the URL must be http or https, not 'ftp'"),
    ("curl http://a.test/m > out.txt 2>&1", ["/m"], ""), ("curl http://a.test/m 2>/dev/null | jq . | head", ["/m"], ""),
    ("TOKEN=1 sudo curl http://a.test/m", ["/m"], ""), ("curl -b jar.txt http://a.test/m", ["/m"], "Cookies from a file"),
    ("curl http://$HOST/m", [], "The host '$HOST' is a shell variable, whose value is unknown."), ("curl 'http://a.test/m", [], "one of its quotes isn't closed"),
    ('curl "http://a.test/m\n# it', [], "one of its quotes isn't closed"), ("curl --frobnicate http://a.test/m", [], "unrecognized arguments: --frobnicate"),
])  # fmt: skip
def test_malformed_command_does_not_hide_the_next_one(tmp_path, command, paths, message):
    exchanges, traffic = read(tmp_path, "x.sh", f"curl http://a.test/before\n{command}\ncurl http://a.test/after\n")
    assert [exchange.request.path for exchange in exchanges] == ["/before", *paths, "/after"]
    assert len(traffic.messages) == bool(message) and message in "".join(traffic.messages)


@pytest.mark.parametrize("value", ["<a>1</a>", ">x", "a=1;", ";", "|", "&", "2>&1"])
@pytest.mark.parametrize("quoted", ["'{}'", '"{}"', "$'{}'", '^"{}^"'], ids=["single", "double", "ansi", "cmd"])
def test_quoted_operator_of_the_shell_is_a_value(tmp_path, quoted, value):
    flags = f"--data-raw {quoted.format(value)} -b {quoted.format('a=1;')}"
    (before, odd, after), traffic = read(tmp_path, "x.sh", f"curl http://a.test/1\ncurl http://a.test/2 {flags}\ncurl http://a.test/3\n")
    assert (odd.request.body.decode(), odd.request.headers["cookie"]) == (value, "a=1;")
    assert traffic.messages == [] and before.request.method == after.request.method == "GET"


def test_unquoted_operator_after_a_quoted_value_ends_the_command(tmp_path):
    exchanges, _ = read(tmp_path, "x.sh", "curl http://a.test/1 -d 'x'; curl -o f http://a.test/2 -d '<a>' >out 2>&1 && curl -d \"|\" http://a.test/3 | tee f\n")
    assert [(exchange.request.path, exchange.request.body) for exchange in exchanges] == [("/1", b"x"), ("/2", b"<a>"), ("/3", b"|")]


@pytest.mark.parametrize(("message", "paths", "notes"), [
    ("GET /m HTTP/1.1\r\nno colon\r\n: v\r\nx: 1\r\n\r\n", ["/m"], 1), ("POST /m HTTP/1.1\r\ncontent-length: 9999\r\n\r\nabc", ["/m"], 0),
    ("POST /m HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffff\r\nabc\r\n", ["/m"], 0),
    ("POST /m HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nabc\r\n", ["/m"], 1), ("get /m HTTP/1.1\r\n\r\n", ["/m"], 0),
    ("GET /m x HTTP/1.1\r\n\r\n", [], 1), ("HEAD /m HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n", ["/m"], 0),
    ("GET /m HTTP/1.1\r\n\r\nHTTP/1.1 304 Not Modified\r\ncontent-length: 20\r\n\r\n", ["/m"], 0),
])  # fmt: skip
def test_malformed_message_does_not_hide_the_next_one(tmp_path, message, paths, notes):
    good = "GET /%s HTTP/1.1\r\nhost: a.test\r\n\r\n"
    exchanges, traffic = read(tmp_path, "x.http", good % "before" + message + good % "after")
    assert [exchange.request.path for exchange in exchanges] == ["/before", *paths, "/after"]
    assert len(traffic.messages) == notes
