"""A stats sink that logs the statistics of filters, and a filter with a counter and a gauge."""

from wasmnb.sdk import Counter, Gauge, HttpContext, PluginContext

hits = Counter("hits")
size = Gauge("size")


class Sink(PluginContext):
    def on_plugin_start(self, plugin_configuration_size):
        print("started as", self.configuration.decode())

    def on_stats_update(self, stats):
        counters = {n: (c.value, c.delta) for n, c in stats.counters.items() if n.startswith("wasmcustom.")}
        gauges = {n: v for n, v in stats.gauges.items() if n.startswith("wasmcustom.")}
        print(sorted(counters.items()), sorted(gauges.items()))
        vms = [v for n, v in stats.gauges.items() if n == "wasm.wasm_vm_count"]
        print("VMs", vms, "growth", stats.counters["wasm.envoy.wasm.runtime.v8.created"].delta)
        if self.configuration == b"traps":
            raise ValueError("a bad snapshot")


class Counting(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        hits.increment(int(self.request_headers.get("x-hits", "1")))
        size.set(7)
