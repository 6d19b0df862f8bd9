"""Chunks of HTTP/1 bodies."""

import pytest

from wasmnb.parsing.chunked_body import encode_chunk, read_chunk_size


@pytest.mark.parametrize("data", [b"x", b"\r\n", b"a" * 16, bytes(range(256)) * 20])
def test_encoded_chunk_has_its_size_and_data(data):
    line, _, rest = encode_chunk(data).partition(b"\r\n")
    assert (read_chunk_size(line, strict=True), rest) == (len(data), data + b"\r\n")


def test_empty_data_does_not_end_the_body():
    assert encode_chunk(b"") == b""


@pytest.mark.parametrize(
    ("line", "strict", "lenient"),
    [
        (b"0", 0, 0),
        (b"a", 10, 10),
        (b"fF", 255, 255),
        (b"5;name=value", 5, 5),
        (b"5 ;name", 5, 5),
        (b"5\tname", 5, None),
        (b" 5", None, 5),
        (b"5\r", None, 5),
        (b"f" * 16, 2**64 - 1, 2**64 - 1),
        (b"0" * 17, None, None),
        (b"", None, None),
        (b";x", None, None),
        (b"+5", None, None),
        (b"-5", None, None),
        (b"0x5", None, None),
        (b"1_0", None, None),
        (b"5;a\rb", None, 5),
    ],
)
def test_sizes_are_read_strictly_as_envoy_does_or_leniently(line, strict, lenient):
    assert read_chunk_size(line, strict=True) == strict
    assert read_chunk_size(line) == lenient
