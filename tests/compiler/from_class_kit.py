"""Helpers for modules with a decorated class: the results of such filters, and the errors of rejected classes."""

import pytest

from wasmnb.errors import SourceError
from wasmnb.host import Proxy

HEAD = "import wasmnb\nfrom wasmnb import HttpContext, PluginContext, VMContext, TcpContext\n"

AUTH = """
@wasmnb.filter
class Auth(HttpContext):
    def on_http_request_headers(self, num_headers, end_of_stream):
        self.request_headers["x-said"] = str({0})
"""


def said(filter_, **options):
    with Proxy(filter_, workers=1, **options) as proxy:
        return proxy.get("/").upstream_request.headers["x-said"]


def refusal(module, text, **others):
    with pytest.raises(SourceError) as caught:
        module(text, **others)
    return caught.value
