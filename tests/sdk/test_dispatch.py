"""The dispatcher: exports, cost of a stream, creation and deletion of contexts, results of callbacks."""

import struct

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.abi import CALLBACKS
from wasmnb.sdk.dispatch import Dispatcher

HELLO = """
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = self.request_headers.get("x-user", "nobody").upper()

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-hello"] = "from Python"
"""


def test_cell_with_only_an_http_context_is_a_filter():
    proxy = FakeProxy(HELLO)
    result = proxy.exchange(headers={"x-user": "ann"})
    assert result.upstream_header(b"x-user") == b"ANN"
    assert result.header(b"x-hello") == b"from Python"


def test_dispatcher_has_a_method_for_every_callback():
    assert all(hasattr(Dispatcher, c.short) for c in CALLBACKS.values())


def test_filter_with_two_callbacks_costs_two_calls_and_three_hostcalls_per_stream():
    proxy = FakeProxy(HELLO)
    proxy.trips = 0
    proxy.hostcalls.clear()
    proxy.exchange()
    assert proxy.trips == 2
    assert [h[0] for h in proxy.hostcalls] == [
        "get_header_map_value", "replace_header_map_value", "replace_header_map_value",
    ]


class Without:
    """A binding without some of the functions that only the glue provides."""

    def __init__(self, proxy, *names):
        self._proxy, self._names = proxy, names

    def __getattr__(self, name):
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._proxy, name)


def test_contexts_of_deleted_streams_are_dropped_at_once():
    proxy = FakeProxy(HELLO)
    for _ in range(50):
        proxy.exchange()
    assert len(proxy.dispatcher.contexts.http) == 0
    assert proxy.entries == [(1, 0)]


def test_without_claims_contexts_of_deleted_streams_are_dropped_with_the_journal():
    proxy = FakeProxy(HELLO, start=False)
    proxy.dispatcher = Dispatcher(Without(proxy, "claim", "hold_streams"))
    proxy.dispatcher.load(HELLO)
    proxy.held = {}
    proxy.start()
    for _ in range(50):
        proxy.exchange()
    assert len(proxy.dispatcher.contexts.http) == 1
    assert len(proxy.dispatcher.contexts.parents) <= 2


TWO_PLUGINS = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.plugin.seen = [*getattr(self.plugin, "seen", []), self.context_id]
"""


def test_streams_belong_to_their_own_plugin():
    proxy = FakeProxy(TWO_PLUGINS)
    proxy.entries += [(2, 0), (3, 1), (4, 2), (5, 1), (6, 2)]
    for stream in (6, 3, 4, 5):
        proxy.streams[stream] = None
        proxy.dispatcher.on_request_headers(stream, 0, 1)
    assert [proxy.dispatcher.contexts.plugins[i].seen for i in (1, 2)] == [[3, 5], [6, 4]]


def test_sync_applies_creates_and_deletes():
    dispatcher = Dispatcher(FakeProxy(HELLO))
    dispatcher.load(HELLO)
    dispatcher.sync(struct.pack("<IIIIII", 1, 0, 2, 1, 2, 0xFFFFFFFF))
    assert dispatcher.contexts.parents == {1: 0}


def test_unknown_context_is_refused():
    proxy = FakeProxy(HELLO)
    with pytest.raises(RuntimeError, match="context 99, which doesn't exist"):
        proxy.dispatcher.on_request_headers(99, 0, 1)


def test_contexts_are_reported_without_a_journal():
    proxy = FakeProxy(HELLO)
    proxy.streams[7] = type(proxy.streams)  # a stream that the fake need not look at
    dispatcher = Dispatcher(Without(proxy, "journal", "claim", "hold_streams"))
    dispatcher.load("class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.plugin.seen = self.context_id")
    dispatcher.on_context_create(1, 0)
    dispatcher.on_context_create(7, 1)
    dispatcher.on_request_headers(7, 0, 1)
    assert dispatcher.contexts.plugins[1].seen == 7
    dispatcher.on_delete(7)
    assert 7 not in dispatcher.contexts.http


@pytest.mark.parametrize(
    ("returned", "number"),
    [("None", 0), ("Action.CONTINUE", 0), ("Action.PAUSE", 1), ("HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER", 3), ("4", 4)],
)
def test_results_of_headers_callbacks_are_passed_on(returned, number):
    proxy = FakeProxy(f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return {returned}")
    assert proxy.call("on_request_headers", proxy.create(), 0, 1) == number


@pytest.mark.parametrize(
    ("returned", "shown"),
    [*((text, text) for text in ("77", "True", "False", "'pause'", "-1", "1.0", "{}")), ("DataStatus.CONTINUE", "<DataStatus.CONTINUE: 0>")],
)
def test_bad_result_names_callback_value_and_allowed_results(returned, shown):
    proxy = FakeProxy(f"class Odd(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return {returned}")
    with pytest.raises(TypeError, match=r"Odd\.on_http_request_headers \(line 2\) returned .*a member of Action or a member of HeadersStatus"):
        proxy.call("on_request_headers", proxy.create(), 0, 1)
    assert f" returned {shown}" in proxy.logs[-1][1]


@pytest.mark.parametrize(("returned", "started"), [("None", True), ("True", True), ("False", False)])
def test_plugin_start_can_refuse_the_configuration(returned, started):
    source = f"class P(PluginContext):\n    def on_plugin_start(self, size):\n        return {returned}"
    assert FakeProxy(source).started is started


def test_bad_result_of_plugin_start_raises_type_error():
    with pytest.raises(TypeError, match=r"P\.on_plugin_start .* returned 'yes'.*True or False"):
        FakeProxy("class P(PluginContext):\n    def on_plugin_start(self, size):\n        return 'yes'")


def test_plugin_done_log_and_delete_are_called():
    source = """
class P(PluginContext):
    def on_plugin_done(self):
        return False
    def on_log(self):
        log_info("access")
    def on_delete(self):
        log_info("deleted")
"""
    proxy = FakeProxy(source)
    assert {"on_done", "on_log", "on_delete"} <= proxy.exports
    assert proxy.call("on_done", 1, default=1) == 0
    assert proxy.call("on_done", proxy.create(), default=1) == 1
    proxy.call("on_log", 1)
    proxy.call("on_delete", 1)
    assert [t for _, t in proxy.logs] == ["access", "deleted"]


def test_foreign_functions_work_both_ways():
    source = """
class P(PluginContext):
    def on_foreign_function(self, function_id, size):
        log_info("%d %d %s", function_id, size, self.call_foreign_function("reverse", b"abc"))
        self.call_foreign_function("nothing")
"""
    proxy = FakeProxy(source)
    with pytest.raises(Exception, match="no foreign function of this name"):
        proxy.call("on_foreign_function", 1, 3, 4)
    assert proxy.logs[0][1] == "3 4 b'cba'"


def test_two_vms_in_one_interpreter_keep_their_own_state():
    source = """
count = 0
hits = Counter("hits")
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        global count
        count += 1
        hits.increment()
        shared_data["who"] = self.request_headers["x-who"]
        self.request_headers["x-count"] = count
"""
    one, two = FakeProxy(source), FakeProxy(source)
    one.exchange(headers={"x-who": "one"})
    two.exchange(headers={"x-who": "two"})
    assert one.exchange(headers={"x-who": "one"}).upstream_header(b"x-count") == b"2"
    assert one.shared[b"who"][0] == b"one" and two.shared[b"who"][0] == b"two"
    assert one.metrics[0, b"hits"] == 2 and two.metrics[0, b"hits"] == 1
