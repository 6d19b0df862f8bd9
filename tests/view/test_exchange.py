"""An exchange at its four stations."""

import pytest

from wasmnb import Filter, Proxy
from wasmnb.abi import HeaderMapType
from wasmnb.messages import Response
from wasmnb.view import exchange_html, exchange_text
from wasmnb.view.documents.traffic.body import body_kind, body_text
from wasmnb.view.documents.traffic.header_diff import diff_pairs


def rows(text):
    return {tuple(line.split()) for line in text.splitlines()}


def test_each_station_has_its_column(samples):
    text = exchange_text(samples.exchange())
    for station in ("client sent", "upstream got", "upstream answered", "client got"):
        assert station in text


def test_changes_are_marked_with_signs(samples):
    found = rows(exchange_text(samples.exchange()))
    assert ("~", "x-user", "ann", "ANN") in found
    assert ("-", "cookie", "secret", "—") in found
    assert ("+", "x-checked", "—", "yes") in found
    assert ("accept", "*/*", "*/*") in found
    assert ("~", "body", "5", "bytes", "5", "bytes") in found


def test_signs_stand_in_html_too_so_that_colour_is_an_extra(samples):
    html = exchange_html(samples.exchange())
    for sign in (">+<", ">-<", ">~<"):
        assert sign in html


def test_title_says_what_came_of_it(samples):
    assert "#1 POST /pay?x=1 → 200" in exchange_text(samples.exchange())
    assert "→ no answer" in exchange_text(samples.exchange(response=None, state="failed"))
    assert "paused" in exchange_text(samples.exchange(response=None, state="paused"))


def test_local_response_is_not_drawn_as_a_row_of_changes(samples):
    x = samples.exchange(upstream_request=None, upstream_response=None, response=Response(403, [("x", "y")], b"no"))
    text = exchange_text(x)
    assert "Answered in the proxy; the upstream saw nothing." in text
    assert not [line for line in text.splitlines() if line.startswith(("+", "-", "~"))]


def test_nothing_changed_is_said(samples):
    x = samples.exchange()
    x.upstream_request, x.response = x.request, x.upstream_response
    assert "The filter changed nothing." in exchange_text(x)


def test_duplicates_are_paired_by_value_first():
    entries = diff_pairs([(b"a", b"1"), (b"a", b"2")], [(b"a", b"2"), (b"b", b"3")])
    assert [(e.name, e.before, e.after, e.change) for e in entries] == [
        (b"a", b"2", b"2", "same"),
        (b"a", b"1", None, "removed"),
        (b"b", None, b"3", "added"),
    ]


@pytest.mark.parametrize(
    ("data", "kind", "start"),
    [
        (b"", "empty", ""),
        (b'{"a":[1,2]}', "json", '{\n  "a": ['),
        (b"[" * 100_000, "text", "[[["),
        (b"hello", "text", "hello"),
        (b"\x00\x01\xff" * 10, "hex", "00000000  00 01 ff"),
        ("é" * 9000, "text", "é"),
    ],
)
def test_bodies_are_previewed_by_what_they_are(data, kind, start):
    data = data if isinstance(data, bytes) else data.encode()
    assert body_kind(data) == kind
    assert body_text(data).startswith(start)


def test_long_bodies_say_what_was_cut():
    assert "cut here; the body has 50,000,000 bytes" in body_text(b"x" * 50_000_000)
    assert "more" in body_text(bytes(range(256)) * 4)


def test_log_and_calls_of_the_exchange_are_there(samples):
    text = exchange_text(samples.exchange())
    assert "checked ann" in text
    assert 'get_header_map_value(REQUEST_HEADERS, "x-user") → "ann"' in text


def test_what_envoy_adds_is_not_called_the_filters(samples):
    x = samples.exchange()
    x.response.headers.add("date", "now")
    x.response.headers.add("x-envoy-upstream-service-time", "3")
    lines = exchange_text(x).splitlines()
    assert [line.split()[:2] for line in lines if "date" in line] == [["Envoy", "date"]]
    assert [line.split()[0] for line in lines if "service-time" in line] == ["Envoy"]


def test_what_the_filter_wrote_is_its_own_whatever_the_name(samples):
    x = samples.exchange()
    x.upstream_request.headers.add("x-request-id", "1")
    call = {"map_type": HeaderMapType.REQUEST_HEADERS, "key": b"X-Request-Id", "value": b"1"}
    x.events.append(samples.Event(9, "hostcall", "replace_header_map_value", call))
    assert [line.split()[0] for line in exchange_text(x).splitlines() if "x-request-id" in line][0] == "+"


def test_what_envoy_adds_after_a_filter_has_removed_it_is_envoys(samples):
    x = samples.exchange()
    x.response.headers.add("content-length", "5")
    call = {"map_type": HeaderMapType.RESPONSE_HEADERS, "key": b"content-length"}
    x.events.append(samples.Event(9, "hostcall", "remove_header_map_value", call))
    assert [line.split()[0] for line in exchange_text(x).splitlines() if "content-length" in line][0] == "Envoy"


def test_a_filter_that_failed_earlier_says_when_and_where():
    source = 'class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        {}["x"]\n'
    with Proxy(Filter.from_source(source), workers=1) as proxy:
        first, second = exchange_text(proxy.get("/")), exchange_text(proxy.get("/"))
    assert "✗ proxy_on_request_headers failed: KeyError: 'x'" in first
    assert "✗ the filter has been down on worker-1 since #1: proxy_on_request_headers failed: KeyError: 'x'" in second
