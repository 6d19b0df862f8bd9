"""Builders of requests, responses and exchanges."""

import pytest

from wasmnb.messages import Headers
from wasmnb.testing import exchange, request, response, send


def test_request_is_a_get_without_a_body():
    assert (request("/a").method, request("/a", body="x").method, request("/a", chunks=[]).method) == (
        "GET",
        "POST",
        "POST",
    )
    assert request("/a", method="PUT").method == "PUT"


def test_json_and_forms_set_the_content_type():
    sent = request(json={"a": "é"})
    assert (sent.body, sent.headers["content-type"]) == ('{"a":"é"}'.encode(), "application/json")
    assert request(form={"a": [1, 2], "b": "x y"}).body == b"a=1&a=2&b=x+y"
    assert (
        request(json=1, headers={"content-type": "application/ld+json"}).headers["content-type"]
        == "application/ld+json"
    )


def test_query_cookies_and_credentials_are_encoded():
    sent = request("/a?x=1", query={"q": "a b"}, cookies={"a": "1", "b": "2"}, bearer="t")
    assert (sent.path, sent.headers["cookie"], sent.headers["authorization"]) == (
        "/a?x=1&q=a+b",
        "a=1; b=2",
        "Bearer t",
    )
    assert request(basic=("a", "b")).headers["authorization"] == "Basic YTpi"


def test_two_bodies_raise_type_error():
    with pytest.raises(TypeError, match="body= and json= were passed"):
        request(body="x", json=1)
    with pytest.raises(TypeError, match="json= and chunks= were passed"):
        response(json=1, chunks=["a"])


def test_chunks_join_to_the_body():
    built = response(chunks=["a", b"b"], latency=2.0)
    assert (built.body, built.chunks, built.latency) == (b"ab", [b"a", b"b"], 2.0)


def test_exchange_has_the_type_of_the_host():
    built = exchange(request("/a"), response(404), upstream_request=request("/b"), state="failed")
    assert repr(built) == "<Exchange 1: GET /a -> 404 (failed)>"
    assert (built.upstream_request.path, list(built.log), built.done) == ("/b", [], True)
    assert not exchange(state="paused").done


def test_send_passes_all_parts(make_proxy):
    proxy = make_proxy(
        "class Pass(HttpContext):\n    pass\n", upstream=lambda r: response(201, r.body, headers=r.headers)
    )
    sent = request("/a", method="PUT", headers=Headers([("x", "1"), ("x", "2")]), chunks=["a", "b"], authority="h.com")
    exchange = send(proxy, sent, worker=1)
    seen = exchange.upstream_request
    assert (exchange.response.status, seen.method, seen.path, seen.authority, seen.body) == (201, "PUT", "/a", "h.com", b"ab")
    assert seen.headers.get_all("x") == ["1", "2"]
