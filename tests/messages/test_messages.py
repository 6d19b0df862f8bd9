"""Header maps keep order, duplicates and every byte; messages convert their arguments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmnb import Headers, Request, Response, UsageError


def test_names_ignore_case_and_values_keep_their_order():
    headers = Headers([("Set-Cookie", "a"), ("x", "1"), ("set-cookie", "b")])
    assert headers.get_all("SET-COOKIE") == ["a", "b"]
    assert headers["set-cookie"] == "a"
    assert headers.items() == [("set-cookie", "a"), ("x", "1"), ("set-cookie", "b")]
    assert "X" in headers and "y" not in headers and 3 not in headers


def test_assignment_replaces_all_entries_at_the_first_place():
    headers = Headers([("a", "1"), ("b", "2"), ("a", "3")])
    headers["a"] = "new"
    headers["c"] = 5
    assert headers.items() == [("a", "new"), ("b", "2"), ("c", "5")]
    headers.add("c", b"\xff")
    del headers["a"]
    assert headers.raw == [(b"b", b"2"), (b"c", b"5"), (b"c", b"\xff")]


def test_missing_name_raises_or_returns_the_default():
    headers = Headers()
    assert headers.get("x") is None
    assert headers.get("x", "d") == "d"
    with pytest.raises(KeyError):
        headers["x"]
    with pytest.raises(KeyError):
        del headers["x"]


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8))))
def test_bytes_survive_the_conversion_to_text(pairs):
    shown = Headers(pairs).items()
    assert Headers(shown).raw == [(n.decode("utf-8", "surrogateescape").encode("utf-8", "surrogateescape").lower(), v) for n, v in pairs]


def test_headers_accept_mappings_and_headers():
    assert Headers({"A": "b"}) == Headers([("a", b"b")])
    one = Headers({"a": "b"})
    two = Headers(one)
    two["a"] = "c"
    assert one["a"] == "b"


def test_messages_encode_text_and_join_chunks():
    assert Request(body="é").body == "é".encode()
    request = Request(chunks=["a", b"b"])
    assert request.body == b"ab" and request.text == "ab"
    assert Response(404, {"x": "y"}, chunks=[b"1", b"2"]).body == b"12"


@pytest.mark.parametrize("headers", [b"body", "body", 5, ["ab", "c"], [("a",)]])
def test_headers_of_another_type_are_refused(headers):
    with pytest.raises(UsageError, match=r"Headers must be a mapping or \(name, value\) pairs"):
        Headers(headers)


@pytest.mark.parametrize("status", ["200", None, 200.5, b"200"])
def test_response_with_a_status_that_is_not_a_whole_number_is_refused(status):
    with pytest.raises(UsageError, match="status= of a Response must be a whole number, not"):
        Response(status)
