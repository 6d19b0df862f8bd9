"""Tools that look into a VM work on release modules: tracebacks with locals, Python state, interrupts by deadline."""

import pytest

from wasmnb import Filter, Proxy

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
def made():
    return Filter.from_source(SOURCE, "tools", filename="tools.py").release()


def counted(proxy):
    """Values of F.count, of which there is one a VM."""
    return [value for v in proxy.python_state(worker=1).variables for value in v.values if v.name == "count"]


def test_python_state_shows_what_callbacks_have_changed(made):
    with Proxy(made, workers=1) as proxy:
        for _ in range(3):
            proxy.get("/")
        assert counted(proxy) == ["3"]
        proxy.get("/")
        assert counted(proxy) == ["4"]


def test_tracebacks_have_lines_and_locals(made):
    with Proxy(made, workers=1, show_locals=True) as proxy:
        exchange = proxy.get("/", {"x-user": "eve"})
        assert 'File "tools.py", line 9, in on_http_request_headers' in exchange.traceback
        assert "local user = 'eve'" in exchange.traceback


def test_a_callback_without_end_is_stopped(made):
    with Proxy(made, workers=1, deadline=0.5) as proxy:
        assert proxy.get("/", {"x-user": "loop"}).failure is not None
