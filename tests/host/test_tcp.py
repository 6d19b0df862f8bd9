"""TCP connections through network filters."""

from tests.host.host_kit import calls, scripted
from wasmnb.host import Cluster, Plugin, Proxy, TcpReply


def tcp_proxy(script="", upstream=None, **options):
    return Proxy(Plugin(scripted(), config=script, kind="network"), workers=1, upstream=upstream, **options)


def test_echo_ends_with_the_client():
    with tcp_proxy() as proxy:
        c = proxy.connect()
        c.send(b"hello")
        assert c.read() == b"hello"
        assert c.read(wait=None) is None
        c.end()
        assert c.read() == b""
        assert calls(c.exchange) == [
            "on_context_create(2, 1)",
            "on_new_connection(2)",
            "on_downstream_data(2, 5, 0)",
            "on_upstream_data(2, 5, 0)",
            "on_downstream_data(2, 0, 1)",
            "on_upstream_data(2, 0, 1)",
            "on_upstream_connection_close(2, 0)",
            "on_downstream_connection_close(2, 1)",
            "on_done(2)",
            "on_log(2)",
            "on_delete(2)",
        ]
        assert (c.exchange.state, c.exchange.upstream_received, c.exchange.upstream_end) == ("done", b"hello", "end")


def test_filters_change_bytes_in_both_directions():
    script = "on_downstream_data: set_buffer_bytes DOWNSTREAM_DATA 0 0 >\non_upstream_data: set_buffer_bytes UPSTREAM_DATA 9999 0 <"
    with tcp_proxy(script) as proxy:
        c = proxy.connect().send(b"x")
        assert (c.exchange.upstream_received, c.received) == (b">x", b">x<")


def test_held_bytes_arrive_again_with_new_ones():
    with tcp_proxy("on_downstream_data#1: return 1") as proxy:
        c = proxy.connect().send(b"aaa")
        assert (c.exchange.state, c.exchange.paused) == ("paused", "downstream data paused by plug")
        c.send(b"bbb")
        assert "on_downstream_data(2, 6, 0)" in calls(c.exchange)
        assert c.received == b"aaabbb"


def test_held_bytes_stay_held_when_the_other_direction_passes():
    def server(data):
        return TcpReply(b"late", latency=1.0) if data else None

    with tcp_proxy("on_downstream_data#2: return 1\non_upstream_data#2: return 1", upstream=server) as proxy:
        c = proxy.connect().send(b"one")
        c.send(b"two")
        assert (c.read(wait=2.0), c.exchange.upstream_received) == (b"late", b"one")
        assert (c.exchange.state, c.exchange.paused) == ("paused", "downstream data paused by plug")
        assert [node.state for node in proxy.tree().find("stream")] == ["paused"]
        c.send(b"three")
        proxy.advance(2.0)
        assert (c.exchange.upstream_received, c.exchange.paused) == (b"onetwothree", "upstream data paused by plug")
        c.reset()
        assert (c.exchange.state, c.exchange.paused) == ("reset", "")


def test_filter_holds_both_directions():
    with tcp_proxy("on_downstream_data#2: return 1\non_upstream_data: return 1") as proxy:
        c = proxy.connect().send(b"one").send(b"two")
        assert c.exchange.paused == "downstream data and upstream data paused by plug"


def test_upstream_replies_late_closes_or_refuses():
    def server(data):
        return TcpReply(b"bye", close=True, latency=1.0) if data else None

    with tcp_proxy(upstream=server) as proxy:
        c = proxy.connect().send(b"quit")
        assert c.read(wait=None) is None
        assert c.read(wait=2.0) == b"bye"
        assert c.read() == b""
        c.close()
        assert calls(c.exchange)[-4] == "on_downstream_connection_close(2, 2)"
    with tcp_proxy(upstream=Cluster(alive=False)) as proxy:
        c = proxy.connect()
        assert (c.exchange.done, c.read()) == (True, b"")


def test_trap_closes_the_connection_and_later_ones():
    with tcp_proxy("on_downstream_data: trap") as proxy:
        c = proxy.connect().send(b"x")
        assert (c.exchange.state, c.read()) == ("failed", b"")
        assert c.exchange.failure.callback == "proxy_on_downstream_data"
        assert calls(proxy.connect().exchange) == []


def test_client_reset_closes_the_connection():
    with tcp_proxy() as proxy:
        connection = proxy.connect().send(b"x")
        connection.reset()
        assert calls(connection.exchange)[-4:] == [
            "on_downstream_connection_close(2, 2)",
            "on_done(2)",
            "on_log(2)",
            "on_delete(2)",
        ]
        assert connection.exchange.upstream_end == "reset"


def test_closing_the_proxy_closes_connections():
    proxy = tcp_proxy()
    c = proxy.connect().send(b"x")
    proxy.close()
    assert "on_downstream_connection_close(2, 1)" in calls(c.exchange)
    assert "2 bytes" not in repr(c)
    assert "1 bytes sent" in repr(c)


def test_connection_that_its_own_callback_continues_is_passed_on_once():
    with tcp_proxy("on_new_connection: continue_stream DOWNSTREAM") as proxy:
        c = proxy.connect().send(b"x")
        assert c.received == b"x"
        assert sum("on_new_connection(" in call for call in calls(c.exchange)) == 1
