import struct

import pytest
from fake_proxy import FakeProxy

from wasmnb.abi import CALLBACKS
from wasmnb.sdk.dispatch import Dispatcher
from wasmnb.sdk.errors import BadArgument, StreamStateError

HELLO = """
class Hello(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = self.request_headers.get("x-user", "nobody").upper()

    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x-hello"] = "from Python"
"""


def test_a_cell_with_only_an_http_context_is_a_whole_filter():
    proxy = FakeProxy(HELLO)
    answer = proxy.exchange(headers={"x-user": "ann"})
    assert answer.upstream_header(b"x-user") == b"ANN"
    assert answer.header(b"x-hello") == b"from Python"


def test_the_dispatcher_has_a_method_for_every_callback():
    assert all(hasattr(Dispatcher, c.short) for c in CALLBACKS.values())


def test_a_two_callback_filter_costs_two_trips_into_python_and_three_hostcalls_a_stream():
    proxy = FakeProxy(HELLO)
    proxy.trips = 0
    proxy.hostcalls.clear()
    proxy.exchange()
    assert proxy.trips == 2
    assert [h[0] for h in proxy.hostcalls] == [
        "get_header_map_value", "replace_header_map_value", "replace_header_map_value",
    ]


class Without:
    """A proxy's binding that lacks some of what only the glue has."""

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
    assert len(proxy.dispatcher._http) == 0
    assert proxy._journal == [(1, 0)]


def test_without_claims_contexts_of_deleted_streams_are_dropped_with_the_journal():
    proxy = FakeProxy(HELLO, start=False)
    proxy.dispatcher = Dispatcher(Without(proxy, "claim", "hold_streams"))
    proxy.dispatcher.load(HELLO)
    proxy.held = {}
    proxy.start()
    for _ in range(50):
        proxy.exchange()
    assert len(proxy.dispatcher._http) == 1
    assert len(proxy.dispatcher.contexts.parents) <= 2


TWO_PLUGINS = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.plugin.seen = [*getattr(self.plugin, "seen", []), self.context_id]
"""


def test_streams_of_two_plugins_keep_to_their_own():
    proxy = FakeProxy(TWO_PLUGINS)
    proxy._journal += [(2, 0), (3, 1), (4, 2), (5, 1), (6, 2)]
    for stream in (6, 3, 4, 5):
        proxy.streams[stream] = None
        proxy.dispatcher.on_request_headers(stream, 0, 1)
    assert [proxy.dispatcher._plugins[i].seen for i in (1, 2)] == [[3, 5], [6, 4]]


def test_sync_applies_creates_and_deletes():
    dispatcher = Dispatcher(FakeProxy(HELLO))
    dispatcher.load(HELLO)
    dispatcher.sync(struct.pack("<IIIIII", 1, 0, 2, 1, 2, 0xFFFFFFFF))
    assert dispatcher.contexts.parents == {1: 0}


def test_a_context_that_was_never_created_is_refused():
    proxy = FakeProxy(HELLO)
    with pytest.raises(RuntimeError, match="context 99, which it never created"):
        proxy.dispatcher.on_request_headers(99, 0, 1)


def test_a_proxy_without_a_journal_announces_contexts_itself():
    proxy = FakeProxy(HELLO)
    proxy.streams[7] = type(proxy.streams)  # a stream that the fake need not look at
    dispatcher = Dispatcher(Without(proxy, "journal", "claim", "hold_streams"))
    dispatcher.load("class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.plugin.seen = self.context_id")
    dispatcher.on_context_create(1, 0)
    dispatcher.on_context_create(7, 1)
    dispatcher.on_request_headers(7, 0, 1)
    assert dispatcher._plugins[1].seen == 7
    dispatcher.on_delete(7)
    assert 7 not in dispatcher._http


@pytest.mark.parametrize(
    ("returned", "number"),
    [("None", 0), ("Action.CONTINUE", 0), ("Action.PAUSE", 1), ("HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER", 3), ("4", 4)],
)
def test_results_of_headers_callbacks(returned, number):
    proxy = FakeProxy(f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return {returned}")
    assert proxy.call("on_request_headers", proxy.create(), 0, 1) == number


@pytest.mark.parametrize("returned", ["77", "True", "False", "'pause'", "DataStatus.CONTINUE", "-1", "1.0", "{}"])
def test_a_nonsense_result_names_the_callback_the_value_and_what_is_allowed(returned):
    proxy = FakeProxy(f"class Odd(HttpContext):\n    def on_http_request_headers(self, n, e):\n        return {returned}")
    with pytest.raises(TypeError, match=r"Odd\.on_http_request_headers \(line 2\) returned .*a member of Action or a member of HeadersStatus"):
        proxy.call("on_request_headers", proxy.create(), 0, 1)
    assert returned in proxy.logs[-1][1] or "CONTINUE" in proxy.logs[-1][1]


@pytest.mark.parametrize(("returned", "started"), [("None", True), ("True", True), ("False", False)])
def test_plugin_start_may_refuse(returned, started):
    source = f"class P(PluginContext):\n    def on_plugin_start(self, size):\n        return {returned}"
    assert FakeProxy(source).started is started


def test_plugin_start_that_returns_nonsense_is_a_type_error():
    with pytest.raises(TypeError, match=r"P\.on_plugin_start .* returned 'yes'.*True or False"):
        FakeProxy("class P(PluginContext):\n    def on_plugin_start(self, size):\n        return 'yes'")


def test_configuration_is_there_as_bytes_and_as_json():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-realm"] = self.plugin.config["realm"]
        self.request_headers["x-size"] = len(self.plugin.configuration)
        self.request_headers["x-vm"] = self.plugin.vm.configuration
"""
    proxy = FakeProxy(source, {"realm": "demo"}, b"vm text")
    answer = proxy.exchange()
    assert answer.upstream_header(b"x-realm") == b"demo"
    assert answer.upstream_header(b"x-size") == b"17"
    assert answer.upstream_header(b"x-vm") == b"vm text"


def test_no_configuration_is_an_empty_dict():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        assert self.plugin.config == {}"
    FakeProxy(source).exchange()


def test_configuration_that_is_no_json_says_where_and_leaves_the_bytes():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        assert self.plugin.configuration == b'{"a": }'
        self.plugin.config
"""
    with pytest.raises(ValueError, match="the plugin configuration is not JSON: .* line 1, column 7"):
        FakeProxy(source, b'{"a": }').exchange()


def test_vm_start_and_own_contexts_with_state():
    source = """
class V(VMContext):
    def on_vm_start(self, size):
        self.size = size
        return self.config["ok"]

class P(PluginContext):
    def on_plugin_start(self, size):
        self.count = 0

class F(HttpContext):
    def __init__(self):
        self.mine = self.plugin.vm.size

    def on_http_request_headers(self, n, e):
        self.plugin.count += 1
        self.request_headers["x-count"] = self.plugin.count
        self.request_headers["x-mine"] = self.mine
"""
    proxy = FakeProxy(source, vm_config=b'{"ok": true}')
    proxy.exchange()
    answer = proxy.exchange()
    assert answer.upstream_header(b"x-count") == b"2"
    assert answer.upstream_header(b"x-mine") == b"12"
    assert not FakeProxy(source, vm_config=b'{"ok": false}').started


def test_a_plugin_context_may_choose_the_stream_contexts():
    source = """
class Odd(HttpContext):
    def __init__(self, n):
        self.n = n
    def on_http_request_headers(self, n, e):
        self.request_headers["x-odd"] = self.n

class Even(HttpContext):
    def on_http_response_headers(self, n, e):
        self.response_headers["x-even"] = "1"

class P(PluginContext):
    def new_http_context(self, context_id):
        if context_id == 4:
            return None
        return Odd(context_id) if context_id % 2 else Even()
"""
    proxy = FakeProxy(source)
    assert {"on_request_headers", "on_response_headers"} <= proxy.exports
    first, second, third = proxy.exchange(), proxy.exchange(), proxy.exchange()
    assert first.header(b"x-even") == b"1" and first.upstream_header(b"x-odd") is None
    assert second.upstream_header(b"x-odd") == b"3"
    assert third.header(b"x-even") is None


def test_a_chosen_context_that_is_none_is_a_type_error():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e): pass
class P(PluginContext):
    def new_http_context(self, context_id):
        return "no"
"""
    with pytest.raises(TypeError, match="P.new_http_context returned 'no'; it has to return a HttpContext"):
        FakeProxy(source).exchange()


def test_super_makes_the_filters_own_context():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-made"] = self.made
class P(PluginContext):
    def new_http_context(self, context_id):
        context = super().new_http_context(context_id)
        context.made = "yes"
        return context
class V(VMContext):
    def new_plugin_context(self, context_id):
        self.plugin = super().new_plugin_context(context_id)
        return self.plugin
"""
    assert FakeProxy(source).exchange().upstream_header(b"x-made") == b"yes"


def test_a_local_response_stops_the_request_and_passes_the_filters_response_callbacks():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        return self.send_local_response(403, "no", {"x-why": "because"}, details="denied")
    def on_http_response_headers(self, n, e):
        self.response_headers["x-seen"] = self.response_headers[":status"]
"""
    answer = FakeProxy(source).exchange()
    assert (answer.status, answer.body, answer.details, answer.upstream) == (403, b"no", b"denied", None)
    assert answer.header(b"x-why") == b"because" and answer.header(b"x-seen") == b"403"


@pytest.mark.parametrize("status", [0, 99, 600, 1000, "403", None])
def test_a_local_response_with_an_impossible_status_is_a_value_error(status):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.send_local_response({status!r})"
    with pytest.raises(ValueError, match="200 to 599"):
        FakeProxy(source).exchange()


def test_answering_a_finished_stream_is_refused_since_envoy_crashes():
    source = "class F(HttpContext):\n    def on_http_stream_done(self):\n        self.send_local_response(500)"
    with pytest.raises(StreamStateError, match="over"):
        FakeProxy(source).exchange()


@pytest.mark.parametrize("side", ["request", "response"])
def test_continuing_a_stream_that_was_never_paused_is_refused(side):
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        self.continue_{side}()"
    with pytest.raises(StreamStateError, match="has not been paused"):
        FakeProxy(source).exchange()


def test_a_paused_stream_can_be_continued_from_another_ones_callback():
    source = """
class P(PluginContext):
    waiting = None

class F(HttpContext):
    def on_http_request_headers(self, n, e):
        if self.plugin.waiting is None:
            self.plugin.waiting = self
            return Action.PAUSE
        other = self.plugin.waiting
        other.request_headers["x-by"] = self.request_headers["x-name"]
        other.continue_request()
        other.continue_request()
        self.request_headers["x-after"] = "own"
"""
    proxy = FakeProxy(source)
    first, second = proxy.create(), proxy.create()
    proxy.streams[first].maps[0] = [(b"x-name", b"first")]
    proxy.streams[second].maps[0] = [(b"x-name", b"second")]
    assert proxy.call("on_request_headers", first, 1, 1) == 1
    assert proxy.call("on_request_headers", second, 1, 1) == 0
    assert dict(proxy.streams[first].maps[0])[b"x-by"] == b"second"
    assert dict(proxy.streams[second].maps[0])[b"x-after"] == b"own"
    assert proxy.streams[first].continued == [0], "the second continue is no news"


def test_acting_on_a_stream_that_is_over_is_an_error():
    source = """
class P(PluginContext):
    def on_tick(self):
        self.last.request_headers["x"] = "y"
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.plugin.last = self
"""
    proxy = FakeProxy(source)
    proxy.exchange()
    with pytest.raises(BadArgument, match="The stream is over"):
        proxy.tick()


def test_bodies_trailers_metadata_and_the_end_of_a_stream():
    source = """
seen = []
class F(HttpContext):
    def on_http_request_body(self, size, end):
        if not end:
            return Action.PAUSE
        self.request_body = bytes(self.request_body).upper()
        self.request_trailers["x-end"] = "1"
    def on_http_request_trailers(self, n): seen.append(n)
    def on_http_response_body(self, size, end):
        self.response_body.append("!") if end else None
    def on_http_response_trailers(self, n):
        self.response_trailers["x-t"] = len(self.response_trailers)
    def on_http_stream_done(self):
        log_info("path %s %s", self.request_headers[":path"], self.response_headers[":status"])
    def on_delete(self):
        log_info("gone %d", self.context_id)
"""
    proxy = FakeProxy(source)
    answer = proxy.exchange("POST", "/p", chunks=[b"ab", b"cd"], response=(200, {}, [b"x", b"y"]))
    assert answer.upstream[1] == b"ABCD" and answer.upstream[2] == [(b"x-end", b"1")]
    assert answer.body == b"xy!"
    assert [text for _, text in proxy.logs] == ["path /p 200", "gone 2"]
    answer = proxy.exchange("POST", "/p", response=(200, {}, [b"x"], {"grpc-status": "0"}))
    assert answer.trailers == [(b"grpc-status", b"0"), (b"x-t", b"1")]


def test_plugin_done_log_and_delete():
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


def test_foreign_functions_both_ways():
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


def test_two_vms_in_one_interpreter_do_not_mix():
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
