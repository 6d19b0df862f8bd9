import sys
import types

import pytest
from tests.sdk.fake_proxy import FakeProxy


def exports(source):
    return FakeProxy(source, start=False).exports


def stream(body, callback="on_http_request_headers(self, n, e)"):
    return f"class F(HttpContext):\n    def {callback}:\n        {body}"


def test_exports_are_overridden_callbacks_and_on_configure():
    assert exports(stream("pass")) == {"on_configure", "on_request_headers"}
    assert exports("class F(HttpContext): pass") == {"on_configure"}
    assert exports("class F(TcpContext):\n    def on_upstream_close(self, t): pass") == {
        "on_configure", "on_upstream_connection_close",
    }


def test_names_are_full_export_names_in_table_order():
    proxy = FakeProxy("class F(HttpContext):\n    def on_http_stream_done(self): pass\n    def on_http_request_headers(self, n, e): pass")
    assert proxy.dispatcher.exports() == ["proxy_on_configure", "proxy_on_request_headers", "proxy_on_log"]


@pytest.mark.parametrize(
    "body",
    ["self.http_call('c')", "getattr(self, 'http_call')('c')", "(lambda: self.http_call('c'))()", "hostcalls.http_call('c', {})",
     "[self.http_call(c) for c in ()]"],
)
def test_http_call_exports_its_response_callback(body):
    assert "on_http_call_response" in exports(stream(body))


def test_grpc_calls_and_streams_export_their_callbacks():
    assert {"on_grpc_receive", "on_grpc_close"} <= exports(stream("self.grpc_call('c', 's', 'm')"))
    assert "on_grpc_receive_trailing_metadata" not in exports(stream("self.grpc_call('c', 's', 'm')"))
    assert "on_grpc_receive_trailing_metadata" in exports(stream("self.grpc_stream('c', 's', 'm')"))


def test_imported_packages_export_every_callback_of_calls(monkeypatch):
    module = types.ModuleType("some_library")
    exec("def check(context): return context.http_call('auth')", module.__dict__)
    monkeypatch.setitem(sys.modules, "some_library", module)
    assert "on_http_call_response" in exports("from some_library import check\n" + stream("check(self)"))
    assert "on_http_call_response" in exports("import some_library\n" + stream("pass"))
    assert "on_http_call_response" not in exports("import json, re\nfrom collections import deque\n" + stream("pass"))


def test_awaiting_a_body_exports_its_callbacks():
    body_callbacks = {"on_request_body", "on_request_trailers"}
    asynchronous = "class F(HttpContext):\n    async def on_http_request_headers(self, n, e):\n        "
    assert body_callbacks <= exports(asynchronous + "await self.request_body()")
    assert body_callbacks <= exports(asynchronous + "await self.request.body()")
    assert "on_response_body" not in exports(asynchronous + "await self.request.body()")
    call = "response = await self.http_call('a')\n        return response.body"
    assert not {"on_request_body", "on_response_body"} & exports(asynchronous + call)
    assert "on_tick" in exports(asynchronous + "await sleep(1)")


def test_wait_without_its_callback_is_refused():
    name = "'http' + '_call'"
    source = f"class F(HttpContext):\n    def on_http_request_headers(self, n, e):\n        getattr(self, {name}.strip('!'))('c')"
    with pytest.raises(RuntimeError, match="http_call needs the callback on_http_call_response, which the module doesn't export"):
        FakeProxy(source, clusters={"c": 1}).exchange()


def test_methods_of_a_base_class_are_exported():
    source = "class B(HttpContext):\n    def on_http_response_headers(self, n, e): pass\nclass F(B): pass"
    assert "on_response_headers" in exports(source)
