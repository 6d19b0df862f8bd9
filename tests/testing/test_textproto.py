"""Protocol buffers' text format: valid texts and malformed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmnb.testing import FixtureError
from wasmnb.testing.declarative_tests.readers.nodes import MessageNode, Scalar
from wasmnb.testing.declarative_tests.readers.textproto import read_textproto


def read(text):
    return read_textproto(text if isinstance(text, bytes) else text.encode(), "t.textpb")


def plain(node):
    """Convert nodes to lists of pairs, and scalars to bytes."""
    if isinstance(node, MessageNode):
        return [(e.name, plain(e.value)) for e in node.entries]
    return node.data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only a comment", []),
        ('a: "x" # after\nb: 1', [("a", b"x"), ("b", b"1")]),
        ("a { b { c: 1 } }", [("a", [("b", [("c", b"1")])])]),
        ("a: { b: 1 }", [("a", [("b", b"1")])]),
        ("a < b: 1 >", [("a", [("b", b"1")])]),
        ("a: < b { c: 1 } >;", [("a", [("b", [("c", b"1")])])]),
        ("a: 1, b: 2; c: 3", [("a", b"1"), ("b", b"2"), ("c", b"3")]),
        ("a: [1, 2] a: 3", [("a", b"1"), ("a", b"2"), ("a", b"3")]),
        ("a [{ b: 1 }, { b: 2 }]", [("a", [("b", b"1")]), ("a", [("b", b"2")])]),
        ("a: []", []),
        ("a: 'it\\'s' \"!\"\n  'more'", [("a", b"it's!more")]),
        (r'a: "\n\t\\\"\x41\101\0\u20ac\U0001F600"', [("a", b'\n\t\\"AA\x00' + "€😀".encode())]),
        ('a: "é"', [("a", "é".encode())]),
        (
            "a: -1 b: - 2 c: 0x1F d: 017 e: 1.5e3f f: -inf",
            [(n, v) for n, v in zip("abcdef", [b"-1", b"-2", b"0x1F", b"017", b"1.5e3f", b"-inf"])],
        ),
        ("a: true b: SOME_NAME", [("a", b"true"), ("b", b"SOME_NAME")]),
        ("[type.example.com/some.Name] { a: 1 }", [("[type.example.com/some.Name]", [("a", b"1")])]),
    ],
)
def test_text_format_is_parsed(text, expected):
    assert plain(read(text)) == expected


def test_entries_have_their_lines():
    block = read('a: 1\n\nb {\n  c: "x"\n     "y"\n  d: 2 }')
    inner = block.entries[1].value
    assert [e.line for e in block.entries] == [1, 3]
    assert [e.line for e in inner.entries] == [4, 6]


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("a {\n b: 1", 2, "a", "'{' of line 1 is never closed"),
        ("a: 1\n}", 2, "", "expected the name of a field, found '}'"),
        ("a {\n  b: [1 2] }", 2, "a.b", "expected ',' or ']'"),
        ('a: "x', 1, "", "doesn't end on its line"),
        ('a: "x\ny"', 1, "", "doesn't end on its line"),
        (r'a { b: "\q" }', 1, "a.b", "unknown escape \\q"),
        (r'a: "\U00110000"', 1, "a", "U+110000 is not a valid character"),
        (r'a: "\ud800"', 1, "a", "U+D800 is not a valid character"),
        ('a "x"', 1, "a", "':' or a message"),
        ("a: }", 1, "a", "expected a value"),
        ("a:", 1, "a", "expected a value, found the end of the file"),
        ("a: 1\n€", 2, "", "unexpected character '€'"),
        ("[a.b", 1, "", "never closed"),
        ("a: 1x", 1, "", "unexpected character"),
        ("a { b: 1 >", 1, "a", "expected the name of a field, found '>'"),
    ],
)
def test_malformed_text_raises_with_file_line_and_field(text, line, field, message):
    with pytest.raises(FixtureError) as caught:
        read(text)
    assert message in str(caught.value)
    assert (caught.value.place.file, caught.value.place.line, caught.value.place.field) == ("t.textpb", line, field)


def test_messages_nest_at_most_a_hundred_deep():
    read("a {" * 100 + "}" * 100)
    with pytest.raises(FixtureError, match="100 levels deep"):
        read("a {" * 5000 + "}" * 5000)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_parse_or_raise_with_a_line(data):
    try:
        read(data)
    except FixtureError as error:
        assert error.place.line >= 1


@given(st.binary(max_size=60))
def test_escaped_string_is_read_back(data):
    written = "".join(f"\\{byte:03o}" for byte in data)
    value = read(f'a: "{written}"').entries[0].value
    assert value == Scalar("string", data, 1)
