"""State of the Python inside the VMs, which reading does not change."""

import pytest
from tests.host.host_kit import wat

from wasmnb import Filter, Proxy
from wasmnb.host.inspect import introspection

SOURCE = """
import collections

total = 0
seen = collections.deque(maxlen=3)

class Trap:
    def __repr__(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass

class P(PluginContext):
    paths = {}

    def on_plugin_start(self, size):
        self.hits = 0

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        global total
        total += 1
        self.path = self.request.path
        self.plugin.hits += 1
        seen.append(self.path)
        if self.path == "/pause":
            return Action.PAUSE
        if self.path == "/boom":
            self.half = "done"
            raise ValueError("boom")
        if self.path == "/trap":
            self.plugin.trap = Trap()
"""


@pytest.fixture(scope="module")
def auth():
    return Filter.from_source(SOURCE, "auth")


@pytest.fixture
def proxy(auth):
    with Proxy(auth, workers=2, guest_time=0.0) as proxy:
        yield proxy


def variable(state, name):
    return next(v for v in state.variables if v.name == name)


def test_diverging_variables_of_workers_are_listed(proxy):
    for worker in (1, 1, 1, 2):
        proxy.get("/", worker=worker)
    state = proxy.python_state()
    hits = variable(state, "hits")
    assert (hits.owner, hits.plugins, hits.differs) == ("P of auth", ("auth",), True)
    assert hits.values == {"0": ("main",), "3": ("worker-1",), "1": ("worker-2",)}
    assert {v.name for v in state.diverging} == {"hits", "total", "seen"}
    assert not variable(state, "paths").differs


def test_live_streams_are_listed_with_their_exchange(proxy):
    proxy.request("GET", "/pause", worker=2, wait=0.0)
    ((vm, stream),) = proxy.python_state().streams
    assert (vm.thread, stream.name, stream.class_name) == ("worker-2", "exchange 1", "F")
    assert stream.attributes == {"path": "'/pause'"}


def test_reading_changes_neither_trace_nor_ids_nor_clocks_nor_memory(auth):
    def run(look):
        with Proxy(auth, workers=2, guest_time=0.0) as proxy:
            events = []
            for path in ("/a", "/b", "/c"):
                exchange = proxy.get(path)
                events += [(e.seq, e.time, e.name, e.context, e.args) for e in exchange.events]
                if look:
                    proxy.python_state()
            return events, proxy.now, proxy.trace.total, [vm.memory_size for vm in proxy.vms], list(proxy.log)

    assert run(look=True) == run(look=False)


def test_endless_repr_harms_only_the_copy(proxy, monkeypatch):
    monkeypatch.setattr(introspection, "DEADLINE", 0.2)
    proxy.get("/trap", worker=1)
    first, second = (vm for vm in proxy.python_state().vms if vm.role == "worker")
    assert first.problem == "its Python interpreter trapped: still running after the deadline of 0.2 s"
    assert (second.problem, first.state) == ("", "running")
    assert proxy.get("/", worker=1).response.status == 200


def test_failed_vm_can_still_be_read(proxy):
    proxy.get("/boom", worker=1)
    state = proxy.python_state(worker=1)
    ((_, stream),) = state.streams
    assert stream.attributes == {"path": "'/boom'", "half": "'done'"}
    assert [(vm.thread, vm.state) for vm in state.vms] == [("worker-1", "failed")]


def test_module_of_another_compiler_cannot_be_read():
    with Proxy(wat(""), workers=1) as proxy:
        (_, worker) = proxy.python_state().vms
        assert (
            worker.problem
            == "the module was not compiled from Python by this wasmnb, so it has no introspection export"
        )


@pytest.mark.slow
def test_saved_module_can_be_read(auth, tmp_path):
    again = Filter.from_file(auth.save(tmp_path / "auth.wasm"))
    with Proxy(again, workers=1) as proxy:
        proxy.get("/")
        assert variable(proxy.python_state(), "hits").values == {"0": ("main",), "1": ("worker-1",)}


def test_native_filter_has_the_same_state(proxy):
    def variables(proxy):
        for worker in (1, 1, 2):
            proxy.get("/", worker=worker)
        return [(v.owner, v.name, v.values) for v in proxy.python_state().variables]

    with Proxy(Filter.native(SOURCE, "auth"), workers=2, guest_time=0.0) as native:
        assert variables(native) == variables(proxy)


def test_hostcall_of_a_native_repr_is_refused():
    source = """
class Nosy:
    def __repr__(self):
        return self.headers["x-user"]

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.nosy = Nosy()
        self.nosy.headers = self.request_headers
        return Action.PAUSE
"""
    for make in (Filter.native, Filter.from_source):
        with Proxy(make(source, "nosy"), workers=1, guest_time=0.0) as proxy:
            proxy.request("GET", "/", {"x-user": "ann"}, wait=0.0)
            total = proxy.trace.total
            ((_, stream),) = proxy.python_state().streams
            assert stream.attributes["nosy"].startswith("<Nosy: its repr raised")
            assert (proxy.trace.total, proxy.state) == (total, "running")
