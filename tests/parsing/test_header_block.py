"""Lines of header blocks: the rules that their readers choose."""

from pathlib import Path

import pytest

import wasmnb
from wasmnb.parsing.header_block import LOWER_TOKEN, TOKEN, encode_header_block, parse_header_lines, parse_header_text

PACKAGE = Path(wasmnb.__file__).parent


def test_lines_keep_order_case_and_duplicates():
    assert parse_header_lines([b"A: 1", b"b:\t2 ", b"A:3"]) == [(b"A", b"1"), (b"b", b"2"), (b"A", b"3")]


@pytest.mark.parametrize(
    ("unfold", "pairs"),
    [
        (None, [(b"a", b"1")]),
        ("space", [(b"a", b"1 2")]),
        ("verbatim", [(b"a", b"1 \t 2")]),
    ],
)
def test_continued_line_is_joined_as_its_reader_chooses(unfold, pairs):
    assert parse_header_lines([b"a: 1", b" \t 2 "], unfold=unfold) == pairs


def test_empty_line_does_not_continue_a_value():
    malformed = []
    parse_header_lines([b"a: 1", b"", b"b: 2"], unfold="verbatim", on_malformed=lambda *line: malformed.append(line))
    assert malformed == [(1, b"")]


def test_malformed_line_is_replaced_by_what_the_reader_returns():
    lines = [b"a: 1", b"no colon", b": no name", b"b: 2"]
    kept = parse_header_lines(lines, on_malformed=lambda index, line: (b"%d" % index, line))
    assert kept == [(b"a", b"1"), (b"1", b"no colon"), (b"2", b": no name"), (b"b", b"2")]


def test_name_begins_with_a_colon_only_if_pseudo_headers_are_read():
    lines = [b":path: /a:b", b":alone"]
    assert parse_header_lines(lines) == []
    assert parse_header_lines(lines, pseudo=True) == [(b":path", b"/a:b")]


def test_written_block_is_read_again():
    pairs = [(b"a", b"1"), (b"b", b"")]
    start, *lines = encode_header_block(b"GET / HTTP/1.1", pairs).split(b"\r\n")
    assert (start, lines[-2:]) == (b"GET / HTTP/1.1", [b"", b""])
    assert parse_header_lines(lines) == pairs


@pytest.mark.parametrize("name", [b"x-user", b"x_y", b"!#$%&'*+-.^_`|~09az"])
def test_token_of_lower_case_is_a_token_in_both_versions_of_http(name):
    assert TOKEN.fullmatch(name) and LOWER_TOKEN.fullmatch(name)
    assert TOKEN.fullmatch(name + b"A") and not LOWER_TOKEN.fullmatch(name + b"A")


def test_pattern_of_a_token_is_defined_once():
    files = [path for path in PACKAGE.rglob("*.py") if "^_`|~" in path.read_text(encoding="utf-8")]
    assert files == [PACKAGE / "parsing" / "header_block.py"]


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\n", "ä".encode()])
def test_other_bytes_are_not_a_token(name):
    assert not TOKEN.fullmatch(name)


def test_header_without_a_name_is_read_as_envoy_sends_it():
    lines = [b"a: 1", b": 2", b"no colon"]
    assert parse_header_lines(lines, nameless=True) == [(b"a", b"1"), (b"", b"2")]
    assert parse_header_lines(lines) == [(b"a", b"1")]


def test_header_text_may_have_pseudo_headers_blank_lines_and_spaces():
    malformed = []
    pairs = parse_header_text(" X-A : 1 \n\n:authority: h.test\nnothing\nx-ä: ö\n", lambda index, line: malformed.append((index, line)))
    assert pairs == [(b"X-A", b"1"), (b":authority", b"h.test"), ("x-ä".encode(), "ö".encode())]
    assert malformed == [(2, b"nothing")]
