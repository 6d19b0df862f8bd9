"""Headers that depend on the body: natively, as Wasm in the simulated proxy, and in the real Envoy."""

import hashlib

import pytest

from wasmnb.cli import main
from wasmnb.compiler import Filter
from wasmnb.envoy import export
from wasmnb.host import Plugin, Proxy
from wasmnb.messages import Response

SOURCE = '''
import hashlib

class F(HttpContext):
    async def on_http_request_headers(self, num_headers, end_of_stream):
        case = getattr(self, self.request.path.strip("/"), None)
        return None if case is None else await case()

    async def on_http_response_headers(self, num_headers, end_of_stream):
        if self.response_headers.get("x-etag"):
            body = await self.response.body()
            self.response_headers["etag"] = hashlib.sha256(body).hexdigest()
            if b"secret" in body:
                return self.send_local_response(500, "kept back")
            self.response.headers.remove("content-length")
            self.response_body = b"<" + body + b">"

    async def sign(self):
        body = await self.request_body()
        self.request_headers["x-sig"] = hashlib.sha256(body).hexdigest()

    async def sign_after_call(self):
        response = await self.http_call("auth")
        body = await self.request_body()
        await sleep(0.01)
        self.request_headers["x-sig"] = response.text + hashlib.sha256(body).hexdigest()

    async def together(self):
        body, response = await gather(self.request_body(), self.http_call("auth"))
        self.request_headers["x-sig"] = response.text + hashlib.sha256(body).hexdigest()

    async def check(self):
        if b"bad" in await self.request_body():
            return self.send_local_response(400, "bad")

    async def rewrite(self):
        body = await self.request_body()
        self.request_headers.remove("content-length")
        self.request_body = body.upper() + b"!"

    async def write_nothing(self):
        await self.request_body()
        self.request_body = b"new"
'''

BODY = b"a body that arrives " * 3000
SUM = hashlib.sha256(BODY).hexdigest()


def upstream(request):
    if request.path == "/etag":
        return Response(200, [("x-etag", "1")], b"abc")
    if request.path == "/secret":
        return Response(200, [("x-etag", "1")], b"secret")
    if request.path in ("/empty", "/not-modified"):
        return Response(304 if request.path == "/not-modified" else 404, [("x-etag", "1")])
    return Response(200, body=request.body)


CLUSTERS = {"auth": Response(200, body=b"auth-")}


def real(plugin, **settings):
    from wasmnb.envoy import Envoy

    return Envoy(plugin, **settings)


@pytest.fixture(scope="module")
def filters():
    return {"native": Filter.native(SOURCE, "signer"), "wasm": Filter.from_source(SOURCE, name="signer")}


@pytest.fixture(
    scope="module", params=["native", "simulated", pytest.param("envoy", marks=[pytest.mark.envoy])]
)
def proxies(request, filters):
    """The proxy with and without the setting."""
    make = real if request.param == "envoy" else Proxy
    filter_ = filters["native" if request.param == "native" else "wasm"]
    settings = {"workers": 1, "upstream": upstream, "clusters": CLUSTERS}
    with (
        make(Plugin(filter_, allow_on_headers_stop_iteration=True), **settings) as paused,
        make(Plugin(filter_), **settings) as plain,
    ):
        yield paused, plain


@pytest.mark.parametrize("case", ["sign", "sign_after_call", "together"])
@pytest.mark.parametrize(
    "message", [{"body": BODY}, {"chunks": [BODY[:9], BODY[9:]]}, {"chunks": [BODY], "trailers": [("t", "1")]}], ids=len
)
def test_header_that_depends_on_the_body_is_written_after_the_await(proxies, case, message):
    paused, _ = proxies
    exchange = paused.request("POST", f"/{case}", **message)
    assert exchange.response.status == 200 and exchange.upstream_request.body == BODY
    assert exchange.upstream_request.headers["x-sig"] == ("" if case == "sign" else "auth-") + SUM


def test_header_of_a_request_without_a_body_is_written_after_the_await(proxies):
    for proxy in proxies:
        exchange = proxy.get("/sign")
        assert exchange.upstream_request.headers["x-sig"] == hashlib.sha256(b"").hexdigest()


def test_refused_body_leaves_the_upstream_without_a_request(proxies):
    paused, _ = proxies
    exchange = paused.post("/check", body=b"all bad")
    assert exchange.response.status == 400 and exchange.upstream_request is None
    assert paused.post("/check", body=b"good").response.body == b"good"


def test_paused_headers_lose_their_content_length_with_the_body(proxies):
    paused, _ = proxies
    exchange = paused.post("/rewrite", body=b"abc")
    assert exchange.upstream_request.body == b"ABC!" and exchange.response.body == b"ABC!"


def test_response_headers_are_paused_until_the_body_is_there(proxies):
    paused, _ = proxies
    exchange = paused.get("/etag")
    assert exchange.response.body == b"<abc>" and exchange.response.headers["etag"] == hashlib.sha256(b"abc").hexdigest()


def test_local_response_replaces_a_paused_response(proxies):
    paused, _ = proxies
    exchange = paused.get("/secret")
    assert (exchange.response.status, exchange.response.body) == (500, b"kept back")


def test_error_names_the_setting_that_is_missing(proxies):
    _, plain = proxies
    exchange = plain.post("/sign", body=b"abc")
    assert exchange.response.status == 503
    text = "\n".join(line.text for line in plain.log)
    assert "set allow_on_headers_stop_iteration (%%wasmfilter --hold-headers)" in text


@pytest.mark.parametrize("path", ["/empty", "/not-modified"])
def test_awaiting_a_missing_body_fails_only_its_stream(proxies, path):
    for proxy in proxies:
        exchange = proxy.get(path)
        assert exchange.response.status == 503
        assert "A message without a body" in "\n".join(line.text for line in proxy.log)
        assert proxy.post("/check", body=b"good").response.status == 200


def test_writing_a_missing_body_fails_only_its_stream(proxies):
    for proxy in proxies:
        assert proxy.get("/write_nothing").response.status == 503
        assert proxy.get("/other").response.status == 200


@pytest.mark.slow
def test_setting_is_exported_and_read_again(filters, tmp_path):
    plugin = Plugin(filters["wasm"], environment={"TOKEN": "x"}, allow_on_headers_stop_iteration=True)
    export(plugin, tmp_path / "out")
    text = (tmp_path / "out" / "envoy.yaml").read_text()
    assert "allow_on_headers_stop_iteration: true" in text and "WASMNB_HOLD_HEADERS: signer" in text
    manifest = (tmp_path / "out" / "wasmplugin.yaml").read_text()  # Istio has no field for the setting
    assert "TOKEN" in manifest and "WASMNB_HOLD_HEADERS" not in manifest
    with Proxy.from_envoy(tmp_path / "out" / "envoy.yaml", upstream=upstream) as proxy:
        exchange = proxy.post("/sign", body=b"abc")
    assert exchange.upstream_request.headers["x-sig"] == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.slow
def test_setting_without_the_variable_is_enough_for_the_import(filters, tmp_path):
    export(Plugin(filters["wasm"], allow_on_headers_stop_iteration=True), tmp_path / "out")
    file = tmp_path / "out" / "envoy.yaml"
    file.write_text(file.read_text().replace("WASMNB_HOLD_HEADERS", "OTHER"))
    with Proxy.from_envoy(file, upstream=upstream) as proxy:
        assert proxy.post("/sign", body=b"abc").upstream_request.headers["x-sig"]


def test_plugin_without_the_setting_does_not_wait_in_a_shared_vm(filters):
    setting = {"allow_on_headers_stop_iteration": True}
    first, second = Plugin(filters["wasm"], name="first", **setting), Plugin(filters["wasm"], name="second")
    with Proxy([first, second], workers=1, upstream=upstream) as proxy:
        exchange = proxy.post("/check", body=b"good")
        assert (exchange.state, exchange.response.body) == ("done", b"good")


@pytest.mark.parametrize("make", [Proxy, pytest.param(real, marks=[pytest.mark.envoy])])
def test_plugins_of_one_vm_all_pause_their_headers(filters, make):
    chain = [Plugin(filters["wasm"], name=name, allow_on_headers_stop_iteration=True) for name in ("first", "second")]
    with make(chain, workers=1, upstream=upstream) as proxy:
        exchange = proxy.post("/sign", body=b"abc")
        assert exchange.response.status == 200 and exchange.upstream_request.headers["x-sig"] == hashlib.sha256(b"abc").hexdigest()
        assert proxy.post("/check", body=b"bad").upstream_request is None


ENVIRONMENT = """
import os
class F(HttpContext):
    def on_http_request_headers(self, n, e):
        self.request_headers["x-env"] = ",".join(sorted(os.environ))
"""


@pytest.mark.parametrize("make", [Filter.native, Filter.from_source])
def test_filter_sees_only_its_own_variables(make):
    plugin = Plugin(make(ENVIRONMENT), environment={"TOKEN": "x"}, allow_on_headers_stop_iteration=True)
    with Proxy(plugin, workers=1) as proxy:
        assert proxy.get("/").upstream_request.headers["x-env"] == "TOKEN"


def test_command_line_has_the_flag(tmp_path, capsys):
    (tmp_path / "signer.py").write_text("from wasmnb.sdk import *\n" + SOURCE)
    assert main(["run", str(tmp_path / "signer.py"), "--native", "--hold-headers", "-r", "POST /sign -d abc"]) == 0
    assert hashlib.sha256(b"abc").hexdigest() in capsys.readouterr().out
