"""Tracebacks of release modules in the simulation name files and cells as their author knows them."""

import pytest

from wasmnb import Filter, Proxy
from wasmnb.compiler.dependencies.filter_source import Part

pytestmark = pytest.mark.slow

RAISES = "class Boom(HttpContext):\n    def on_http_request_headers(self, num_headers, end_of_stream):\n        raise ValueError(1)\n"


def logged_by(filter_):
    with Proxy(filter_.release(), workers=1, deadline=60) as proxy:
        exchange = proxy.get("/")
        return proxy.log[0].text, exchange.traceback


def test_cell_has_its_name_in_the_notebook():
    for text in logged_by(Filter.from_parts([Part(RAISES, "Cell In[3]")], "boom")):
        assert '  File "Cell In[3]", line 3, in on_http_request_headers' in text


def test_file_has_its_path(tmp_path):
    path = tmp_path / "boom.py"
    path.write_text(RAISES)
    for text in logged_by(Filter.from_file(path)):
        assert f'  File "{path}", line 3, in on_http_request_headers' in text


def test_saved_module_has_portable_names(tmp_path):
    saved = Filter.from_parts([Part(RAISES, "Cell In[3]")], "boom").save(tmp_path / "boom.wasm")
    with Proxy(Filter.from_file(saved), workers=1, deadline=60) as proxy:
        proxy.get("/")
        assert '  File "<boom cell>", line 3, in on_http_request_headers' in proxy.log[0].text
