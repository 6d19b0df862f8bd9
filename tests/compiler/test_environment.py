"""Environment variables that a filter reads at the top of its source, before its plugin is known."""

import pytest

from wasmnb.compiler import Filter
from wasmnb.errors import FilterTrap, SourceError
from wasmnb.host import Plugin, Proxy

END = """
class F(HttpContext):
    def on_http_response_headers(self, num_headers, end_of_stream):
        self.response_headers["x"] = str(VALUE)
"""


@pytest.fixture(params=["wasm", "native"])
def compile_filter(request):
    return Filter.from_source if request.param == "wasm" else Filter.native


@pytest.mark.parametrize(
    ("top", "variables", "value"),
    [
        ('import os\nVALUE = os.environ["TOKEN"]', {"TOKEN": "secret"}, "secret"),
        ('import os\nVALUE = int(os.environ["TTL"]) + len(os.environ["B"])', {"TTL": "30", "B": "xy"}, "32"),
        ('import os, json\nVALUE = json.loads(os.environ["RULES"])["a"]', {"RULES": '{"a": 7}'}, "7"),
        ('import os\nVALUE = os.environ.get("NONE", "default")', {}, "default"),
    ],
)
def test_variable_at_the_top_comes_from_the_plugin(compile_filter, top, variables, value):
    module = compile_filter(top + END)
    with Proxy(Plugin(module, environment=variables)) as proxy:
        assert proxy.get("/").response.headers["x"] == value


def test_only_needed_callbacks_are_exported_with_a_stand_in():
    module = Filter.from_source('import os\nVALUE = os.environ["TOKEN"]' + END)
    assert "proxy_on_response_headers" in module.info.exports
    assert "proxy_on_request_headers" not in module.info.exports


def test_error_about_a_missing_variable_contains_the_remedy(compile_filter):
    module = compile_filter('import os\nVALUE = os.environ["TOKEN"]' + END)
    with pytest.raises(FilterTrap) as caught:
        Proxy(module)
    text = str(caught.value) + "".join(line.text for line in caught.value.log)
    assert "KeyError: 'TOKEN'" in text
    assert "no environment variable TOKEN" in text
    assert "environment={'TOKEN': ...}" in text


def test_other_missing_keys_are_errors_of_the_source(compile_filter):
    with pytest.raises(SourceError, match="KeyError: 'TOKEN'"):
        compile_filter('settings = {}\nVALUE = settings["TOKEN"]' + END)
    with pytest.raises(SourceError, match="ZeroDivisionError"):
        compile_filter("import os\nVALUE = 1 / 0" + END)
