"""Kinds of filters in both proxies: connections, access logs, and work in the background."""

import json
import time

import pytest

from tests.sdk.deny_list import deny_list
from wasmnb import Envoy, Filter, Plugin, Proxy, Response, UsageError
from wasmnb.traffic import send_bytes

pytestmark = pytest.mark.envoy

SNIFF = """\
class Sniff(TcpContext):
    def on_downstream_data(self, data_size, end_of_stream):
        print("got", self.downstream_data.get())
    def on_upstream_data(self, data_size, end_of_stream):
        self.upstream_data.prepend(b"> ")
"""
COUNT = """\
class Count(PluginContext):
    def on_log(self):
        print("logged")
"""


@pytest.fixture(scope="module")
def sniff():
    return Filter.from_source(SNIFF, "sniff")


@pytest.mark.parametrize("start", [Proxy, Envoy], ids=["simulated", "envoy"])
def test_tcp_context_gets_connections_without_a_setting_and_no_requests(sniff, start):
    with start(sniff, workers=1) as proxy:
        exchange = send_bytes(proxy, "SSH-2.0-x\r\n", wait=0.5)
        assert exchange.received == b"> SSH-2.0-x\r\n"
        assert exchange.upstream_received == b"SSH-2.0-x\r\n"
        assert [line.text for line in exchange.log if "got b'SSH" in line.text]
        with pytest.raises(UsageError, match="is a network filter"):
            proxy.get("/")


@pytest.mark.parametrize("start", [Proxy, Envoy], ids=["simulated", "envoy"])
def test_plugin_context_with_on_log_is_an_access_logger(start):
    with start(Filter.from_source(COUNT, "count"), workers=1) as proxy:
        assert proxy.get("/").response.status == 200
        assert any("logged" in line.text for line in _soon(proxy, "logged"))


def _soon(proxy, text):
    """The log, once it has a text: Envoy flushes access logs after the response."""
    for _ in range(50):
        if any(text in line.text for line in proxy.log):
            break
        time.sleep(0.1)
    return proxy.log


@pytest.mark.parametrize("start", [Proxy, Envoy], ids=["simulated", "envoy"])
def test_workers_follow_what_a_singleton_publishes(start):
    filter_ = Filter.from_source(deny_list(0.1), "deny")
    users = ["bob"]
    plugins = [Plugin(filter_, name="refresh", kind="singleton", config={"refresh": True}, vm_id="deny"), Plugin(filter_, vm_id="deny")]
    service = {"users": lambda request: Response(200, body=json.dumps(users).encode())}

    def settled(proxy, user, status):
        """Return whether every worker responds with the status within the time limit."""
        for _ in range(60):
            proxy.advance(0.2) if start is Proxy else time.sleep(0.2)
            if {proxy.get("/", {"x-user": user}).response.status for _ in range(6)} == {status}:
                return True
        return False

    with start(plugins, workers=3, clusters=service) as proxy:
        assert settled(proxy, "bob", 403)
        users[:] = ["ann"]
        assert settled(proxy, "ann", 403) and settled(proxy, "bob", 200)
