"""State that outlives a stream: shared data, queues, metrics, ticks, properties, logging."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.sdk.fake_proxy import FakeProxy

from wasmnb.abi.protobuf_wire import write_field
from wasmnb.abi.struct_wire import read_metadata, read_struct
from wasmnb.parsing import protobuf
from wasmnb.sdk.errors import CasMismatch, NotFound
from wasmnb.sdk.logs import LogStream, ProxyLogHandler


def run(code, **options):
    """Run a few lines in a plugin's tick."""
    body = "\n".join("        " + line for line in code.strip().splitlines())
    proxy = FakeProxy(f"import logging\nclass P(PluginContext):\n    def on_tick(self):\n{body}", **options)
    proxy.tick()
    return proxy


def test_shared_data_is_a_mapping():
    run("""
s = self.shared_data
assert "k" not in s and s.get("k") is None and s
s["k"] = "v"
assert s["k"] == b"v" and shared_data["k"] == b"v" and "k" in s
value, cas = s.read("k")
s.write("k", 5, cas)
assert s["k"] == b"5" and s.add("k", 2) == 7 and s.add("new") == 1
try:
    s.write("k", "late", cas)
except CasMismatch as error:
    assert "update()" in str(error)
else:
    assert False
for bad in (lambda: list(s), lambda: len(s), lambda: s.pop("k")):
    try:
        bad()
    except TypeError as error:
        assert "Proxy-Wasm has no hostcall for it" in str(error)
    else:
        assert False
""")


def test_update_retries_when_another_worker_writes():
    shared = {}
    other = FakeProxy("class P(PluginContext):\n    def on_tick(self): shared_data.add('n', 10)", shared=shared)
    proxy = FakeProxy("""
class P(PluginContext):
    def on_tick(self):
        assert shared_data.update("n", self.change) == b"12"
    def change(self, old):
        self.disturb()
        return int(old or 0) + 1
""", shared=shared)
    shared[b"n"] = (b"1", 1)
    plugin = proxy.plugin
    plugin.disturb = lambda: (plugin.__dict__.update(disturb=lambda: None), other.tick(), proxy.dispatcher.activate())
    proxy.tick()
    assert shared[b"n"][0] == b"12"


def test_queues_keep_order():
    run("""
q = register_queue("jobs")
q.put("a"); resolve_queue("jobs").put(b"b"); q.put("c")
assert q.get_nowait() == b"a" and q.drain() == [b"b", b"c"]
try:
    q.get_nowait()
except Empty:
    pass
else:
    assert False
try:
    resolve_queue("nothing", vm_id="other")
except NotFound as error:
    assert "has registered the queue" in str(error)
else:
    assert False
""")


def test_queue_notifications_reach_the_plugin():
    proxy = FakeProxy("class P(PluginContext):\n    def on_queue_ready(self, queue_id): log_info('queue %d', queue_id)")
    proxy.call("on_queue_ready", 1, 3)
    assert proxy.logs == [(2, "queue 3")]


def test_metrics_are_defined_once_on_first_use():
    proxy = FakeProxy("""
hits = Counter("hits", tags={"zone": "a"})
level, sizes = Gauge("level"), Histogram("sizes")
class P(PluginContext):
    def on_tick(self):
        hits.increment(); hits.increment(4)
        hits.with_tags(zone="b").increment()
        level.set(5); level.add(-2)
        sizes.record(7); sizes.record(9)
        assert hits.value >= 5 and level.value == 3
""")
    assert proxy.metrics == {}
    proxy.tick()
    proxy.tick()
    assert proxy.metrics == {(0, b"zone.a.hits"): 10, (0, b"zone.b.hits"): 2, (1, b"level"): 3, (2, b"sizes"): [7, 9, 7, 9]}
    assert len(proxy.metric_names) == 4


def test_counter_cannot_decrease():
    with pytest.raises(Exception, match=r"increment_metric\('hits', -1\).*on_tick.*A counter can't decrease"):
        run("Counter('hits').increment(-1)")


def test_tick_period_is_set_in_milliseconds():
    proxy = run("self.set_tick_period(0.25)")
    assert proxy.tick_period == 250
    assert run("self.set_tick_period(0.0001)").tick_period == 1
    assert run("self.set_tick_period(0)").tick_period == 0
    assert run("hostcalls.set_tick_period_milliseconds(7)").tick_period == 7


def test_properties_have_types():
    proxy = FakeProxy("""
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        p = self.properties
        self.plugin.seen = [
            p.source.address, p.source.port, p.connection.mtls, p.request.time, p.request.duration, p["request.headers.x"],
            p.request.headers, p.get("upstream.address", "none"), p.raw("filter_state", "k"), self.get_property("request", "path"),
            self.get_property("nothing"), p.get("my.own"), repr(p.xds.node),
        ]
        p["mine"] = "set"
        self.set_property("too", b"\\x00")
        p.upstream.address
""")
    i = proxy.create()
    proxy.streams[i].properties = {
        b"source\0address": b"1.2.3.4:5", b"source\0port": (80).to_bytes(8, "little"), b"connection\0mtls": b"\x01",
        b"request\0time": (1_700_000_000_123_456_000).to_bytes(8, "little"), b"request\0duration": (2_000_000).to_bytes(8, "little"),
        b"request\0headers\0x": b"y", b"request\0headers": b"\x01\0\0\0\x01\0\0\0\x01\0\0\0x\0y\0", b"filter_state\0k": b"raw",
        b"request\0path": b"/",
    }
    with pytest.raises(NotFound, match="'upstream.address'.*from on_http_response_headers on"):
        proxy.call("on_request_headers", i, 0, 1)
    seen = proxy.plugin.seen
    assert seen[:5] == ["1.2.3.4:5", 80, True, datetime(2023, 11, 14, 22, 13, 20, 123456, UTC), timedelta(milliseconds=2)]
    assert seen[5:] == ["y", {"x": "y"}, "none", b"raw", b"/", None, None, "<properties xds.node>"]
    assert proxy.streams[i].properties[b"mine"] == b"set"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("self.shared_data['k'] = 'abc'; self.shared_data.add('k')", "shared data 'k' is not a number: b'abc'"),
        ("self.shared_data.update('k', lambda old: None)", "the function that changes shared data 'k' must return the new value: expected str, "),
        ("Counter(b'hits')", "the name of a metric must be a str, not b'hits'"),
        ("Counter('hits', tags='zone')", r"tags of metric 'hits' must be a mapping, such as \{'zone': 'a'\}, not 'zone'"),
        ("Counter('hits').with_tags(zone=None)", "tag 'zone' of metric 'hits' must be a str or an int, not None"),
    ],
)
def test_wrong_use_of_shared_data_and_metrics_is_explained(code, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        run(code)


def test_update_whose_change_writes_the_value_gives_up():
    with pytest.raises(CasMismatch, match="changed during each of 100 attempts"):
        run("self.shared_data['k'] = '0'\nself.shared_data.update('k', lambda old: self.shared_data.__setitem__('k', old) or 'x')")


@pytest.mark.parametrize("code", ["Gauge('inside').set(-5)", "Histogram('size').record(-1)"])
def test_negative_value_of_a_metric_is_refused(code):
    with pytest.raises(ValueError, match="metrics are unsigned numbers. Pass a value of at least 0"):
        run(code)
    run("inside = Gauge('inside')\ninside.set(0)\ninside.add(5)\ninside.add(-2)")


METADATA = {"filter_metadata": {"envoy.lb": {"canary": True, "weights": [1, 2.5], "a.b": {"c": None, "n": "x"}}}}


def test_metadata_arrives_as_dicts():
    proxy = FakeProxy("""
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        p = self.properties
        key = "metadata.filter_metadata.envoy.lb"
        self.plugin.seen = [
            p.metadata, p["metadata"], p[key], p[key + ".canary"], p[key + ".weights.1"], p[key + ".a.b.n"], p[key + ".a.b.c"],
            p.get(key + ".nope", "none"), p.get("metadata.filter_metadata.other", {}), p.xds.node.metadata, p["xds.node.metadata.ROLE"],
            p.xds.route_metadata["typed_filter_metadata"], p.raw("metadata")[:1],
        ]
        p[key + ".nope"]
""")
    i = proxy.create()
    node = write_field(1, b"n") + write_field(3, protobuf.struct_message({"ROLE": "edge", "LIST": [{"a": 1}]}))
    typed = write_field(2, write_field(1, b"f") + write_field(2, b"any"))
    data = protobuf.metadata(METADATA["filter_metadata"])
    proxy.streams[i].properties = {b"metadata": data, b"xds\0node": node, b"xds\0route_metadata": typed}
    with pytest.raises(NotFound, match="'metadata.filter_metadata.envoy.lb.nope'.*The value contains no 'nope'"):
        proxy.call("on_request_headers", i, 0, 1)
    seen = proxy.plugin.seen
    whole = {**METADATA, "typed_filter_metadata": {}}
    assert seen[:2] == [whole, whole]
    assert seen[2:9] == [METADATA["filter_metadata"]["envoy.lb"], True, 2.5, "x", None, "none", {}]
    assert seen[9:] == [{"ROLE": "edge", "LIST": [{"a": 1}]}, "edge", {"f": b"any"}, b"\n"]


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x0a\x02\x08", b"\x0b", b"\x08\x01\x0a\x03\x12\x01\xff", b"\x0a\x01\x08"])
def test_bytes_that_are_not_a_struct_are_refused(data):
    for read in (read_struct, read_metadata):
        with pytest.raises(ValueError, match="the bytes are not"):
            read(data)


def test_get_returns_the_default_for_groups_and_missing_properties():
    run("""
p = self.properties
assert p.get("request", "d") == p.get("xds.node", "d") == p.get("response.code", "d") == p.get("my.own", "d") == "d"
assert p.request.get("path", "d") == p.source.get("address", "d") == p.xds.node.get("id", "d") == "d"
assert "request" not in p and repr(p["request"]) == "<properties request>"
""")


def test_stored_property_is_read_by_the_same_key():
    proxy = FakeProxy("""
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        p = self.properties
        p["my.mark"] = "v"
        assert p["my.mark"] == p.get("my.mark") == p.raw("my.mark") == self.get_property("my.mark") == b"v"
        assert "my.mark" in p and "other" not in p and 5 not in p
        assert p["filter_state.a.b"] == p.raw("filter_state", "a.b") == b"kept"
        assert self.get_property("source.address") == b"1.2.3.4:5"
        assert not hasattr(p.response, "code") and getattr(p.response, "code", 0) == 0
""")
    i = proxy.create()
    proxy.streams[i].properties = {b"filter_state\0a.b": b"kept", b"source\0address": b"1.2.3.4:5"}
    proxy.call("on_request_headers", i, 0, 1)


@pytest.mark.parametrize(
    ("line", "kind", "problem"),
    [
        ("p['request.path'] = '/x'", AttributeError, "'request.path' can't be set, because it is a read-only attribute"),
        ("p['source'] = 'x'", AttributeError, "read-only"),
        ("p[5]", TypeError, "the name of a property must be a str such as 'request.path', not 5"),
        ("list(p)", TypeError, "not iterable"),
        ("p['nope']", NotFound, "Envoy has no attribute with this name. No filter has stored one either."),
        ("p['route_name']", NotFound, "Envoy has no attribute with this name. It is named xds.route_name now."),
    ],
)
def test_wrong_use_of_a_property_is_explained(line, kind, problem):
    proxy = FakeProxy(f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        p = self.properties\n        {line}")
    with pytest.raises(kind, match=problem):
        proxy.call("on_request_headers", proxy.create(), 0, 1)


def test_unknown_property_lists_the_known_ones():
    with pytest.raises(AttributeError, match=r"'source.adress' is not known \(did you mean source.address\?\)"):
        run("self.properties.source.adress")
    with pytest.raises(AttributeError, match=r"'source.x' is not known \(known: source.address, source.port\)"):
        run("self.properties.source.x")


def test_functions_logging_and_print_write_to_the_log():
    proxy = run("""
log_trace("t"); log_debug("d"); log_info("i %d", 1); log_warn("w"); log_error("e"); log_critical("c"); self.log(LogLevel.INFO, "%")
assert log_level() is LogLevel.INFO
""")
    assert proxy.logs == [(0, "t"), (1, "d"), (2, "i 1"), (3, "w"), (4, "e"), (5, "c"), (2, "%")]
    import logging

    logger = logging.Logger("x")
    logger.addHandler(ProxyLogHandler())
    logger.warning("%s%%", 5)
    logger.log(3, "fine")
    print("a", "b", file=(stream := LogStream(2)))
    print("two\nlines", end="", file=stream)
    stream.finish()
    assert proxy.logs[7:] == [(3, "5%"), (0, "fine"), (2, "a b"), (2, "two"), (2, "lines")]


def test_bad_status_raises_an_exception_with_its_name():
    with pytest.raises(NotFound) as caught:
        run("hostcalls.get_shared_data('nothing')")
    assert caught.value.hostcall == "get_shared_data" and caught.value.status.name == "NOT_FOUND"
    assert str(caught.value) == (
        "get_shared_data('nothing') returned NOT_FOUND (1) in on_tick. Nothing has been stored under this key."
    )
