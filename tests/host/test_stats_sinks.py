"""Stats sinks: snapshots, their wire format, and the kind `stat_sink` in configurations."""

import pytest
import yaml

from tests.foreign.toolchain import scripted_guest
from wasmnb import Filter, Plugin, Proxy, UsageError
from wasmnb.abi.stats_wire import CounterUpdate, Stats, read_stats, write_stats

SINK = """
class Sink(PluginContext):
    def on_stats_update(self, stats):
        print(sorted((n, c.value, c.delta) for n, c in stats.counters.items() if n.startswith("wasmcustom.")))
        print(sorted((n, v) for n, v in stats.gauges.items() if n.startswith("wasmcustom.")))
"""

FILTER = """
hits, size, unset = Counter("hits"), Gauge("size"), Gauge("unset")


class Hits(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        hits.increment(2)
        size.set(0)
"""


@pytest.fixture(scope="module")
def sink():
    return Filter.native(SINK, "sink")


def test_sink_gets_growth_and_values_after_every_interval(sink):
    with Proxy([sink, Filter.native(FILTER, "hits")], workers=2, stats_flush_interval=3.0, guest_time=0) as proxy:
        assert [p.kind for p in proxy.plugins] == ["stat_sink", "http"]
        proxy.get("/")
        proxy.get("/")
        proxy.advance(3.0)
        proxy.get("/")
        proxy.advance(3.0)
    texts = [line.text for line in proxy.log]
    assert texts == [
        "[('wasmcustom.hits', 4, 4)]", "[('wasmcustom.size', 0)]",
        "[('wasmcustom.hits', 6, 2)]", "[('wasmcustom.size', 0)]",
        "[('wasmcustom.hits', 6, 0)]", "[('wasmcustom.size', 0)]",  # at the end
    ]  # fmt: skip
    assert {line.thread for line in proxy.log} == {"main"}


def test_module_of_another_language_gets_a_meaningless_size():
    script = "on_stats_update: get_buffer_bytes CALL_DATA 0 12; get_buffer_bytes CALL_DATA 0 2000000000"
    plugin = Plugin(Filter.from_file(scripted_guest()), config=script, kind="stat_sink")
    with Proxy([plugin], workers=1, stats_flush_interval=1.0) as proxy:
        proxy.advance(1.0)
        texts = [line.text.partition(" ")[2] for line in proxy.log]
        size = int(next(t for t in texts if t.startswith("on_stats_update")).rpartition(" ")[2].rstrip(")"))
        assert size > 1 << 20
        assert any("get_buffer_bytes(CALL_DATA, 0, 12) -> OK n=12" in t for t in texts)
        assert any("2000000000) -> INVALID_MEMORY_ACCESS" in t for t in texts)


@pytest.mark.parametrize("kind", ["http", "singleton", "access_log", "network"])
def test_sink_of_another_kind_is_refused(sink, kind):
    with pytest.raises(UsageError, match=r"never gets its callbacks \(on_stats_update\).*kind='stat_sink'"):
        Plugin(sink, kind=kind)


@pytest.mark.parametrize("names", [0, 1, 5000])
def test_snapshot_survives_the_wire(names):
    stats = Stats(
        {f"counter.{'x' * (n % 40)}.{n}": CounterUpdate(n + 1, n) for n in range(names)},
        {f"gauge.{n}": n for n in range(names)},
    )
    data, size = write_stats(stats, names + 700, names + 300)
    data += bytes(100_000)
    assert read_stats(lambda start, length: data[start : start + length]) == stats
    assert 0 <= size < 1 << 32


def test_sink_is_read_from_an_envoy_yaml(tmp_path):
    config = {"vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(scripted_guest())}}}}
    extensions = "type.googleapis.com/envoy.extensions."
    router = {"name": "r", "typed_config": {"@type": extensions + "filters.http.router.v3.Router"}}
    manager = {
        "@type": extensions + "filters.network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "h",
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]},
        "http_filters": [{"name": "w", "typed_config": {"@type": extensions + "filters.http.wasm.v3.Wasm", "config": {"name": "f", **config}}}, router],
    }  # fmt: skip
    other = {
        "name": "envoy.stat_sinks.dog_statsd",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 1}},
        },
    }
    sink = {
        "name": "envoy.stat_sinks.wasm",
        "typed_config": {"@type": extensions + "stat_sinks.wasm.v3.Wasm", "config": {"name": "s", **config}},
    }
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    text = yaml.safe_dump(
        {"stats_sinks": [sink, other], "stats_flush_interval": "2s", "static_resources": {"listeners": [listener]}}
    )
    (tmp_path / "envoy.yaml").write_text(text)
    with Proxy.from_envoy(tmp_path / "envoy.yaml", workers=1) as proxy:
        assert [(p.name, p.kind) for p in proxy.plugins] == [("f", "http"), ("s", "stat_sink")]
        assert proxy.settings.stats_flush_interval == 2.0
        assert any("dog_statsd" in sentence for sentence in proxy.left_out)
        folder = proxy.export(tmp_path / "out").folder
    exported = yaml.safe_load((folder / "envoy.yaml").read_text())
    assert exported["stats_flush_interval"] == "2.0s"
    assert [s["name"] for s in exported["stats_sinks"]] == ["envoy.stat_sinks.wasm"]
