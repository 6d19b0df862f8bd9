"""The four messages of an exchange."""

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
    for station in ("client sent", "upstream got", "upstream sent", "client got"):
        assert station in text


def test_changes_are_marked_with_signs(samples):
    changes = rows(exchange_text(samples.exchange()))
    assert ("~", "x-user", "ann", "ANN") in changes
    assert ("-", "cookie", "secret", "—") in changes
    assert ("+", "x-checked", "—", "yes") in changes
    assert ("accept", "*/*", "*/*") in changes
    assert ("~", "body", "5", "bytes", "5", "bytes") in changes


def test_html_has_signs_in_addition_to_colours(samples):
    html = exchange_html(samples.exchange())
    for sign in (">+<", ">-<", ">~<"):
        assert sign in html


def test_title_has_the_result(samples):
    assert "#1 POST /pay?x=1 → 200" in exchange_text(samples.exchange())
    assert "→ no response" in exchange_text(samples.exchange(response=None, state="failed"))
    assert "paused" in exchange_text(samples.exchange(response=None, state="paused"))


def test_local_response_is_not_shown_as_header_changes(samples):
    exchange = samples.exchange(upstream_request=None, upstream_response=None, response=Response(403, [("x", "y")], b"no"))
    text = exchange_text(exchange)
    assert "The proxy sent a local reply; the upstream got no request." in text
    assert not [line for line in text.splitlines() if line.startswith(("+", "-", "~"))]


def test_unchanged_exchange_has_a_message(samples):
    exchange = samples.exchange()
    exchange.upstream_request, exchange.response = exchange.request, exchange.upstream_response
    assert "The filter changed nothing." in exchange_text(exchange)


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
def test_bodies_are_previewed_by_content_type(data, kind, start):
    data = data if isinstance(data, bytes) else data.encode()
    assert body_kind(data) == kind
    assert body_text(data).startswith(start)


def test_long_bodies_show_how_much_was_cut():
    assert "cut; the body has 50,000,000 bytes" in body_text(b"x" * 50_000_000)
    assert "more" in body_text(bytes(range(256)) * 4)


def test_exchange_shows_its_log_and_calls(samples):
    text = exchange_text(samples.exchange())
    assert "checked ann" in text
    assert 'get_header_map_value(REQUEST_HEADERS, "x-user") → "ann"' in text


def test_headers_added_by_envoy_are_not_attributed_to_the_filter(samples):
    exchange = samples.exchange()
    exchange.response.headers.add("date", "now")
    exchange.response.headers.add("x-envoy-upstream-service-time", "3")
    lines = exchange_text(exchange).splitlines()
    assert [line.split()[:2] for line in lines if "date" in line] == [["Envoy", "date"]]
    assert [line.split()[0] for line in lines if "service-time" in line] == ["Envoy"]


def test_headers_written_by_the_filter_are_attributed_to_it(samples):
    exchange = samples.exchange()
    exchange.upstream_request.headers.add("x-request-id", "1")
    call = {"map_type": HeaderMapType.REQUEST_HEADERS, "key": b"X-Request-Id", "value": b"1"}
    exchange.events.append(samples.Event(9, "hostcall", "replace_header_map_value", call))
    assert [line.split()[0] for line in exchange_text(exchange).splitlines() if "x-request-id" in line][0] == "+"


def test_header_that_envoy_restores_is_attributed_to_envoy(samples):
    exchange = samples.exchange()
    exchange.response.headers.add("content-length", "5")
    call = {"map_type": HeaderMapType.RESPONSE_HEADERS, "key": b"content-length"}
    exchange.events.append(samples.Event(9, "hostcall", "remove_header_map_value", call))
    assert [line.split()[0] for line in exchange_text(exchange).splitlines() if "content-length" in line][0] == "Envoy"


def test_earlier_failure_is_shown_with_time_and_place():
    source = 'class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        {}["x"]\n'
    with Proxy(Filter.from_source(source), workers=1) as proxy:
        first, second = exchange_text(proxy.get("/")), exchange_text(proxy.get("/"))
    assert "✗ proxy_on_request_headers failed: KeyError: 'x'" in first
    assert "✗ the filter has failed on worker-1 since #1: proxy_on_request_headers failed: KeyError: 'x'" in second
