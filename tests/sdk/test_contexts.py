"""Configuration, and which classes make the contexts."""

import pytest
from tests.sdk.fake_proxy import FakeProxy


def test_configuration_is_available_as_bytes_and_as_json():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-realm"] = self.plugin.config["realm"]
        self.request_headers["x-size"] = len(self.plugin.configuration)
        self.request_headers["x-vm"] = self.plugin.vm.configuration
"""
    proxy = FakeProxy(source, {"realm": "demo"}, b"vm text")
    result = proxy.exchange()
    assert result.upstream_header(b"x-realm") == b"demo"
    assert result.upstream_header(b"x-size") == b"17"
    assert result.upstream_header(b"x-vm") == b"vm text"


def test_empty_configuration_is_an_empty_dict():
    source = "class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        assert self.plugin.config == {}"
    FakeProxy(source).exchange()


def test_invalid_json_configuration_names_the_position():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        assert self.plugin.configuration == b'{"a": }'
        self.plugin.config
"""
    with pytest.raises(ValueError, match="the plugin configuration is not JSON: .* line 1, column 7"):
        FakeProxy(source, b'{"a": }').exchange()


def test_contexts_keep_their_own_state():
    source = """
class V(VMContext):
    def on_vm_start(self, size):
        self.size = size
        return self.config["ok"]

class P(PluginContext):
    def on_plugin_start(self, size):
        self.count = 0

class F(HttpContext):
    def __init__(self):
        self.mine = self.plugin.vm.size

    def on_http_request_headers(self, n, e):
        self.plugin.count += 1
        self.request_headers["x-count"] = self.plugin.count
        self.request_headers["x-mine"] = self.mine
"""
    proxy = FakeProxy(source, vm_config=b'{"ok": true}')
    proxy.exchange()
    result = proxy.exchange()
    assert result.upstream_header(b"x-count") == b"2"
    assert result.upstream_header(b"x-mine") == b"12"
    assert not FakeProxy(source, vm_config=b'{"ok": false}').started


def test_plugin_context_can_choose_stream_contexts():
    source = """
class Odd(HttpContext):
    def __init__(self, n):
        self.n = n
    def on_http_request_headers(self, n, e):
        self.request_headers["x-odd"] = self.n

class Even(HttpContext):
    def on_http_response_headers(self, n, e):
        self.response_headers["x-even"] = "1"

class P(PluginContext):
    def new_http_context(self, context_id):
        if context_id == 4:
            return None
        return Odd(context_id) if context_id % 2 else Even()
"""
    proxy = FakeProxy(source)
    assert {"on_request_headers", "on_response_headers"} <= proxy.exports
    first, second, third = proxy.exchange(), proxy.exchange(), proxy.exchange()
    assert first.header(b"x-even") == b"1" and first.upstream_header(b"x-odd") is None
    assert second.upstream_header(b"x-odd") == b"3"
    assert third.header(b"x-even") is None


def test_wrong_type_from_a_context_factory_raises_type_error():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e): pass
class P(PluginContext):
    def new_http_context(self, context_id):
        return "no"
"""
    with pytest.raises(TypeError, match="P.new_http_context returned 'no', but must return a HttpContext"):
        FakeProxy(source).exchange()


def test_super_returns_the_filters_context():
    source = """
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-made"] = self.made
class P(PluginContext):
    def new_http_context(self, context_id):
        context = super().new_http_context(context_id)
        context.made = "yes"
        return context
class V(VMContext):
    def new_plugin_context(self, context_id):
        self.plugin = super().new_plugin_context(context_id)
        return self.plugin
"""
    assert FakeProxy(source).exchange().upstream_header(b"x-made") == b"yes"
