"""The interface that `Proxy` and `Envoy` share: every test runs on both."""

import inspect

import pytest

from wasmnb import Envoy, Plugin, Proxy, Request, Response
from wasmnb.abi import LogLevel
from wasmnb.errors import UsageError
from wasmnb.envoy.comparison import interfaces
from wasmnb.host import proxy_interface
from wasmnb.host.settings import ProxySettings

PAUSE = "on_request_headers: return 1"

#: Interface -> the classes of both proxies that implement it.
IMPLEMENTATIONS = {
    proxy_interface.ProxyInterface: interfaces.PROXIES,
    proxy_interface.WorkerInterface: interfaces.WORKERS,
    proxy_interface.SessionInterface: interfaces.SESSIONS,
    proxy_interface.ConnectionInterface: interfaces.CONNECTIONS,
    proxy_interface.ExchangeInterface: interfaces.EXCHANGES,
    proxy_interface.TcpExchangeInterface: interfaces.TCP_EXCHANGES,
    proxy_interface.LogLineInterface: interfaces.LOG_LINES,
    proxy_interface.AccessLogInterface: interfaces.ACCESS_LOGS,
}


def members(interface):
    """Return the public methods and properties of an interface by name."""
    bases = [base for base in interface.__mro__ if base.__module__.startswith(proxy_interface.__name__)]
    return {name: value for base in reversed(bases) for name, value in vars(base).items() if not name.startswith("_")}


METHODS = [(interface, name) for interface in IMPLEMENTATIONS for name, value in members(interface).items() if inspect.isfunction(value)]
PROPERTIES = [(interface, name) for interface in IMPLEMENTATIONS for name, value in members(interface).items() if isinstance(value, property)]


def log_text(exchange):
    return "\n".join(line.text for line in exchange.log)


# -- requests -----------------------------------------------------------------------------------------------------------


def test_get_takes_path_and_headers_in_order(proxy):
    exchange = proxy.get("/pay", {"x-user": "ann"})
    assert (exchange.upstream_request.method, exchange.upstream_request.path) == ("GET", "/pay")
    assert exchange.upstream_request.headers["x-user"] == "ann"
    assert (exchange.response.status, exchange.response.headers["x-seen"]) == (200, "yes")


def test_post_takes_path_headers_and_body_in_order(proxy):
    exchange = proxy.post("/pay", [("x-a", "1"), ("x-a", "2")], b"amount=1")
    assert exchange.upstream_request.method == "POST"
    assert exchange.upstream_request.headers.get_all("x-a") == ["1", "2"]
    assert exchange.upstream_request.body == exchange.response.body == b"amount=1"


def test_body_in_place_of_headers_is_refused_with_the_right_keyword(proxy):
    for body in (b"amount=1", "amount=1"):
        with pytest.raises(UsageError, match="body="):
            proxy.post("/pay", body)


def test_request_takes_every_part_in_order(proxy):
    exchange = proxy.request("PUT", "/x", {"x-a": "1"}, b"abc", {"x-t": "2"}, authority="shop.example")
    assert exchange.upstream_request.authority == "shop.example"
    assert exchange.upstream_request.body == b"abc"
    assert exchange.upstream_request.trailers.items() == [("x-t", "2")]


def test_chunks_may_be_text_and_any_iterable(proxy):
    assert proxy.post("/", chunks=iter(["ab", b"cd"])).upstream_request.body == b"abcd"


def test_send_takes_a_request(proxy):
    exchange = proxy.send(Request("GET", "/sent", {"x-a": "1"}), worker=1)
    assert (exchange.request.path, exchange.upstream_request.headers["x-a"]) == ("/sent", "1")


@pytest.mark.parametrize(("http2", "protocol"), [(False, "HTTP/1.1"), (True, "HTTP/2")])
def test_http2_decides_the_protocol_of_the_client(proxy, http2, protocol):
    exchange = proxy.post("/x", {"x-a": "1"}, b"abc", http2=http2)
    assert protocol in log_text(exchange)
    assert (exchange.response.status, exchange.response.body) == (200, b"abc")
    assert exchange.upstream_request.authority == "example.com"


def test_http2_request_has_chunks_and_trailers(proxy):
    exchange = proxy.post("/", chunks=[b"aaaa", b"bb"], trailers={"x-t": "1"}, http2=True)
    assert (exchange.upstream_request.body, exchange.upstream_request.trailers.items()) == (b"aaaabb", [("x-t", "1")])


def test_http2_request_has_a_large_body(start):
    body = bytes(range(256)) * 1024
    exchange = start(buffer_limit=1 << 20).post("/", body=body, http2=True)
    assert (exchange.upstream_request.body == body, exchange.response.body == body) == (True, True)


def test_response_without_body_arrives_over_http2(start):
    exchange = start(upstream=Response(204)).get("/", http2=True)
    assert (exchange.response.status, exchange.response.body, exchange.state) == (204, b"", "done")


@pytest.mark.parametrize("http2", [False, True])
def test_paused_request_is_returned_after_the_wait(start, http2):
    exchange = start(PAUSE).get("/", wait=0.2, http2=http2)
    assert (exchange.state, exchange.response, exchange.upstream_request) == ("paused", None, None)


@pytest.mark.parametrize("http2", [False, True])
def test_wait_without_limit_ends_with_the_response(proxy, http2):
    assert proxy.get("/", wait=None, http2=http2).state == "done"


# -- workers ------------------------------------------------------------------------------------------------------------


def test_workers_have_numbers_and_names(proxy):
    assert [(w.number, w.name) for w in proxy.workers] == [(1, "worker-1"), (2, "worker-2")]


def test_worker_of_an_exchange_is_a_number(proxy):
    exchange = proxy.get("/")
    assert exchange.worker in [worker.number for worker in proxy.workers]
    assert f"worker-{exchange.worker}" in [line.thread for line in exchange.log]


@pytest.mark.parametrize("worker", [0, 3, -1])
def test_unknown_worker_is_refused(proxy, worker):
    with pytest.raises(UsageError, match=f"no worker {worker}. Workers are numbered from 1 to 2"):
        proxy.get("/", worker=worker)


@pytest.mark.parametrize(("name", "advice"), [("worker", "'workers'"), ("use_remote_adress", "'use_remote_address'")])
def test_misspelled_parameter_is_refused_with_the_right_name(start, name, advice):
    with pytest.raises(UsageError, match=f"'{name}' is neither a parameter .* Did you mean {advice}"):
        start(**{name: 1})


# -- state and records --------------------------------------------------------------------------------------------------


def test_exchanges_are_numbered_and_kept(start):
    proxy = start()
    first, second = proxy.get("/1"), proxy.get("/2")
    assert (first.number, second.number, list(proxy.exchanges)) == (1, 2, [first, second])
    assert first.duration > 0


def test_log_lines_have_level_thread_and_source(proxy):
    lines = [line for line in proxy.get("/").log if line.source == "filter"]
    assert lines
    assert {line.level.name for line in lines} == {"INFO"}
    assert {line.thread for line in lines} <= {"worker-1", "worker-2"}


def test_metrics_are_read_by_name(proxy):
    before = proxy.metrics["hits"]
    proxy.get("/")
    assert proxy.metrics["hits"] == before + 1


def test_failure_of_the_vm_is_a_line_of_envoy(start):
    proxy = start("on_request_headers: trap")
    assert proxy.get("/").response.status == 503
    assert any(line.source == "envoy" for line in proxy.log)


def test_failure_policy_of_a_single_filter_is_used(start):
    proxy = start("on_request_headers: trap", failure_policy="FAIL_OPEN")
    statuses = [proxy.get("/").response.status for _ in range(2)]
    assert statuses[1] == 200


def test_closed_proxy_refuses_requests(start):
    proxy = start()
    assert proxy.state == "running"
    proxy.close()
    proxy.close()
    assert proxy.state == "closed"
    for call in (proxy.get, proxy.connect):
        with pytest.raises(UsageError, match="is closed"):
            call()


def test_proxy_without_plugins_forwards_requests(proxy_class):
    with proxy_class(workers=1) as proxy:
        assert (proxy.get("/").response.status, proxy.plugins) == (200, [])


def test_chain_runs_in_order(proxy_class, guest):
    def adding(value):
        return Plugin(guest, value, root_id=value, config=f"on_request_headers: add_header_map_value REQUEST_HEADERS x-who {value}")

    with proxy_class(chain=[adding("a"), adding("b")], workers=1) as proxy:
        assert [plugin.name for plugin in proxy.plugins] == ["a", "b"]
        assert proxy.get("/").upstream_request.headers.get_all("x-who") == ["a", "b"]


# -- TCP ----------------------------------------------------------------------------------------------------------------


def test_tcp_connection_sends_reads_and_closes(proxy_class, guest):
    plugin = Plugin(guest, config="on_downstream_data: set_buffer_bytes DOWNSTREAM_DATA 0 5 HELLO", kind="network")
    with proxy_class(plugin, workers=1) as proxy:
        connection = proxy.connect(worker=1).send("hello")
        assert connection.read(wait=2.0) == b"HELLO"
        exchange = connection.close()
        assert (exchange.sent, exchange.received, exchange.upstream_received) == (b"hello", b"HELLO", b"HELLOHELLO")  # the end is data, too
        assert exchange.worker == 1
        with pytest.raises(UsageError, match="elsewhere"):
            proxy.connect(cluster="elsewhere")


def test_tcp_connection_is_half_closed_by_end(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send(b"bye").end()
        with pytest.raises(UsageError, match="closed"):
            connection.send(b"more")
        assert connection.read(wait=2.0) == b"bye"


def test_client_that_closes_receives_the_response_to_its_bytes(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        exchange = proxy.connect().send(b"hello").close()
        assert (exchange.received, exchange.closed_by_proxy, exchange.upstream_received) == (b"hello", False, b"hello")


def test_client_that_closes_with_its_last_bytes_gets_nothing_more(proxy_class, guest):
    script = """on_downstream_data: get_buffer_bytes DOWNSTREAM_DATA 0 9
on_downstream_connection_close: get_buffer_bytes DOWNSTREAM_DATA 0 9"""
    with proxy_class(Plugin(guest, config=script, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send(b"one")
        assert connection.read(wait=2.0) == b"one"
        exchange = connection.close(b"two")
        with pytest.raises(UsageError, match="closed"):
            connection.close(b"three")
        assert (exchange.sent, exchange.received, exchange.upstream_received) == (b"onetwo", b"one", b"onetwo")


def test_open_tcp_connection_ends_with_the_proxy(proxy_class, guest):
    proxy = proxy_class(Plugin(guest, kind="network"), workers=1)
    connection = proxy.connect().send(b"hello")
    assert connection.read(wait=2.0) == b"hello"
    proxy.close()
    assert (proxy.state, connection.received) == ("closed", b"hello")


# -- settings and signatures --------------------------------------------------------------------------------------------


def test_settings_are_what_the_constructor_was_given(proxy):
    settings = proxy.settings
    assert isinstance(settings, ProxySettings)
    assert (settings.workers, settings.name, settings.route_timeout, settings.idle_timeout) == (2, "both", 7.0, 300.0)
    assert proxy.name == "both"


def test_proxy_without_workers_is_refused(proxy_class):
    with pytest.raises(UsageError, match="workers= must be at least 1, not 0"):
        proxy_class(workers=0)


@pytest.mark.parametrize(("interface", "method"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_methods_have_the_parameters_of_the_interface(interface, method):
    def parameters(owner):
        return [(p.name, p.kind, p.default) for p in inspect.signature(getattr(owner, method)).parameters.values()]

    for implementation in IMPLEMENTATIONS[interface]:
        assert parameters(implementation) == parameters(interface)


def check_attributes(records):
    """Check that records have the attributes of their interfaces. Reading them also runs the properties."""
    for interface, record in records.items():
        assert [name for owner, name in PROPERTIES if owner is interface and not hasattr(record, name)] == []


def test_records_of_a_request_have_the_attributes_of_the_interface(proxy):
    exchange = proxy.get("/pay")
    with proxy.session() as session:
        check_attributes({
            proxy_interface.ProxyInterface: proxy,
            proxy_interface.WorkerInterface: proxy.workers[0],
            proxy_interface.SessionInterface: session,
            proxy_interface.ExchangeInterface: exchange,
            proxy_interface.AccessLogInterface: exchange.access_log,
            proxy_interface.LogLineInterface: proxy.get("/logged").log[0],
        })


def test_records_of_a_connection_have_the_attributes_of_the_interface(proxy_class, guest):
    with proxy_class(Plugin(guest, kind="network"), workers=1) as proxy:
        connection = proxy.connect().send(b"hello")
        assert connection.read() == b"hello"
        assert connection.read(wait=None) is None
        check_attributes({proxy_interface.ConnectionInterface: connection, proxy_interface.TcpExchangeInterface: connection.close()})


def test_constructor_takes_every_shared_setting_with_the_same_default(proxy_class):
    parameters = inspect.signature(proxy_class).parameters
    defaults = ProxySettings()
    for name in defaults.arguments():
        default = parameters[name].default
        assert default in (None, getattr(defaults, name)), name


def test_both_constructors_share_their_first_parameters():
    names = [list(inspect.signature(cls).parameters) for cls in (Proxy, Envoy)]
    only_real = {"timeout", "binary", "startup", "progress", "record", "request_state"}
    assert set(names[1]) - set(names[0]) == only_real
    assert [name for name in names[0] if name in names[1]][:10] == [name for name in names[1] if name not in only_real][:10]


@pytest.mark.parametrize("level", ["warning", LogLevel.WARN])
def test_log_level_is_a_level_or_the_name_of_envoy(start, level):
    proxy = start("on_request_headers: get_property request/path", log_level=level)
    assert (proxy.settings.log_level, list(proxy.get("/").log)) == (LogLevel.WARN, [])


def test_unknown_log_level_is_refused(proxy_class):
    with pytest.raises(UsageError, match="log_level= must be a LogLevel or one of trace, debug"):
        proxy_class(workers=1, log_level="loud")
