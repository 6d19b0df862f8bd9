import pytest
from tests.sdk.fake_proxy import FakeProxy

SOURCE = """
class T(TcpContext):
    def on_new_connection(self):
        self.seen = b""
        return Action.PAUSE
    def on_downstream_data(self, size, end):
        self.downstream_data = bytes(self.downstream_data).upper()
        self.continue_downstream()
    def on_upstream_data(self, size, end):
        self.upstream_data.prepend(">")
        return Action.PAUSE
    def on_downstream_close(self, close_type): log_info("down %s", close_type.name)
    def on_upstream_close(self, close_type): log_info("up %s", close_type.name)
    def on_stream_done(self):
        self.close()
        log_info("done")
"""


def test_tcp_filter_reads_and_changes_data():
    proxy = FakeProxy(SOURCE)
    assert "on_request_headers" not in proxy.exports
    i = proxy.create()
    stream = proxy.streams[i]
    assert proxy.call("on_new_connection", i) == 1
    stream.buffers = {2: b"abc", 3: b"xyz"}
    assert proxy.call("on_downstream_data", i, 3, 0) == 0
    assert proxy.call("on_upstream_data", i, 3, 0) == 1
    assert stream.buffers == {2: b"ABC", 3: b">xyz"} and stream.continued == [2]
    proxy.call("on_upstream_connection_close", i, 0)
    proxy.call("on_downstream_connection_close", i, 2)
    proxy.call("on_downstream_connection_close", i, 77)
    proxy.call("on_log", i)
    assert [t for _, t in proxy.logs] == ["up UNKNOWN", "down REMOTE", "down UNKNOWN", "done"] and stream.closed


@pytest.mark.parametrize("line", ["await self.downstream_data()", "[chunk async for chunk in self.downstream_data]"])
def test_data_of_a_connection_cannot_be_awaited(line):
    proxy = FakeProxy(f"class T(TcpContext):\n    async def on_downstream_data(self, size, end):\n        {line}")
    i = proxy.create()
    with pytest.raises(TypeError, match=r"<downstream_data> can't be awaited, because .* or return Action.PAUSE"):
        proxy.call("on_downstream_data", i, 3, 0)
