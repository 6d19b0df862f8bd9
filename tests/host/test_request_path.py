"""The functions that a request passes through, as CONTRIBUTING.md lists them."""

from tests.host.call_walks import called_functions, listed_functions
from wasmnb import Filter, Proxy

FILTER = """
class F(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-user"] = "ann"
"""


def test_request_calls_the_listed_functions_in_order():
    with Proxy(Filter.from_source(FILTER), workers=1) as proxy:
        proxy.get("/")
        called = called_functions(lambda: proxy.get("/"))
    listed = listed_functions("Follow a request")
    assert len(listed) == 11
    assert [function for function in called if function in listed] == listed
