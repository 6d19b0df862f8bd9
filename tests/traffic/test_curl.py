"""Flags of curl, with the meaning that they have for curl."""

import argparse
import base64
import shlex

import pytest

from wasmnb.errors import UsageError
from wasmnb.traffic.curl import FLAGS, from_options


def curl(line):
    parser = argparse.ArgumentParser(exit_on_error=False)
    for names, options in FLAGS:
        parser.add_argument(*names, **options)
    parser.add_argument("url", nargs="?", default="/")
    options = parser.parse_args(shlex.split(line))
    return from_options(options, options.url)


def test_path_without_flags_is_a_get():
    request = curl("/a?b=1")
    assert (request.method, request.path, request.body) == ("GET", "/a?b=1", b"")
    assert [n for n, _ in request.headers] == ["user-agent", "accept"]


@pytest.mark.parametrize(
    ("line", "method", "body"),
    [
        ("-d a=1 /", "POST", b"a=1"),
        ("-d a=1 -d b=2 /", "POST", b"a=1&b=2"),
        ("--data a=1 --data-raw @b --data-urlencode 'c=d e' /", "POST", b"a=1&@b&c=d%20e"),
        ("--data-urlencode '=x y' --data-urlencode 'x y' /", "POST", b"x%20y&x%20y"),
        ("-X PUT -d x /", "PUT", b"x"),
        ("-I /", "HEAD", b""),
        ("-d '' /", "POST", b""),
        ("--json '{\"a\":1}' /", "POST", b'{"a":1}'),
        ("-sSkiLXPATCH --compressed /", "PATCH", b""),
    ],
)
def test_method_and_body_follow_curl(line, method, body):
    assert (curl(line).method, curl(line).body) == (method, body)


def test_data_is_a_form_unless_a_header_sets_the_type():
    assert ("content-type", "application/x-www-form-urlencoded") in curl("-d x /").headers
    types = [v for n, v in curl("-d x -H 'Content-Type: text/plain' /").headers if n == "content-type"]
    assert types == ["text/plain"]
    assert ("accept", "application/json") in curl("--json 1 /").headers


def test_headers_are_added_emptied_and_removed():
    headers = curl("-H 'X-A: 1' -H 'X-A: 2' -H 'X-B;' -H 'Accept:' /").headers
    assert [(n, v) for n, v in headers if n != "user-agent"] == [("x-a", "1"), ("x-a", "2"), ("x-b", "")]


def test_files_lose_line_ends_with_data_and_keep_them_with_data_binary(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"a\r\nb\n\0")
    assert curl(f"-d @{path} /").body == b"ab"
    assert curl(f"--data-binary @{path} /").body == b"a\r\nb\n\0"
    assert curl(f"--data-raw @{path} /").body == f"@{path}".encode()


def test_get_moves_the_data_to_the_query():
    request = curl("-G -d a=1 -d b=2 '/x?y=0'")
    assert (request.method, request.path, request.body) == ("GET", "/x?y=0&a=1&b=2", b"")


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://api.test:8080/x?y", "api.test:8080", "/x?y"),
        ("https://user@api.test", "api.test", "/"),
        ("api.test/x", "api.test", "/x"),
        ("/x", "", "/x"),
    ],
)
def test_urls_are_parsed_as_by_curl(url, authority, path):
    assert (curl(url).authority, curl(url).path) == (authority, path)


def test_host_header_becomes_the_authority():
    request = curl("-H 'Host: other.test' http://api.test/")
    assert request.authority == "other.test"
    assert "host" not in [n for n, _ in request.headers]


def test_header_flags_set_headers():
    headers = dict(curl("-u ann:secret -b a=1 -A me -e http://r/ /").headers)
    assert headers["authorization"] == "Basic " + base64.b64encode(b"ann:secret").decode()
    assert (headers["cookie"], headers["user-agent"], headers["referer"]) == ("a=1", "me", "http://r/")


def test_form_has_parts_and_uploads(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    request = curl(f"-F a=1 -F f=@{tmp_path}/a.json /")
    kind = dict(request.headers)["content-type"]
    boundary = kind.partition("boundary=")[2].encode()
    assert request.body.count(b"--" + boundary) == 3
    assert b'name="f"; filename="a.json"\r\ncontent-type: application/octet-stream\r\n\r\n{}\r\n' in request.body


@pytest.mark.parametrize("line", ["-d @/no/such/file /", "-H novalue /", "-F novalue /"])
def test_invalid_flag_is_a_usage_error(line):
    with pytest.raises(UsageError):
        curl(line)


def test_arguments_are_accepted_by_request():
    assert curl("-X PUT --worker 2 --http2 http://h/p").arguments == {
        "method": "PUT",
        "path": "/p",
        "headers": [("user-agent", curl("/").headers[0][1]), ("accept", "*/*")],
        "body": b"",
        "authority": "h",
        "worker": 2,
        "http2": True,
    }


@pytest.mark.parametrize("line", ["-m 0.5 /", "--max-time 0.5 /", "-sm0.5 /"])
def test_max_time_sets_the_timeout(line):
    assert curl(line).arguments["timeout"] == 0.5


def test_client_has_no_timeout_by_default():
    assert "timeout" not in curl("/").arguments


@pytest.mark.parametrize("line", ["-m 0 /", "-m -1 /", "-m soon /"])
def test_max_time_must_be_positive(line):
    with pytest.raises(argparse.ArgumentError, match="max-time"):
        curl(line)
