"""The start of a proxy, step by step, and descriptions of its contexts."""

import pytest

from wasmnb import Filter, Plugin, Proxy
from wasmnb.view.documents.proxy.start import context_notes, vm_starts
from wasmnb.view.mimebundle import static_bundle
from wasmnb.view.panel import panel_of

SOURCE = """\
class Vm(VMContext):
    def on_vm_start(self, size):
        print("the VM starts")
        return True

class Root(PluginContext):
    def on_plugin_start(self, size):
        self.set_tick_period(1000)
        return True

class Gate(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-gate"] = "open"
"""


@pytest.fixture(scope="module")
def gate():
    return Filter.native(SOURCE, "gate")


@pytest.fixture(scope="module")
def proxy(gate):
    with Proxy(gate, workers=2, guest_time=0.001) as running:
        yield running


def test_start_has_every_vm_with_its_callbacks(proxy):
    starts = vm_starts(proxy.trace.of_starts(), 0.001)
    assert [(s.thread, s.role, s.closed_at is not None) for s in starts] == [
        ("main", "base", False), ("main", "canary", True), ("main", "main", False), ("worker-1", "worker", False),
        ("worker-2", "worker", False),
    ]  # fmt: skip
    names = [step.event.name for step in starts[1].steps]
    assert names[-3:] == ["on_context_create", "on_vm_start", "on_configure"]
    configure = starts[3].steps[-1]
    assert "set_tick_period_milliseconds" in [e.name for e in configure.inner]
    assert starts[3].ready == starts[4].ready == pytest.approx(proxy.now)


def test_contexts_are_named_as_in_the_sdk_with_the_authors_classes(proxy):
    assert [(name, own) for name, own, _ in context_notes(proxy.tree())] == [
        ("VMContext", "Vm"), ("PluginContext", "Root"), ("HttpContext", "Gate"),
    ]  # fmt: skip
    with proxy.clone() as other:
        stream = other.open("GET", "/", end=False)
        text = static_bundle(other.tree())["text/plain"]
        assert "vm VM1 base VMContext Vm" in text
        assert "plugin gate PluginContext Root" in text
        assert "HttpContext Gate  exchange 1" in text
        stream.reset()


def test_network_filter_and_foreign_module_have_their_contexts():
    sniff = Filter.native("class Sniff(TcpContext):\n    def on_new_connection(self): pass\n", "sniff")
    with Proxy(sniff, workers=1) as proxy:
        assert ("TcpContext", "Sniff") in [note[:2] for note in context_notes(proxy.tree())]
    nameless = Plugin(sniff)
    nameless.filter = type("Foreign", (), {"name": "x", "image": sniff.image, "callbacks": sniff.callbacks})()
    with Proxy(nameless, workers=1) as proxy:
        assert ("TcpContext", "") in [note[:2] for note in context_notes(proxy.tree())]


def test_proxy_without_traffic_shows_its_start_in_every_form(gate):
    with Proxy(gate, workers=2, guest_time=0.001) as proxy:
        forms = static_bundle(proxy)
        for form in forms.values():
            assert "5 VMs, ready after" in form
            assert "main: VM2, canary VM" in form
            assert "on_configure" in form
        panel = panel_of(proxy)
        start = panel.widget.start
        assert [vm["title"] for vm in start["vms"]][2:4] == ["main: VM3, main thread's VM", "worker-1: VM4, worker's VM"]
        assert [line[5] for line in start["vms"][3]["log"]] == ["the VM starts"]
        proxy.get("/")
        assert "ready after" not in static_bundle(proxy)["text/plain"]
        panel.perform("look", {"view": "Start"})
        assert panel.widget.start == start


def test_first_request_does_not_include_the_start_of_its_worker(gate):
    with Proxy(gate, workers=2, guest_time=0.001) as proxy:
        assert proxy.now == max(start.ready for start in vm_starts(proxy.trace.of_starts(), 0.001))
        first = proxy.get("/")
        assert first.waited == 0
        assert first.filter_ns == pytest.approx(first.duration * 1e9)


def test_failed_and_reloaded_vms_are_marked(gate):
    with Proxy(Plugin(gate, failure_policy="FAIL_RELOAD", reload_backoff=0.0), workers=1) as proxy:
        panel = panel_of(proxy)
        proxy.inject_trap(1, callback="on_request_headers")
        proxy.get("/")
        panel.perform("look", {"view": "Timeline"})
        failed = {band[0]: band[5] is not None for band in panel.widget.lanes["vms"]}
        assert failed[4] and not failed[3]
        proxy.get("/")
        panel.perform("look", {"view": "Start"})
        assert [vm["thread"] for vm in panel.widget.start["vms"]].count("worker-1") == 2
