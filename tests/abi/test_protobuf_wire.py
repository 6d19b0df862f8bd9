"""Protobuf's wire format: numbers, fields, and malformed messages."""

import pytest

from wasmnb.abi.protobuf_wire import Malformed, read_fields, read_varint, write_field, write_varint


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**32, 2**64 - 1])
def test_number_is_read_up_to_64_bits(value):
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    data = bytes(g | 0x80 for g in groups[:-1]) + bytes(groups[-1:])
    assert read_varint(b"x" + data + b"y", 1, len(data) + 2) == (value, len(data) + 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\x80", "ends in the middle"), (b"\xff" * 9 + b"\x02", "too large"), (b"\x80" * 11, "too long")],
)
def test_number_that_violates_the_format_is_refused(data, message):
    with pytest.raises(Malformed, match=message):
        read_varint(data, 0, len(data))


def test_fields_have_numbers_and_values():
    data = b"\x08\x96\x01" + b"\x11" + b"12345678" + b"\x1a\x02ab" + b"\x25" + b"1234"
    assert list(read_fields(data)) == [(1, 150), (2, b"12345678"), (3, b"ab"), (4, b"1234")]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\x1a\x05ab", "should have 5 bytes"), (b"\x11123", "should have 8 bytes"), (b"\x02\x00", "number 0"), (b"\x0b", "wire type 3")],
)  # fmt: skip
def test_message_that_violates_the_format_is_refused(data, message):
    with pytest.raises(Malformed, match=message):
        list(read_fields(data))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 2**64 - 1])
def test_number_is_read_as_it_was_written(value):
    assert read_varint(write_varint(value), 0, 10) == (value, len(write_varint(value)))


@pytest.mark.parametrize(
    ("value", "data"),
    [(-1, b"\x08" + b"\xff" * 9 + b"\x01"), (300, b"\x08\xac\x02"), (True, b"\x08\x01"), (0.5, b"\x09" + b"\0" * 6 + b"\xe0\x3f"), (b"ab", b"\x0a\x02ab")],
)  # fmt: skip
def test_field_is_written_with_its_wire_type(value, data):
    assert write_field(1, value) == data
