"""Header maps and property paths round-trip through the ABI's encoding, and malformed ones are detected."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from wasmnb.abi import decode_pairs, decode_path, encode_pairs, encode_path

PAIRS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=12)


@given(PAIRS)
def test_pairs_round_trip(pairs):
    assert decode_pairs(encode_pairs(pairs)) == pairs


def test_layout_is_the_specifications():
    assert encode_pairs([(b"a", b"bc"), (b"", b"")]) == (
        struct.pack("<I", 2) + struct.pack("<IIII", 1, 2, 0, 0) + b"a\0bc\0" + b"\0\0"
    )
    assert encode_pairs([]) == b""


@given(PAIRS.filter(bool), st.data())
def test_missing_or_surplus_byte_is_detected(pairs, data):
    encoded = encode_pairs(pairs)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    assert decode_pairs(encoded[:cut]) is None
    assert decode_pairs(encoded + b"x") is None


@given(st.binary(max_size=64))
def test_garbage_never_raises(garbage):
    pairs = decode_pairs(garbage)
    assert pairs is None or decode_pairs(encode_pairs(pairs)) == pairs


def test_huge_counts_do_not_allocate():
    assert decode_pairs(b"\xff\xff\xff\xff" + b"\0" * 16) is None


def test_missing_zero_bytes_are_detected():
    good = encode_pairs([(b"a", b"b")])
    assert decode_pairs(good[:-1] + b"x") is None
    assert decode_pairs(good.replace(b"a\0", b"ax")) is None


def test_paths_are_joined_by_nul_and_may_end_with_one():
    assert encode_path(("request", b"path")) == b"request\0path"
    assert decode_path(b"request\0path") == decode_path(b"request\0path\0") == [b"request", b"path"]
    assert decode_path(b"") == []
