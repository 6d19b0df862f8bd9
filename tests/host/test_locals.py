"""Local variables in the tracebacks of failed filters, with `show_locals`."""

import pytest

from wasmnb import Filter, Proxy
from wasmnb.errors import FilterTrap

SOURCE = """
class P(PluginContext):
    def on_plugin_start(self, size):
        limit = 5
        if self.configuration == b"bad":
            raise ValueError("limit")

class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        user = self.request_headers["x-user"]
        raise KeyError(user)
"""


@pytest.fixture(scope="module", params=[Filter.from_source, Filter.native])
def auth(request):
    return request.param(SOURCE, "auth")


def test_locals_are_in_the_failure_and_in_the_log(auth):
    with Proxy(auth, workers=2, show_locals=True) as proxy:
        exchange = proxy.get("/", {"x-user": "ann"}, worker=2)
        assert "    local user = 'ann'" in exchange.traceback
        assert any("local user = 'ann'" in line.text for line in proxy.log)
        assert exchange.failure.thread == "worker-2"
        assert exchange.failure.error().where == "on context 2, for exchange 1, on worker-2"


def test_filter_that_does_not_start_reports_locals(auth):
    with pytest.raises(FilterTrap) as caught:
        Proxy(auth, workers=1, config="bad", show_locals=True)
    assert "local limit = 5" in caught.value.traceback


def test_locals_are_not_reported_by_default(auth):
    with Proxy(auth, workers=1) as proxy:
        assert "local" not in proxy.get("/", {"x-user": "ann"}).traceback
