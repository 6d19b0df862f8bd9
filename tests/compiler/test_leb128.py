"""Numbers, names and vectors of the binary format are read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmnb.parsing import leb128 as leb
from wasmnb.parsing.leb128 import Malformed, Reader


@given(st.integers(0, 2**32 - 1))
def test_unsigned_number_round_trips(value):
    assert Reader(leb.unsigned(value)).u32() == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_number_round_trips(value):
    assert Reader(leb.signed(value)).signed() == value


@given(st.text())
def test_name_round_trips(text):
    assert Reader(leb.name(text)).name() == text


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "ends"),
        (b"\x80\x80\x80\x80\x80\x80\x00", "long"),
        (b"\xff\xff\xff\xff\x7f", "large"),
        (b"\x80", "ends"),
    ],
)
def test_malformed_number_is_refused_with_its_offset(data, word):
    with pytest.raises(Malformed, match=word):
        Reader(data).u32()


def test_false_length_is_refused_before_allocation():
    with pytest.raises(Malformed, match="only 2 are left"):
        Reader(b"\xff\xff\xff\xff\x0fab").name()
    with pytest.raises(Malformed, match="bytes are left"):
        Reader(b"\xff\xff\xff\xff\x0fab").vector(lambda: 0)


def test_name_with_invalid_utf8_is_refused():
    with pytest.raises(Malformed, match="isn't valid UTF-8"):
        Reader(b"\x01\xff").name()


def test_reader_stays_within_its_range():
    reader = Reader(b"\x01\x02\x03", 0, 2)
    assert (reader.byte(), reader.byte(), reader.more) == (1, 2, False)
    with pytest.raises(Malformed):
        reader.byte()
