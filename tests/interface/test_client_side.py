"""Client options (timeouts, incomplete bodies, sessions) and access log records: the same in both proxies."""


import pytest

from wasmnb import Request, Response
from wasmnb.errors import UsageError

#: Logs facts of a stream at its end.
AT_END = "on_log: get_property response/code_details; get_property response/flags"


def log_text(exchange):
    return "\n".join(line.text for line in exchange.log)


@pytest.fixture(scope="module")
def quiet(proxy_class, guest):
    """A proxy whose upstream sends a body in slow chunks for `/slow`, waits for `/late`, and fails for `/broken`."""

    def upstream(request):
        if request.path == "/broken":
            raise ConnectionError
        if request.path == "/slow":
            return Response(200, chunks=[b"one,", b"two,", b"three"], delays=[0.0, 0.15, 0.3])
        return Response(200, body=b"late", latency=3.0 if request.path == "/late" else 0.0)

    options = {"request_state": True} if proxy_class.__name__ == "Envoy" else {}
    script = """on_request_headers: get_property filter_state/tenant; get_property metadata/filter_metadata/com.example/tier; get_property connection/id
""" + AT_END
    with proxy_class(guest, config=script, workers=1, upstream=upstream, **options) as proxy:
        yield proxy


# -- sending ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_json_body_has_its_content_type(proxy, method):
    exchange = getattr(proxy, method)("/pay", json={"amount": 1, "to": "Zoë"})
    assert exchange.upstream_request.method == method.upper()
    assert exchange.upstream_request.headers["content-type"] == "application/json"
    assert exchange.upstream_request.json() == {"amount": 1, "to": "Zoë"}
    assert exchange.response.json() == {"amount": 1, "to": "Zoë"}


def test_own_content_type_stays_with_json(proxy):
    exchange = proxy.post("/", {"content-type": "application/problem+json"}, json=None)
    assert exchange.upstream_request.headers.get_all("content-type") == ["application/problem+json"]
    assert exchange.upstream_request.body == b"null"


def test_two_bodies_are_refused(proxy):
    with pytest.raises(UsageError, match="one body"):
        proxy.post("/", body=b"a", json=1)


def test_upstream_waits_before_its_chunks(quiet):
    exchange = quiet.get("/slow")
    assert exchange.response.body == b"one,two,three"
    assert exchange.access_log.duration >= 0.45


# -- a client that leaves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("http2", [False, True])
def test_client_leaves_before_the_response(quiet, http2):
    exchange = quiet.get("/late", timeout=0.3, http2=http2)
    assert (exchange.state, exchange.response) == ("reset", None)
    assert "downstream_remote_disconnect" in log_text(exchange)
    record = exchange.access_log
    assert (record.response_code, record.response_flags) == (0, "DC")
    assert record.response_code_details == "downstream_remote_disconnect"


def test_client_leaves_in_the_middle_of_the_response(quiet):
    exchange = quiet.get("/slow", timeout=0.3)
    assert exchange.state == "reset"
    assert (exchange.response.status, exchange.response.reset) == (200, True)
    assert exchange.response.body in (b"one,two,", b"one,")
    assert exchange.access_log.response_flags == "DC"


@pytest.mark.parametrize("http2", [False, True])
def test_client_leaves_in_the_middle_of_its_body(quiet, http2):
    exchange = quiet.post("/", chunks=[b"ab", b"cd"], complete=False, timeout=0.3, http2=http2)
    assert (exchange.state, exchange.response) == ("reset", None)
    assert (exchange.access_log.bytes_received, exchange.access_log.response_flags) == (4, "DC")


def test_client_with_a_long_timeout_gets_the_response(quiet):
    exchange = quiet.get("/", timeout=5.0)
    assert (exchange.state, exchange.response.status) == ("done", 200)


def test_negative_timeout_is_refused(proxy):
    with pytest.raises(UsageError, match="timeout"):
        proxy.get("/", timeout=-1)


# -- access log -----------------------------------------------------------------------------------------------------------


def test_access_log_has_bytes_cluster_and_details(proxy):
    record = proxy.post("/x", body=b"abc").access_log
    assert (record.protocol, record.response_code, record.response_code_details) == ("HTTP/1.1", 200, "via_upstream")
    assert (record.bytes_received, record.bytes_sent, record.response_flags) == (3, 3, "")
    assert (record.upstream_cluster, record.upstream_request_attempt_count) == ("upstream", 1)
    assert 0 <= record.response_duration <= record.duration
    assert record.upstream_host.startswith("127.0.0.1:")
    assert record.request_id


def test_access_log_has_the_flag_of_a_failed_upstream(quiet):
    record = quiet.get("/broken").access_log
    assert (record.response_code, record.response_flags) == (503, "UC")
    assert record.response_code_details.startswith("upstream_reset_before_response_started{connection_termination}")


# -- properties and metadata ------------------------------------------------------------------------------------------------


def test_request_can_set_filter_state_and_metadata(quiet):
    exchange = quiet.get("/", properties={"filter_state.tenant": "acme"}, metadata={"com.example": {"tier": "gold", "n": 1}})
    assert "acme" in log_text(exchange)
    assert "gold" in log_text(exchange)
    assert not [name for name, _ in exchange.upstream_request.headers.items() if "wasmnb" in name]
    assert "acme" not in log_text(quiet.get("/"))


def test_metadata_without_a_namespace_is_refused(quiet):
    with pytest.raises(UsageError, match="for each namespace"):
        quiet.get("/", metadata={"tier": "gold"})


# -- keep-alive -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("http2", [False, True])
def test_session_keeps_its_connection(quiet, http2):
    with quiet.session(http2=http2) as session:
        exchanges = [session.get("/"), session.post("/", body=b"abc"), session.send(Request("GET", "/"))]
        assert [e.response.status for e in exchanges] == [200, 200, 200]
        records = [e.access_log for e in exchanges]
        assert len({r.connection_id for r in records}) == len({r.downstream_remote_address for r in records}) == 1
        assert [e.number for e in session.exchanges] == [e.number for e in exchanges]
    other = quiet.get("/").access_log
    assert other.connection_id != records[0].connection_id


def test_closed_session_refuses_requests(quiet):
    session = quiet.session()
    session.get("/")
    session.close()
    with pytest.raises(UsageError, match=r"closed.*session\(\)"):
        session.get("/")


def test_session_is_closed_by_a_client_that_leaves(quiet):
    session = quiet.session()
    assert session.get("/late", timeout=0.3).state == "reset"
    assert session.closed
    with pytest.raises(UsageError, match="is closed"):
        session.get("/")


def test_response_before_the_end_of_the_request_closes_the_connection(start):
    proxy = start("on_request_headers: send_local_response 403")
    with proxy.session() as session:
        exchange = session.post("/", chunks=[b"a", b"b"])
        assert exchange.response.status == 403
        assert exchange.response.headers["connection"] == "close"
        assert session.closed


def test_options_of_the_connection_are_refused_for_a_request(quiet):
    with quiet.session() as session, pytest.raises(UsageError, match="only for its connection"):
        session.get("/", http2=True)


def test_one_shot_requests_work_while_a_session_is_open(quiet):
    with quiet.session() as session:
        session.get("/")
        assert quiet.get("/").response.status == 200
        assert session.get("/").response.status == 200
