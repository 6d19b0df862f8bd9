"""Strategies: a proxy accepts all drawn values."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wasmnb import Proxy
from wasmnb.testing import send, strategies


@pytest.fixture(scope="module")
def echo():
    with Proxy(workers=1) as proxy:
        yield proxy


@settings(max_examples=min(60, settings.default.max_examples), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(strategies.requests())
def test_drawn_request_reaches_the_upstream_unchanged(echo, sent):
    exchange = send(echo, sent)
    assert exchange.state == "done", exchange.response
    assert exchange.response.status == 200
    seen = exchange.upstream_request
    assert (seen.method, seen.path, seen.body) == (sent.method, sent.path, sent.body)


@settings(max_examples=min(60, settings.default.max_examples), deadline=None)
@given(strategies.responses(latency=3.0))
def test_drawn_response_reaches_the_client(scripted):
    with Proxy(workers=1, upstream=scripted) as proxy:
        exchange = proxy.get("/")
    assert exchange.done
    assert exchange.response.status == (scripted.status or 503)


@given(strategies.chunkings(b"some body to be cut"))
def test_chunks_join_to_the_body(chunks):
    assert b"".join(chunks) == b"some body to be cut"


@given(strategies.chunkings())
def test_chunks_are_drawn_with_a_body(chunks):
    assert len(chunks) >= 1


@given(st.data())
def test_interleavings_keep_the_order_of_each_stream(data):
    order = data.draw(strategies.interleavings([1, 2, 3], ["a", "b"], []))
    assert [each.step for each in order if each.stream == 0] == [1, 2, 3]
    assert [step for number, step in order if number == 1] == ["a", "b"]
    assert len(order) == 5


@given(strategies.headers())
def test_drawn_values_have_no_control_characters(headers):
    assert all(byte >= 0x20 and byte != 0x7F for _, value in headers.raw for byte in value)
