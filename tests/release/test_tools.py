"""Tools that look into a VM work on release modules: tracebacks with locals, state, profiles, fuel, deadlines."""

import pytest

from wasmnb import Filter, Proxy
from wasmnb.traffic import profile

pytestmark = pytest.mark.slow  # a release module is made

SOURCE = """
class F(HttpContext):
    count = 0

    def on_http_request_headers(self, num_headers, end_of_stream):
        F.count += 1
        user = self.request_headers.get("x-user", "nobody")
        if user == "eve":
            raise KeyError(user)
        while user == "loop":
            pass
"""


@pytest.fixture(scope="module")
def tools():
    return Filter.from_source(SOURCE, "tools", filename="tools.py").release()


def counted(proxy):
    """Return the values of F.count, one for each VM."""
    return [value for v in proxy.python_state(worker=1).variables for value in v.values if v.name == "count"]


def test_python_state_shows_what_callbacks_have_changed(tools):
    with Proxy(tools, workers=1) as proxy:
        for _ in range(3):
            proxy.get("/")
        assert counted(proxy) == ["3"]
        proxy.get("/")
        assert counted(proxy) == ["4"]


def test_tracebacks_have_lines_and_locals(tools):
    with Proxy(tools, workers=1, show_locals=True) as proxy:
        exchange = proxy.get("/", {"x-user": "eve"})
        assert 'File "tools.py", line 9, in on_http_request_headers' in exchange.traceback
        assert "local user = 'eve'" in exchange.traceback


def test_endless_callback_is_stopped(tools):
    with Proxy(tools, workers=1, deadline=0.5) as proxy:
        assert proxy.get("/", {"x-user": "loop"}).failure is not None


def test_profile_shows_lines_and_the_instructions_of_the_interpreter_too(tools):
    with Proxy(tools, workers=1) as proxy:
        proxy.get("/")
        report = profile(proxy, requests=20)
    lines = {line.lineno for line in report.lines}
    assert {6, 7} <= lines
    assert report.fuel["on_request_headers"] > 1000


def test_fuel_is_the_same_in_every_run(tools):
    def fuel():
        with Proxy(tools, workers=1, fuel=True) as proxy:
            return [proxy.get("/").fuel for _ in range(3)]

    first, second = fuel(), fuel()
    assert first == second
    assert first[0]["on_request_headers"] > 1000


def test_memory_of_the_vm_does_not_grow(tools):
    with Proxy(tools, workers=1) as proxy:
        (vm,) = (vm for vm in proxy.vms if vm.role == "worker")
        for _ in range(50):
            proxy.get("/")
        before = vm.instance.memory.refresh()
        for _ in range(300):
            proxy.get("/")
        assert vm.instance.memory.refresh() == before
