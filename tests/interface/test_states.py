"""States and records of exchanges, sessions and connections, which mean the same in both proxies."""

import pytest

from wasmnb import Plugin, Response
from wasmnb.errors import UsageError
from wasmnb.host import TcpReply

HTTP = pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])


def respond(request):
    """Respond late to `/late`, in slow chunks to `/chunks`, incompletely to `/cut`, never to `/broken`, and at once to the rest."""
    if request.path == "/broken":
        raise ConnectionError
    if request.path == "/chunks":
        return Response(200, chunks=[b"one,", b"two,", b"three"], delays=[0.0, 0.1, 2.0])
    if request.path == "/cut":
        return Response(200, chunks=[b"one,"], reset=True)
    return Response(200, body=b"body", latency=2.0 if request.path == "/late" else 0.0)


def facts(exchange):
    """Return what an exchange records, in a form that doesn't depend on times."""
    response, record = exchange.response, exchange.access_log
    return {
        "state": exchange.state,
        "done": exchange.done,
        "paused": exchange.paused.partition(" ")[0],
        "response": None if response is None else (response.status, response.body, response.reset),
        "upstream": (exchange.upstream_request is not None, exchange.upstream_complete, len(exchange.upstream_requests)),
        "upstream_response": exchange.upstream_response.status if exchange.upstream_response is not None else None,
        "ended": (exchange.duration > 0, record is not None),
        "record": None if record is None else (record.response_code, record.response_code_details, record.response_flags),
        "crash": exchange.crash is not None,
    }


def expected(state, response, upstream, details="", flags="", *, upstream_response=None, paused="", code=None):
    done = state not in ("open", "paused")
    code = (response[0] if response else 0) if code is None else code
    return {
        "state": state, "done": done, "paused": paused, "response": response, "upstream": upstream,
        "upstream_response": upstream_response, "ended": (done, done),
        "record": (code, details, flags) if done else None, "crash": False,
    }


WHOLE, NONE, PART = (True, True, 1), (False, False, 0), (True, False, 1)

#: Name -> the filter's script, options of the request, and the facts that both proxies record.
CASES = {
    "response": ("", {}, expected("done", (200, b"body", False), WHOLE, "via_upstream", upstream_response=200)),
    "local reply": ("on_request_headers: send_local_response 403", {}, expected("done", (403, b"", False), NONE)),
    "local reply of a filter that says it failed": (
        "on_request_headers: send_local_response 503 wasm_fail_stream", {},
        expected("done", (503, b"", False), NONE, "wasm_fail_stream"),
    ),
    "upstream breaks": (
        "", {"path": "/cut"},
        expected("reset", (200, b"one,", True), WHOLE, "upstream_reset_after_response_started{protocol_error}", "UPE", upstream_response=200),
    ),
    "trap in request": ("on_request_headers: trap", {}, expected("failed", (503, b"", False), NONE, "wasm_fail_stream")),
    "trap in response": (
        "on_response_headers: trap", {},
        expected("failed", (503, b"", False), WHOLE, "wasm_fail_stream", upstream_response=200),
    ),
    "trap after headers": (
        "on_response_body: trap", {"path": "/chunks"},
        expected("failed", (200, b"", True), WHOLE, "wasm_fail_stream", upstream_response=200),
    ),
    "filter closes request": (
        "on_request_headers: close_stream REQUEST", {}, expected("reset", (0, b"", True), NONE, "wasm_close_stream"),
    ),
    "filter closes response": (
        "on_response_headers: close_stream RESPONSE", {},
        expected("reset", (0, b"", True), WHOLE, "via_upstream", upstream_response=200, code=200),
    ),
    "filter pauses request": ("on_request_headers: return 1", {}, expected("paused", None, NONE, paused="request")),
    "filter pauses body": (
        "on_request_body: return 1", {"method": "POST", "body": b"abc"}, expected("paused", None, PART, paused="request"),
    ),
    "filter pauses response": (
        "on_response_headers: return 1", {}, expected("paused", None, WHOLE, upstream_response=200, paused="response"),
    ),
    "filter pauses response body": (
        "on_response_body: return 1", {},
        expected("paused", (200, b"", False), WHOLE, upstream_response=200, paused="response"),
    ),
    "slow upstream": ("", {"path": "/late"}, expected("open", None, WHOLE)),
    "slow chunks": ("", {"path": "/chunks"}, expected("open", (200, b"one,two,", False), WHOLE, upstream_response=200)),
    "client leaves": (
        "", {"path": "/late", "timeout": 0.2}, expected("reset", None, WHOLE, "downstream_remote_disconnect", "DC"),
    ),
}  # fmt: skip


@HTTP
@pytest.mark.parametrize("case", CASES)
def test_exchange_records_what_the_client_saw(start, case, http2):
    script, options, facts_of_case = CASES[case]
    exchange = start(script, upstream=respond).request(**{"wait": 0.5, "http2": http2, **options})
    assert facts(exchange) == facts_of_case
    assert (exchange.http2, exchange.timeout) == (http2, options.get("timeout"))
    assert exchange.details == facts_of_case["record"][1] if facts_of_case["record"] else exchange.details == ""
    assert exchange.elapsed >= exchange.duration


@HTTP
def test_upstream_without_a_response_is_recorded(start, http2):
    exchange = start(upstream=respond).get("/broken", http2=http2)
    assert (exchange.state, exchange.response.status, exchange.upstream_response) == ("done", 503, None)
    assert exchange.upstream_complete


@HTTP
def test_invalid_request_is_refused(start, http2):
    exchange = start(upstream=respond).get("without-slash", http2=http2)
    assert (exchange.state, exchange.upstream_request, exchange.upstream_complete) == ("refused", None, False)
    assert exchange.response.status == (0 if http2 else 400)
    assert exchange.access_log.response_flags == "DPE"


@HTTP
def test_crash_is_recorded(start, http2):
    exchange = start("on_log: send_local_response 403", upstream=respond).get("/", http2=http2)
    assert (exchange.state, exchange.done, bool(exchange.crash.text)) == ("crashed", True, True)


def test_records_are_complete_after_the_proxy_is_closed(start):
    proxy = start("on_request_headers: trap")
    exchange = proxy.get("/")
    proxy.close()
    assert (exchange.state, exchange.access_log.response_code) == ("failed", 503)


def test_wire_has_the_bytes_of_the_response(start):
    exchange = start("", upstream=respond).get("/")
    assert exchange.wire.startswith(b"HTTP/1.1 200 OK\r\n")
    assert exchange.wire.endswith(b"body")


# -- sessions -----------------------------------------------------------------------------------------------------------

#: Name -> the filter's script, path of the first request, and whether an HTTP/1.1 and an HTTP/2 connection are closed after it.
SESSIONS = {
    "response": ("", "/", False, False),
    "local reply": ("on_request_headers: send_local_response 403", "/", False, False),
    "trap": ("on_request_headers: trap", "/", False, False),
    "trap after headers": ("on_response_body#1: trap", "/chunks", True, False),
    "filter closes": ("on_request_headers: close_stream REQUEST", "/", True, False),
    "upstream breaks": ("", "/cut", True, False),
    "filter pauses": ("on_request_headers: return 1", "/", False, False),
    "slow upstream": ("", "/late", False, False),
}


@HTTP
@pytest.mark.parametrize("case", SESSIONS)
def test_session_is_closed_by_the_same_exchanges(start, case, http2):
    script, path, *closed = SESSIONS[case]
    proxy = start(script, upstream=respond)
    with proxy.session(http2=http2) as session:
        session.get(path, wait=0.4)
        assert session.closed == closed[http2]
    assert session.closed


@HTTP
def test_session_is_closed_when_the_client_leaves(start, http2):
    with start(upstream=respond).session(http2=http2) as session:
        assert session.get("/late", timeout=0.2).state == "reset"
        assert session.closed
        with pytest.raises(UsageError, match="is closed"):
            session.get("/")


def test_http1_session_refuses_a_request_while_a_response_is_due(start):
    with start(upstream=respond).session() as session:
        first = session.get("/late", wait=0.2)
        with pytest.raises(UsageError, match=f"Exchange {first.number} isn't complete"):
            session.get("/")


@pytest.mark.parametrize("script", ["", "on_request_headers#1: return 1"])
def test_http2_session_continues_beside_an_exchange_that_has_not_ended(start, script):
    proxy = start("", upstream=respond)
    with proxy.session(http2=True) as session:
        first = session.get("/late", {"x-script": script}, wait=0.2)
        second = session.get("/second")
        assert first.state == ("paused" if script else "open")
        assert (second.state, second.response.body) == ("done", b"body")
        assert second.access_log.response_code == 200
        assert session.exchanges.total == 2


# -- TCP ----------------------------------------------------------------------------------------------------------------


def closing(data):
    """Respond to data, and close the connection."""
    return TcpReply(b"bye", close=True) if data else None


def outcome(exchange):
    return (exchange.state, exchange.done, exchange.ended, exchange.closed_by_proxy, exchange.received, exchange.upstream_received)


#: Name -> the filter's script, the upstream, whether the client reads before it closes, and the outcome.
CONNECTIONS = {
    "client closes": ("", None, True, ("done", True, True, False, b"hello", b"hello")),
    "client closes without reading": ("", None, False, ("done", True, True, False, b"hello", b"hello")),
    "upstream closes": ("", closing, True, ("done", True, True, True, b"bye", b"hello")),
    "filter closes": ("on_downstream_data: close_stream DOWNSTREAM", None, True, ("done", True, True, True, b"", b"")),
    "filter fails": ("on_downstream_data: trap", None, True, ("failed", True, True, True, b"", b"")),
}


@pytest.mark.parametrize("case", CONNECTIONS)
def test_connection_ends_in_the_same_state(proxy_class, guest, case):
    script, upstream, reads, expected_outcome = CONNECTIONS[case]
    with proxy_class(Plugin(guest, config=script, kind="network"), workers=1, upstream=upstream) as proxy:
        connection = proxy.connect().send("hello")
        while reads and connection.read(wait=0.5):
            pass
        first = outcome(connection.close())
        assert first == expected_outcome
        assert outcome(connection.close()) == outcome(connection.reset()) == first
        exchange = connection.exchange
        assert (exchange.duration >= 0, exchange.sent_chunks, exchange.crash) == (True, [b"hello"], None)


def test_connection_that_a_filter_holds_has_not_ended(proxy_class, guest):
    with proxy_class(Plugin(guest, config="on_downstream_data: return 1", kind="network"), workers=1) as proxy:
        exchange = proxy.connect().send("hello").close()
        assert (exchange.done, exchange.ended, exchange.closed_by_proxy, exchange.upstream_received) == (False, False, False, b"")
        assert exchange.state == ("paused" if exchange.paused else "open")


def test_held_bytes_do_not_arrive_when_the_other_direction_passes(proxy_class, guest):
    def late(data):
        return TcpReply(b"late", latency=0.5) if data else None

    plugin = Plugin(guest, config="on_downstream_data#2: return 1", kind="network")
    with proxy_class(plugin, workers=1, upstream=late) as proxy:
        connection = proxy.connect().send("one")
        assert connection.read(wait=None) is None
        connection.send("two")
        assert connection.read(wait=2.0) == b"late"
        exchange = connection.exchange
        assert (exchange.upstream_received, exchange.done) == (b"one", False)
        assert exchange.state == ("paused" if exchange.reports_callbacks else "open")


def test_received_bytes_are_known_before_they_are_read(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send("hello")
        assert connection.received == connection.exchange.received == b"hello"
        assert connection.read(wait=None) == b"hello"
        assert connection.read(wait=None) is None


def test_closed_connection_reads_what_is_left_and_then_the_end(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send("hello")
        connection.close()
        assert [connection.read() for _ in range(2)] == [b"hello", b""]
        connection.reset()
        for action in (connection.end, lambda: connection.send("more")):
            with pytest.raises(UsageError, match="closed"):
                action()


def test_reset_connection_is_reset(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send("hello")
        assert connection.read() == b"hello"
        assert outcome(connection.reset()) == ("reset", True, True, False, b"hello", b"hello")
        assert connection.read() == b""


def test_client_that_closes_its_side_first_can_still_close_the_rest(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send("hello", end=True)
        assert connection.exchange.half_closed
        assert [connection.read(wait=1.0) for _ in range(2)] == [b"hello", b""]
        assert outcome(connection.close()) == ("done", True, True, True, b"hello", b"hello")
